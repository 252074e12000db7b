import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flatten } from '../../src/detections/sigma/documents.ts';
import type { Expr, Rule } from '../../src/detections/sigma/ir.ts';
import { readRuleFolder } from '../../src/detections/sigma/rule-folder.ts';
import { runRules } from '../../src/detections/sigma/run.ts';
import type { Engine } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { type Dice, dice, sampleOf } from '../reference/rule-samples.ts';
import { holds } from '../reference/sigma-interpreter.ts';

const root = '../shared/data/sigma';
const eventsInAll = 100_000;
const webEvents = 30_000;

/** A share of the rules, the same every time. */
function some(rules: readonly Rule[], n: number, roll: Dice): Rule[] {
  const left = [...rules];
  const out: Rule[] = [];
  while (out.length < n && left.length > 0) out.push(...left.splice(roll(left.length), 1));
  return out;
}

const bare = (r: Rule): Rule => ({ ...r, logsource: { product: null, category: null, service: null } });
const leaves = (e: Expr): number => (e.op === 'leaf' ? 1 : e.op === 'not' || e.op === 'search' ? leaves(e.item) : e.items.reduce((n, x) => n + leaves(x), 0));

/** Pairs of rule and event where the two may differ: those made for each other, those that matched, and a thin sample of all the rest. */
function compare(
  rules: readonly Rule[],
  made: readonly number[],
  got: ReadonlySet<string>,
  says: (rule: Rule, event: number) => boolean,
  roll: Dice,
): { wrong: string[]; held: number; judged: number } {
  const wrong: string[] = [];
  let held = 0;
  let judged = 0;
  const judge = (r: number, e: number): void => {
    judged++;
    const expected = says(rules[r]!, e);
    if (expected) held++;
    if (expected !== got.has(`${r} ${e}`)) wrong.push(`${expected ? 'missed' : 'invented'} ${rules[r]!.file} event ${e}`);
  };
  const done = new Set<string>();
  made.forEach((r, e) => {
    judge(r, e);
    done.add(`${r} ${e}`);
  });
  for (const key of got) {
    if (done.has(key)) continue;
    const [r, e] = key.split(' ').map(Number) as [number, number];
    judge(r, e);
  }
  for (let i = 0; i < made.length; i++) {
    const r = roll(rules.length);
    const e = roll(made.length);
    if (!done.has(`${r} ${e}`) && !got.has(`${r} ${e}`)) judge(r, e);
  }
  return { wrong, held, judged };
}

describe.skipIf(!fs.existsSync(root))('the public rules against a slow reading of them (skipped where they are not at hand)', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await memoryEngine();
  });
  afterAll(() => engine.close());

  const all = (): Rule[] => ['rules', 'rules-emerging-threats'].flatMap(f => readRuleFolder(path.join(root, f)).rules);
  const isWeb = (r: Rule): boolean => r.logsource.category === 'webserver';

  it('all webserver rules and three hundred others over records made from their own values', { timeout: 180_000 }, async () => {
    const roll = dice(11);
    const known = all();
    const rules = [
      ...known.filter(isWeb),
      ...some(
        known.filter(r => !isWeb(r) && leaves(r.expr) <= 120),
        300,
        roll,
      ),
    ].map(bare);
    const each = Math.floor((eventsInAll - webEvents) / rules.length);
    const records: { data: Record<string, string>; made: number }[] = [];
    rules.forEach((r, made) => {
      for (let i = 0; i < each; i++) {
        const { fields, words } = sampleOf(r.expr, roll);
        records.push({ made, data: { ...Object.fromEntries(fields), ...(words.length > 0 && { note: words.join(' ') }) } });
      }
    });
    async function* documents() {
      let line = 0;
      for (const { data } of records) yield { file: 'f', line: ++line, text: JSON.stringify(data), data };
    }
    const run = await runRules(engine, { rules, correlations: [], filters: [], unsupported: [] }, documents(), false);
    expect(run.unsupported).toEqual([]);
    const number = new Map(rules.map((r, i) => [r, i]));
    const got = new Set(run.matches.map(m => `${number.get(m.rule)} ${m.event}`));
    const result = compare(
      rules,
      records.map(r => r.made),
      got,
      (rule, e) => {
        const flat = flatten(records[e]!.data);
        return holds(rule.expr, flat, `${JSON.stringify(records[e]!.data)}\n${[...new Set([...flat.values()].flat())].join('\n')}`);
      },
      roll,
    );
    expect(result.wrong.slice(0, 5)).toEqual([]);
    expect(result.held).toBeGreaterThan(0.2 * records.length);
    expect(result.judged).toBeGreaterThan(records.length);
    const fired = new Set(run.matches.map(m => m.rule));
    expect(fired.size).toBeGreaterThan(0.9 * rules.length);
  });

  it('all webserver rules over request events', { timeout: 120_000 }, async () => {
    const roll = dice(12);
    const rules = all().filter(isWeb);
    const each = Math.floor(webEvents / rules.length);
    const rows: EventRow[] = [];
    const made: number[] = [];
    rules.forEach((r, n) => {
      for (let i = 0; i < each; i++) {
        rows.push(requestFrom(sampleOf(r.expr, roll), roll));
        made.push(n);
      }
    });
    await loadEvents(
      engine,
      rows.map((r, i) => ({ ...r, line_no: i + 1, time_us: i })),
    );
    const run = await runRules(engine, { rules, correlations: [], filters: [], unsupported: [] }, null, true);
    expect(run.unsupported).toEqual([]);
    const number = new Map(rules.map((r, i) => [r, i]));
    const eventOf = (id: number): number => (id - 2 ** 40) / 16 - 1;
    const got = new Set(run.matches.map(m => `${number.get(m.rule)} ${eventOf(m.event)}`));
    const result = compare(rules, made, got, (rule, e) => holds(rule.expr, recordOf(rows[e]!), messageOf(rows[e]!)), roll);
    expect(result.wrong.slice(0, 5)).toEqual([]);
    expect(result.held).toBeGreaterThan(0.2 * rows.length);
  });
});

