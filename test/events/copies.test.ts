import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { langs, problemText } from '../../src/base/index.ts';
import { readProblems } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { ingestCase } from './ingest-case.ts';

/** Two files of one evidence that hold the same lines: each line is an event once, and none is lost. */

const line = (i: number): string =>
  `203.0.113.${i % 7} - - [21/Nov/2026:20:${String(Math.floor(i / 60) % 60).padStart(2, '0')}:${String(i % 60).padStart(2, '0')} +0000] "GET /p${i % 13}?n=${i % 29} HTTP/1.1" 200 ${500 + (i % 31)} "-" "agent"`;
const lines = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => line(from + i));

async function read(files: readonly (readonly string[])[], oneEvidence = true) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-copies-'));
  const c = await ingestCase(
    files.map((f, i) => ({ name: `${i}.log`, bytes: `${f.join('\n')}\n`, format: 'nginx-combined' })),
    {},
    dir,
    oneEvidence,
  );
  try {
    const events = await c.kase.engine.rows<{ file_no: number; line_no: number }>('t', sql`select file_no, line_no from event order by event_id`);
    const problems = (await readProblems(c.kase.engine)).filter(p => p.code === 'events.copied-lines');
    for (const p of problems) for (const lang of langs) expect(problemText(lang, p.code, { ...p.params, count: p.count })).not.toContain('{{');
    const totals = await c.kase.engine.row<{ n: number }>('t', sql`select sum(lines_total)::bigint as n from event_file`);
    return {
      events: events.map(e => files[e.file_no - 1]![e.line_no - 1]!),
      copied: problems.reduce((n, p) => n + (p.count ?? 0), 0),
      problems,
      total: totals.n,
    };
  } finally {
    c.close();
  }
}

test.each([
  ['the end of one is the beginning of the next', [lines(0, 200), lines(150, 300)], lines(0, 300)],
  ['an extract out of the middle', [lines(0, 300), lines(100, 160)], lines(0, 300)],
  ['the extract is given first', [lines(100, 160), lines(0, 300)], lines(0, 300)],
  ['a copy taken earlier', [lines(0, 120), lines(0, 300)], lines(0, 300)],
  ['three that overlap', [lines(0, 120), lines(60, 220), lines(100, 300)], lines(0, 300)],
] as const)('%s: every line is an event once', async (_, files, whole) => {
  const r = await read(files);
  expect([...r.events].sort()).toEqual([...whole].sort());
  expect(r.total).toBe(r.events.length + r.copied);
});

test.each([
  ['other lines in between', [lines(0, 200), [...lines(100, 140), line(999), ...lines(140, 200)]], true],
  ['a run of a few lines', [lines(0, 200), lines(185, 260)], true],
  [
    'the same line again and again',
    [
      [...lines(0, 50), ...Array.from({ length: 40 }, () => line(50))],
      [...Array.from({ length: 40 }, () => line(50)), ...lines(51, 90)],
    ],
    true,
  ],
  ['files of two sources', [lines(0, 200), lines(100, 300)], false],
] as const)('%s: nothing is taken for a copy', async (_, files, oneEvidence) => {
  const r = await read(files, oneEvidence);
  expect([r.copied, r.problems.length, r.events.length]).toEqual([0, 0, r.total]);
});

test('pieces of one log, however they overlap: no line is lost, and what is counted twice is not listed as a copy', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(250), fc.integer({ min: 1, max: 200 })), { minLength: 2, maxLength: 4 }), async pieces => {
      const files = pieces.map(([from, n]) => lines(from, from + n));
      const r = await read(files);
      expect(new Set(r.events)).toEqual(new Set(files.flat()));
      expect(r.total).toBe(r.events.length + r.copied);
    }),
    { numRuns: 8, seed: 4 },
  );
});
