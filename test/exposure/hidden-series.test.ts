import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimHiddenSeries, isHiddenSeries } from '../../src/exposure/claims/hidden-series.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

/** One request sent over and over. */
const series = (n: number, gap: number, of: (i: number) => Partial<Request>): Request[] =>
  Array.from({ length: n }, (_, i) => request('/search', i * gap, {}, { method: 'POST', ip: '192.0.2.9', actor: 'strict', ...of(i) }));
const answers = (i: number): Partial<Request> => ({ bytes: i % 3 === 0 ? 812 : 301 });

describe('one request over and over', () => {
  it('by a machine whose answers differ hides what it asked for', () => {
    expect(isHiddenSeries(series(60, SECOND, answers))).toBe(true);
    expect(isHiddenSeries(series(60, SECOND, i => ({ ...answers(i), method: 'GET' })))).toBe(true);
  });
  it('whose answers look alike tells something only by their time', () => {
    expect(isHiddenSeries(series(60, SECOND, () => ({ durationUs: 1000 })))).toBe(false);
    expect(isHiddenSeries(series(60, SECOND, i => ({ durationUs: i % 2 ? 1000 : 2 * SECOND })))).toBe(true);
    expect(isHiddenSeries(series(60, SECOND, () => ({ durationUs: null })))).toBe(true);
    // A page that reloads itself.
    expect(isHiddenSeries(series(60, SECOND, () => ({ method: 'GET', durationUs: null })))).toBe(false);
  });
  it('by hand, or a few times, is no series', () => {
    expect(isHiddenSeries(series(60, 20 * SECOND, answers))).toBe(false);
    expect(isHiddenSeries(series(12, SECOND, answers))).toBe(false);
  });
});

describe('what a hidden series may have shown', () => {
  const rows = [
    ['1', 'adult'],
    ['2', 'child'],
  ];
  async function possible(requests: readonly Request[], attempts: readonly number[] = []): Promise<number> {
    const engine = await snapshotEngine([{ name: 'reader', columns: ['id', 'grade'], rows }]);
    await engine.run('test.step', sql`create table step as select 's' as step_id, 'credential-stuffing' as kind`);
    await engine.load(
      'step_event',
      [
        { name: 'step_id', type: 'VARCHAR' },
        { name: 'event_id', type: 'BIGINT' },
      ],
      attempts.map(id => ['s', id]),
    );
    const claims = await Claims.open(engine);
    await claimHiddenSeries(engine, await readCatalogue(engine), claims, requests);
    await claims.close();
    const { n } = await engine.row<{ n: number }>('test', sql`select count(distinct row_no) as n from claim_row where tier_lower = 0 and tier_upper = 2`);
    engine.close();
    return n;
  }
  it('is any record, but not where passwords were tried', async () => {
    const sent = series(60, SECOND, answers);
    expect(await possible(sent)).toBe(2);
    expect(
      await possible(
        sent,
        sent.map(r => r.eventId),
      ),
    ).toBe(0);
  });
});