const text = (v: string | number | null | undefined): string | null => (v === null || v === undefined ? null : String(v));

/** The request that a sample of W3C names describes; what is not named is everyday or absent. */
function requestFrom({ fields, words }: ReturnType<typeof sampleOf>, roll: Dice): EventRow {
  const f = new Map([...fields].map(([k, v]) => [k.toLowerCase(), v]));
  const pick = (...names: string[]): string | undefined => names.map(n => f.get(n)).find(v => v !== undefined);
  const query = pick('cs-uri-query', 'c-uri-query', 'c-uri', 'cs-uri', 'uri', 'url');
  const stem = pick('cs-uri-stem', 'c-uri-stem', 'c-uri-path');
  const path = stem ?? (query ?? '/').split('?')[0]!;
  const target =
    query === undefined
      ? `${path}${words.length > 0 ? `?q=${words.join(' ')}` : ''}`
      : stem !== undefined && !query.startsWith(stem)
        ? `${stem}?${query}`
        : query + words.join(' ');
  // At times the log holds the encoded form, and only what decoding gives is what a rule looks for.
  const encoded = roll(4) === 0;
  const status = Number(pick('sc-status', 'status') ?? Number.NaN);
  return {
    class: 1,
    method: pick('cs-method', 'c-method', 'method', 'request_method') ?? (roll(2) === 0 ? 'GET' : null),
    target: encoded ? encodeURI(target) : target,
    target_norm: encoded && encodeURI(target) !== target ? target : null,
    path,
    status: Number.isInteger(status) && status >= 0 && status < 1000 ? status : 200,
    user_agent: pick('cs-user-agent', 'c-useragent', 'cs-useragent', 'useragent') ?? null,
    referer: pick('cs-referer', 'cs-referrer', 'c-referer', 'referer') ?? null,
    host: pick('cs-host', 'r-dns') ?? null,
    src_ip: pick('c-ip', 'src_ip') ?? null,
    account: pick('cs-username') ?? null,
  };
}

function recordOf(row: EventRow): Map<string, string | string[]> {
  const out = new Map<string, string | string[]>();
  const put = (names: readonly string[], ...columns: string[]): void => {
    const values = columns.map(c => text(row[c])).filter(v => v !== null);
    for (const n of names) if (values.length > 0) out.set(n, values.length === 1 ? values[0]! : values);
  };
  put(['cs-method', 'c-method', 'method', 'request_method'], 'method');
  put(['cs-uri-query', 'c-uri-query', 'c-uri', 'cs-uri', 'uri', 'url'], 'target', 'target_norm');
  put(['cs-uri-stem', 'c-uri-stem', 'c-uri-path'], 'path');
  put(['sc-status', 'status'], 'status');
  put(['cs-user-agent', 'c-useragent', 'cs-useragent', 'useragent'], 'user_agent');
  put(['cs-referer', 'cs-referrer', 'c-referer', 'referer'], 'referer');
  put(['cs-host', 'r-dns', 's-computername'], 'host');
  put(['c-ip', 'src_ip'], 'src_ip');
  put(['cs-username'], 'account');
  const extension = /\.([A-Za-z0-9]{1,8})$/.exec(text(row['path']) ?? '')?.[1];
  if (extension) out.set('c-uri-extension', extension);
  return out;
}

const messageOf = (row: EventRow): string =>
  ['method', 'target', 'target_norm', 'protocol', 'host', 'referer', 'user_agent', 'message']
    .map(c => text(row[c]))
    .filter(v => v !== null)
    .join(' ');
