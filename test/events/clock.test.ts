import fs from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { MINUTE, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { spread } from '../../src/events/clock.ts';
import { estimateOffset, type Pairs } from '../../src/events/clock-estimate.ts';
import { estimateClockOffsets, measureCoverage } from '../../src/events/index.ts';
import { randomOf } from '../fixtures/random.ts';
import { type GivenLog, type IngestedCase, ingestCase } from './ingest-case.ts';
import { haveShared, sharedFile } from './memory/record-reader.ts';

const pairsOf = (rows: readonly { token: number; lo: number; hi: number; at?: number }[]): Pairs => ({
  token: Float64Array.from(rows.map(r => r.token)),
  lo: Float64Array.from(rows.map(r => r.lo)),
  hi: Float64Array.from(rows.map(r => r.hi)),
  at: Float64Array.from(rows.map(r => r.at ?? 0)),
});

describe('estimateOffset', () => {
  it('finds an offset of any size among chance pairs, and its bounds hold the true one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -86400, max: 86400 }),
        fc.integer({ min: 12, max: 200 }),
        fc.integer({ min: 0, max: 300 }),
        fc.integer(),
        (seconds, n, noise, seed) => {
          const random = randomOf(seed);
          const truth = seconds * SECOND + Math.floor(random() * SECOND);
          const rows = [
            ...Array.from({ length: n }, (_, i) => {
              const lo = truth - random() * SECOND;
              return { token: i, lo, hi: lo + SECOND };
            }),
            ...Array.from({ length: noise }, (_, i) => {
              const lo = (random() - 0.5) * 200_000 * SECOND;
              return { token: 1000 + i, lo, hi: lo + SECOND };
            }),
          ];
          const found = estimateOffset(pairsOf(rows));
          expect(found).not.toBeNull();
          expect(found!.lo).toBeLessThanOrEqual(truth);
          expect(found!.hi).toBeGreaterThanOrEqual(truth);
          expect(found!.hi - found!.lo).toBeLessThan(SECOND);
        },
      ),
      { numRuns: 200 },
    );
  });
  it('says nothing when only chance speaks', () => {
    let found = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomOf(seed);
      const rows = Array.from({ length: 20 + (seed % 10) * 60 }, (_, i) => {
        const lo = (random() - 0.5) * 4000 * SECOND;
        return { token: i, lo, hi: lo + SECOND };
      });
      if (estimateOffset(pairsOf(rows))) found++;
    }
    expect(found).toBe(0);
    expect(estimateOffset(pairsOf([]))).toBeNull();
    // One busy token is one witness, however often it pairs.
    expect(estimateOffset(pairsOf(Array.from({ length: 100 }, () => ({ token: 1, lo: 0, hi: SECOND }))))).toBeNull();
  });
  it('covers a clock that drifts from day to day', () => {
    const rows = Array.from({ length: 300 }, (_, i) => {
      const day = i % 3;
      const lo = 100 * SECOND + day * 1.5 * SECOND - ((i * 37) % 100) * 5000;
      return { token: i, lo, hi: lo + SECOND / 2, at: day * 86_400 * SECOND };
    });
    const found = estimateOffset(pairsOf(rows))!;
    expect(found.drifts).toBe(true);
    expect(found.lo).toBeLessThanOrEqual(100 * SECOND);
    expect(found.hi).toBeGreaterThanOrEqual(103 * SECOND);
  });
});

describe('spread', () => {
  const link = (a: string, b: string, at: number, support = 10) => ({
    a,
    b,
    offset: { lo: at - 1000, hi: at + 1000, support, drifts: false },
  });
  it('lets the many that agree be the reference, and a stated clock above all', () => {
    const links = [link('db', 'web', 287 * MINUTE), link('db', 'waf', 0), link('waf', 'web', 287 * MINUTE)];
    const free = spread(['db', 'waf', 'web'], 'web', new Set(), links);
    expect(free.map(o => [o.source_id, o.basis, o.offset_us])).toEqual([
      ['db', 'estimated', 0],
      ['waf', 'estimated', 0],
      ['web', 'estimated', 287 * MINUTE],
    ]);
    const stated = spread(['db', 'waf', 'web'], 'web', new Set(['web']), links);
    expect(stated.map(o => [o.source_id, o.basis, o.offset_us])).toEqual([
      ['db', 'estimated', -287 * MINUTE],
      ['waf', 'estimated', -287 * MINUTE],
      ['web', 'given', 0],
    ]);
  });
  it('leaves a source without witnesses at 0 and says so', () => {
    expect(spread(['a', 'b'], 'a', new Set(), []).map(o => [o.basis, o.offset_us])).toEqual([
      ['reference', 0],
      ['unknown', 0],
    ]);
  });
});

