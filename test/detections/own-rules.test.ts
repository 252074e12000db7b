import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SECOND } from '../../src/base/index.ts';
import { detectByRules } from '../../src/detections/own-rules.ts';
import { prepareRequests } from '../../src/detections/requests/request.ts';
import { readRuleFolder } from '../../src/detections/sigma/rule-folder.ts';
import { stepKinds } from '../../src/detections/tables.ts';
import type { Engine } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { temporaryFolder } from '../fixtures/run.ts';

let engine: Engine;
const folder = temporaryFolder('own-rules');
beforeAll(async () => {
  engine = await memoryEngine();
  fs.writeFileSync(
    path.join(folder, 'guessing.yml'),
    `title: Refused
title_ja: 拒否
id: refused
name: refused
logsource: {category: authentication}
detection: {s: {outcome: 2}, condition: s}
---
title: Let in
title_ja: 許可
id: let-in
name: let_in
logsource: {category: authentication}
detection: {s: {outcome: 1}, condition: s}
---
title: Many accounts refused
title_ja: 多数のアカウントで拒否
id: many
name: many
author: Tadasu
correlation: {type: value_count, rules: [refused], group-by: [src_ip], timespan: 10m, condition: {gte: 5, field: user}}
---
title: Many accounts refused and one let in
title_ja: 多数の拒否と成功
id: guessed
author: Tadasu
correlation: {type: temporal, rules: [many, let_in], group-by: [src_ip], timespan: 30m}
level: high
tadasu: {kind: password-spray, outcome: succeeded}
`,
  );
});
afterAll(() => {
  engine.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const attempt = (second: number, ip: string, account: string, outcome: number): EventRow => ({
  class: 3,
  time_us: second * SECOND,
  src_ip: ip,
  account,
  outcome,
});

it('rules and correlations that only feed another are told by it alone', async () => {
  const rows = [
    ...[1, 2, 3, 4, 5, 6].map(i => attempt(i * 60, '192.0.2.1', `u${i}`, 2)),
    attempt(420, '192.0.2.1', 'u9', 1),
    ...[1, 2, 3, 4, 5, 6].map(i => attempt(i * 60, '192.0.2.2', `u${i}`, 2)),
    ...[1, 2, 3].map(i => attempt(i * 60, '192.0.2.3', `u${i}`, 2)),
    attempt(400, '192.0.2.3', 'u1', 1),
  ];
  await loadEvents(engine, rows);
  await prepareRequests(engine);
  const { detections, problems } = await detectByRules(engine, readRuleFolder(folder));
  expect(problems).toEqual([]);
  expect([...new Set(detections.map(d => [d.ruleId, d.kind, d.outcome, d.level].join()))]).toEqual(['guessed,password-spray,succeeded,high']);
});

it('every rule of ours says where it leads: a kind of step that exists, a level, and tags', () => {
  const kinds = new Set<string>(stepKinds);
  for (const r of readRuleFolder('rules').rules)
    expect([
      r.file,
      kinds.has(String(r.custom['kind'])),
      ['informational', 'low', 'medium', 'high', 'critical'].includes(r.level),
      r.tags.some(t => /^attack\.t\d{4}/.test(t)),
    ]).toEqual([r.file, true, true, true]);
});
