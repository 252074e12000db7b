import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseIso, quietEffects } from '../../src/base/index.ts';
import { openForInvestigation } from '../../src/case/index.ts';
import { detect } from '../../src/detections/index.ts';
import { createTinyDrill, type DrillOptions, dialects, strategies, tampers } from '../../src/drills/index.ts';
import { sql } from '../../src/engine/index.ts';
import { measureCoverage, readEvents } from '../../src/events/index.ts';
import { collectEvidence } from '../../src/evidence/index.ts';
import { reconstruct } from '../../src/intrusion/index.ts';
import { freshFolder, parseCsv } from '../drills/reading.ts';

/** Simulated injections of every technique, dialect, strategy and tamper, from evidence to recovered cells, held against the simulator's truth. */

const scenarios = ['sqli-boolean', 'sqli-time', 'sqli-error', 'sqli-stacked', 'sqli-union'] as const;
type Scenario = (typeof scenarios)[number];
type Outcome = {
  readonly name: string;
  readonly cells: number;
  readonly exact: number;
  readonly claimed: number;
  readonly wrong: readonly string[];
  readonly startHeld: boolean;
  readonly endHeld: boolean;
};

const techniques: Record<string, readonly string[]> = { B: ['boolean'], T: ['time'], S: ['boolean', 'time'], E: ['error'], U: ['union'] };
const text = (v: unknown): string => (v === null || v === undefined || v === 'NULL' ? '' : String(v).trim());
const take = (pool: string[], value: string): boolean => {
  const i = pool.indexOf(value);
  if (i >= 0) pool.splice(i, 1);
  return i >= 0;
};

async function play(seed: number, overrides: Partial<DrillOptions> & { scenario: Scenario }): Promise<Outcome> {
  const out = freshFolder('injection');
  const { casePath } = await createTinyDrill(seed, out, quietEffects, { scale: 0.001, lines: 60, ...overrides });
  const kase = await openForInvestigation(casePath, path.join(out, 'tadasu-out'), { threads: 2 });
  try {
    for (const stage of [collectEvidence, readEvents, measureCoverage, detect, reconstruct]) await stage(kase, quietEffects);
    const cells = await kase.engine.rows<{ technique: string; table: string; column: string; value: string; n: number }>(
      'test.cells',
      sql`
      select facts ->> '$.technique' as technique, lower(regexp_replace(table_name, '^.*[.]', '')) as "table", lower(column_name) as "column", value, 1 as n from recovered_cell
      where status = 'exact' and value is not null and table_name is not null and dataset_id is not null order by recovered_id`,
    );
    const [window] = await kase.engine.rows<{ a: number | null; b: number | null; c: number | null; d: number | null }>(
      'test.window',
      sql`
      select start_earliest_us as a, start_latest_us as b, end_earliest_us as c, end_latest_us as d from intrusion_window`,
    );
    // where the page that the injection went into finds nothing, true and false look the same: there is nothing to read
    const answered =
      fs.readFileSync(path.join(out, 'truth', 'trace.jsonl'), 'utf8').includes('"intruder":true') ||
      overrides.scenario === 'sqli-time' ||
      overrides.scenario === 'sqli-stacked';
    // a UNION that nothing in the log measures is no proof of its values: its cells are held against wrong ones only
    let wanted = 0;
    let exact = 0;
    const wrong: string[] = [];
    const pools = new Map<string, string[]>();
    for (const f of fs.readdirSync(path.join(out, 'truth', 'extracted')).sort()) {
      const [letter, table] = f.replace('.csv', '').split('-') as [string, string];
      const [columns, ...rows] = parseCsv(fs.readFileSync(path.join(out, 'truth', 'extracted', f), 'utf8'));
      columns!.forEach((column, i) => {
        const mine = cells.filter(c => techniques[letter]!.includes(c.technique) && c.table === table && c.column === column).map(c => text(c.value));
        for (const row of rows) {
          if (letter === 'U' || (letter === 'B' && !answered)) continue;
          wanted++;
          if (take(mine, text(row[i]))) exact++;
        }
        for (const t of techniques[letter]!)
          pools.set(`${t} ${table} ${column}`, [...(pools.get(`${t} ${table} ${column}`) ?? []), ...rows.map(r => text(r[i]))]);
      });
    }
    for (const c of cells) {
      if (c.column !== 'count(*)') continue;
      const rows = parseCsv(fs.readFileSync(path.join(out, 'data', `${c.table}.csv`), 'utf8')).length - 1;
      pools.set(`${c.technique} ${c.table} count(*)`, [String(rows)]);
    }
    for (const c of cells)
      if (!pools.get(`${c.technique} ${c.table} ${c.column}`)?.includes(text(c.value))) wrong.push(`${c.technique} ${c.table}.${c.column}`);
    const { phases, ...facts } = JSON.parse(fs.readFileSync(path.join(out, 'truth', 'truth.json'), 'utf8')) as {
      phases: { from: string; to: string }[];
      dialect: string;
      strategy: string;
      tamper: string;
      format: string;
    };
    const from = parseIso(phases[0]!.from)!;
    const to = Math.max(...phases.map(p => parseIso(p.to)!));
    const tolerance = 2_000_000;
    return {
      name: `${overrides.scenario} seed ${seed} ${facts.dialect} ${facts.strategy} ${facts.tamper} ${facts.format}`,
      cells: wanted,
      exact,
      claimed: cells.length,
      wrong,
      startHeld: (window?.a ?? -Infinity) <= from + tolerance && (window?.b ?? -Infinity) >= from - tolerance,
      endHeld: (window?.c ?? Infinity) <= to + tolerance && (window?.d ?? Infinity) >= to - tolerance,
    };
  } finally {
    kase.close();
    fs.rmSync(path.dirname(out), { recursive: true, force: true });
  }
}

