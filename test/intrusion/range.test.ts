import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type InjectionEvent, rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { injectionEvent } from '../fixtures/injection-event.ts';

const dir = path.resolve(import.meta.dirname, '../../../shared/data/range-01');

/** Lines of the plain or the timed access log, as the events stage would give them. */
function readLog(file: string): InjectionEvent[] {
  const months = 'JanFebMarAprMayJunJulAugSepOctNovDec';
  return fs
    .readFileSync(path.join(dir, 'evidence', file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line, i) => {
      const m = /^(\S+) - \S+ \[(\d+)\/(\w+)\/(\d+):(\d+):(\d+):(\d+) [^\]]*\] "(\S+) (.*) HTTP\/[\d.]+" (\d+) (\d+) "([^"]*)" "([^"]*)"(?: (\S+))?/.exec(
        line,
      )!;
      const [p, ...q] = m[9]!.split('?');
      return injectionEvent({
        event_id: (i + 1) * 16,
        at_us: Date.UTC(+m[4]!, months.indexOf(m[3]!) / 3, +m[2]!, +m[5]!, +m[6]!, +m[7]!) * 1000,
        src_ip: m[1]!,
        method: m[8]!,
        path: p!,
        query: q.length > 0 ? q.join('?') : null,
        user_agent: m[13]!,
        status: +m[10]!,
        bytes_out: +m[11]!,
        duration_us: m[14] ? Math.round(+m[14] * 1e6) : null,
        target_length: m[9]!.length,
        time_kind: 2,
      });
    });
}

const truth = (file: string): Record<string, string>[] => {
  const [head, ...rows] = fs
    .readFileSync(path.join(dir, 'truth/extracted', file), 'utf8')
    .trimEnd()
    .split('\n')
    .map(l => l.split(','));
  return rows.map(r => Object.fromEntries(head!.map((h, i) => [h, r[i]!])));
};

describe.skipIf(!fs.existsSync(dir))('the range incident (needs the shared data)', () => {
  it('every value read blind is rebuilt and none is invented', () => {
    const cells = rebuildInjections(readLog('access_timed.log')).cells.filter(c => c.solution.status === 'exact' && c.binding.plain);
    for (const [technique, file, table] of [
      ['boolean', 'B-bank_accounts.csv', 'bank_accounts'],
      ['time', 'T-agents.csv', 'agents'],
    ] as const) {
      const rows = truth(file);
      for (const column of Object.keys(rows[0]!).filter(c => rows.some(r => r[c] !== '<blank>'))) {
        const mine = cells
          .filter(c => c.technique === technique && c.binding.table === `public.${table}` && c.binding.column === column)
          .map(c => c.solution.value!.trim());
        expect(mine.sort()).toEqual(
          rows
            .map(r => r[column]!.trim())
            .filter(v => v !== '')
            .sort(),
        );
      }
    }
  }, 30_000);

  it('a plain combined log (no duration, session or database log) still gives every boolean value, most timed ones and none that is wrong', () => {
    const cells = rebuildInjections(readLog('access.log')).cells.filter(
      c => c.solution.status === 'exact' && c.binding.plain && c.solution.contradictions === 0,
    );
    const tally = { boolean: [0, 0, 0], time: [0, 0, 0] };
    for (const [technique, file, table] of [
      ['boolean', 'B-bank_accounts.csv', 'bank_accounts'],
      ['time', 'T-agents.csv', 'agents'],
    ] as const) {
      const rows = truth(file);
      const t = tally[technique];
      for (const column of Object.keys(rows[0]!).filter(c => rows.some(r => r[c] !== '<blank>'))) {
        const pool = rows.map(r => r[column]!.trim()).filter(v => v !== '');
        t[0]! += pool.length;
        for (const c of cells.filter(x => x.technique === technique && x.binding.table === `public.${table}` && x.binding.column === column)) {
          const i = pool.indexOf(c.solution.value!.trim());
          if (i >= 0) {
            pool.splice(i, 1);
            t[1]!++;
          } else t[2]!++;
        }
      }
    }
    expect({
      boolean: tally.boolean[1] === tally.boolean[0],
      time: tally.time[1]! >= (2 / 3) * tally.time[0]!,
      wrong: tally.boolean[2]! + tally.time[2]!,
    }).toEqual({ boolean: true, time: true, wrong: 0 });
  }, 60_000);

  it('in-band statements name table, columns and row', () => {
    const statements = [...rebuildInjections(readLog('access.log').filter(e => ['192.0.2.102', '192.0.2.103'].includes(e.src_ip!))).statements]
      .map(s => s.inBand)
      .filter(s => !s.calibration && s.table?.startsWith('public.'));
    const union = statements.filter(s => s.technique === 'union');
    expect(union.map(s => [s.table, s.columns, s.limit])).toContainEqual(['public.agents', ['license_id', 'login', 'password'], null]);
    const offsets = statements.filter(s => s.technique === 'error' && s.columns[0] === 'accident_no').map(s => s.offset);
    expect([...new Set(offsets)].sort((a, b) => a! - b!)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });
});