describe.skipIf(!haveShared)('range-01, with the web clock moved', () => {
  const timed = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time "$cookie_sid"';
  const open: IngestedCase[] = [];
  afterAll(() => {
    for (const c of open) c.close();
  });
  const caseOf = async (logs: readonly GivenLog[]): Promise<OpenCase> => {
    const c = await ingestCase(logs);
    open.push(c);
    return { ...c.kase, file: { ...c.kase.file, timezone: 'Asia/Tokyo' } } as OpenCase;
  };
  const web = Buffer.from(haveShared ? sharedFile('range-01/evidence/access_timed.log') : []).toString('latin1');
  const plain = Buffer.from(haveShared ? sharedFile('range-01/evidence/access.log') : []).toString('latin1');
  const shared = '../shared/data/range-01/evidence/postgresql.csv.gz';
  const database = {
    name: 'postgresql.csv.gz',
    bytes: haveShared ? fs.readFileSync(shared) : '',
    kind: 'sql-audit' as const,
    format: 'pg-csvlog',
  };

  it('finds no offset where there is none, tightly', async () => {
    const kase = await caseOf([{ name: 'access.log', bytes: web, format: timed }, database]);
    const offsets = await estimateClockOffsets(kase, quietEffects);
    expect(offsets.map(o => [o.basis, o.offset_us])).toEqual([
      ['estimated', 0],
      ['reference', 0],
    ]);
    expect(offsets[0]!.error_us).toBeLessThan(SECOND / 4);
    await measureCoverage(kase, quietEffects);
    const gaps = await kase.engine.rows('t', sql`select evidence_id, reason, detail from coverage_gap order by all`);
    expect(gaps).toEqual([]);
    const again = await estimateClockOffsets(kase, quietEffects);
    expect(again).toEqual(offsets);
  });
  it.each([
    ['-0447', 287],
    ['+0005', -5],
  ])('finds a web clock declared %s, %i minutes ahead', async (zone, minutes) => {
    const kase = await caseOf([{ name: 'access.log', bytes: web.replaceAll(' +0000]', ` ${zone}]`), format: timed }, database]);
    const [other, reference] = await estimateClockOffsets(kase, quietEffects);
    expect(reference!.basis).toBe('reference');
    const truth = minutes * MINUTE;
    expect(Math.abs(other!.offset_us - truth)).toBeLessThanOrEqual(other!.error_us + SECOND / 10);
    expect(other!.error_us).toBeLessThan(SECOND);
    const joined = await kase.engine.row<{ n: number }>(
      't',
      sql`select count(*) as n from event w join event s on s.evidence_id = 'e2' and s.session is null
      and s.start_lo_us is null and s.at_us between w.start_lo_us and w.end_hi_us where w.evidence_id = 'e1' and w.line_no <= 200`,
    );
    expect(joined.n).toBeGreaterThan(0);
  });
  it('works without durations, on start or end stamps that nothing tells apart', async () => {
    const kase = await caseOf([{ name: 'access.log', bytes: plain.replaceAll(' +0000]', ' -0447]') }, database]);
    const [other] = await estimateClockOffsets(kase, quietEffects);
    expect(Math.abs(other!.offset_us - 287 * MINUTE)).toBeLessThanOrEqual(other!.error_us + SECOND);
    expect(other!.error_us).toBeLessThan(2 * SECOND);
  });
  it('finds what was cut out of the database log and the web log', async () => {
    const lines = web.split('\n');
    const rows = Buffer.from(sharedFile('range-01/evidence/postgresql.csv.gz')).toString('utf8').split('\n');
    const cut = (all: readonly string[], from: number, to: number): string =>
      [...all.slice(0, Math.floor(all.length * from)), ...all.slice(Math.floor(all.length * to))].join('\n');
    const kase = await caseOf([
      { name: 'access.log', bytes: cut(lines, 0.4, 0.6), format: timed },
      { ...database, name: 'pg.csv', bytes: cut(rows, 0.3, 0.35) },
    ]);
    await estimateClockOffsets(kase, quietEffects);
    await measureCoverage(kase, quietEffects);
    const gaps = await kase.engine.rows<{ evidence_id: string; reason: string; from_us: number; to_us: number; detail: string }>(
      't',
      sql`select evidence_id, reason, from_us, to_us, detail from coverage_gap order by all`,
    );
    expect(gaps.some(g => g.evidence_id === 'e2' && g.reason === 'sequence')).toBe(true);
    const silent = gaps.filter(g => g.reason === 'silent');
    expect(silent).toMatchObject([{ evidence_id: 'e1' }]);
    expect(Number(JSON.parse(silent[0]!.detail).others)).toBeGreaterThan(100);
    const sources = await kase.engine.rows('t', sql`select evidence_id, model from coverage_source order by all`);
    expect(sources).toEqual([
      { evidence_id: 'e1', model: 'local' },
      { evidence_id: 'e2', model: 'local' },
    ]);
  });
});