const from = Number(process.env['DRILL_FROM'] ?? 0);
const many = Number(process.env['DRILL_SEEDS'] ?? 160);
/** One of everything in turn, so that `many` seeds meet all pairs. */
/** Seeds that the simulator cannot play yet: its word cut in two between the halves of a rare character. */
const unplayable = async (seed: number): Promise<boolean> => {
  const out = freshFolder('injection');
  try {
    await createTinyDrill(seed, out, quietEffects, { scale: 0.001, lines: 60, ...choose(seed) });
    return false;
  } catch (error) {
    if (error instanceof URIError) return true;
    throw error;
  } finally {
    fs.rmSync(path.dirname(out), { recursive: true, force: true });
  }
};
const choose = (seed: number): Partial<DrillOptions> & { scenario: Scenario } => ({
  scenario: scenarios[seed % 5]!,
  dialect: dialects[Math.floor(seed / 5) % 5]!,
  database: 'none',
  strategy: strategies[(seed + Math.floor(seed / 25)) % 5]!,
  tamper: tampers[(2 * seed + Math.floor(seed / 5)) % 6]!,
  targetRows: 2,
});
const said = (list: readonly Outcome[], pick: (o: Outcome) => boolean): string[] =>
  list.filter(pick).map(o => `${o.name}: ${o.exact}/${o.cells} exact, wrong ${o.wrong.join(', ')}`);
const total = (list: readonly Outcome[], pick: (o: Outcome) => number): number => list.reduce((n, o) => n + pick(o), 0);

describe('simulated injections', () => {
  it('complete logs: at least 99 of 100 cells exact, none wrong; the window holds', async () => {
    const all: Outcome[] = [];
    for (let seed = from; seed < from + many; seed++) {
      try {
        all.push(await play(seed, choose(seed)));
      } catch (error) {
        if (!(error instanceof URIError && (await unplayable(seed)))) throw error;
      }
    }
    expect(all.length).toBeGreaterThanOrEqual(0.95 * many);
    if (process.env['DRILL_SAY'])
      console.log(
        [
          ...said(all, o => o.exact < o.cells || o.wrong.length > 0),
          ...all.filter(o => !o.startHeld || !o.endHeld).map(o => `window ${o.name} ${o.startHeld} ${o.endHeld}`),
        ].join('\n'),
        total(all, o => o.cells),
        total(all, o => o.exact),
      );
    expect(said(all, o => o.wrong.length > 0)).toEqual([]);
    expect(total(all, o => o.exact) / total(all, o => o.cells), said(all, o => o.exact < o.cells).join('\n')).toBeGreaterThanOrEqual(0.99);
    expect(total(all, o => Number(o.startHeld) + Number(o.endHeld)) / (2 * all.length)).toBeGreaterThanOrEqual(0.99);
  }, 900_000);

  it('lost lines and flipped answers: wrong at most once in a thousand', async () => {
    const all: Outcome[] = [];
    for (let seed = from; seed < from + many / 4; seed++)
      all.push(await play(seed, { ...choose(seed), scenario: scenarios[seed % 4]!, ...(seed % 2 ? { loseLines: 0.05 } : { flipAnswers: 0.01 }) }));
    if (process.env['DRILL_SAY'])
      console.log(
        said(all, o => o.wrong.length > 0).join('\n'),
        total(all, o => o.claimed),
        total(all, o => o.wrong.length),
        total(all, o => o.exact),
        total(all, o => o.cells),
      );
    expect(total(all, o => o.cells)).toBeGreaterThan(0);
    expect(
      total(all, o => o.wrong.length),
      said(all, o => o.wrong.length > 0).join('\n'),
    ).toBeLessThanOrEqual(total(all, o => o.claimed) / 1000);
  }, 900_000);
});
