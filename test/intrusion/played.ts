import fs from 'node:fs';
import path from 'node:path';
import { parseIso, quietEffects } from '../../src/base/index.ts';
import { openForInvestigation } from '../../src/case/index.ts';
import { detect } from '../../src/detections/index.ts';
import { createTinyDrill, type DrillOptions, type ScenarioName } from '../../src/drills/index.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { measureCoverage, readEvents } from '../../src/events/index.ts';
import { collectEvidence } from '../../src/evidence/index.ts';
import { reconstruct } from '../../src/intrusion/index.ts';
import { freshFolder, parseCsv } from '../drills/reading.ts';

/** One simulated incident from evidence to reconstruction, held against the simulator's truth. */

export type Played = {
  readonly name: string;
  /** Values that a blind or error-based injection read; those given as exact; exact values given in all. */
  readonly cells: number;
  readonly exact: number;
  readonly claimed: number;
  readonly wrong: readonly string[];
  /** Cells shown by UNION, those claimed by value, and the windows (table, columns, first row, number of rows) found. */
  readonly unionCells: number;
  readonly unionClaimed: number;
  readonly windows: number;
  readonly windowsFound: number;
  readonly windowsMissed: readonly string[];
  readonly startHeld: boolean;
  readonly endHeld: boolean;
  /** Events attributed strictly, those of them that are not the intruder's, the intruder's request lines, and those attributed at all. */
  readonly strict: number;
  readonly strictWrong: number;
  readonly strictWrongSay: readonly string[];
  readonly requests: number;
  readonly strictFound: number;
  readonly wideFound: number;
  readonly outOfBand: number;
  readonly incident: boolean;
  readonly window: { readonly earliest: number | null; readonly latest: number | null; readonly basis: string; readonly censored: boolean };
  /** What must not depend on the order or the format of the lines. */
  readonly answer: string;
};

type Cell = { technique: string; dataset: string | null; table: string; column: string; value: string; key: string | null };
type Statement = { line: string; table: string | null; columns: string[]; offset: number | null; limit: number | null; rows: number | null };

const letters: Record<string, readonly string[]> = { B: ['boolean'], T: ['time'], S: ['boolean', 'time'], E: ['error'], U: ['union'] };
const text = (v: unknown): string => (v === null || v === undefined || v === 'NULL' ? '' : String(v).trim());
const take = (pool: string[], value: string): boolean => {
  const i = pool.indexOf(value);
  if (i >= 0) pool.splice(i, 1);
  return i >= 0;
};

/** Seeds that the simulator cannot play: its word cut in two between the halves of a rare character. Null then. */
export async function play(
  seed: number,
  overrides: Partial<DrillOptions> & { scenario: ScenarioName },
  change: (dir: string) => void = () => {},
): Promise<Played | null> {
  const out = freshFolder('played');
  try {
    let casePath: string;
    try {
      ({ casePath } = await createTinyDrill(seed, out, quietEffects, { scale: 0.001, lines: 60, ...overrides }));
    } catch (error) {
      if (error instanceof URIError) return null;
      throw error;
    }
    change(out);
    const kase = await openForInvestigation(casePath, path.join(out, 'tadasu-out'), { threads: 1 });
    try {
      for (const stage of [collectEvidence, readEvents, measureCoverage, detect, reconstruct]) await stage(kase, quietEffects);
      return await measure(kase.engine, out, seed, overrides.scenario);
    } finally {
      kase.close();
    }
  } finally {
    fs.rmSync(path.dirname(out), { recursive: true, force: true });
  }
}

async function measure(engine: Engine, out: string, seed: number, scenario: ScenarioName): Promise<Played> {
  const read = (name: string): string => fs.readFileSync(path.join(out, 'truth', name), 'utf8');
  const facts = JSON.parse(read('truth.json')) as {
    phases: { name: string; from: string; to: string }[];
    dialect: string;
    strategy: string;
    tamper: string;
    format: string;
    options: DrillOptions;
  };
  const cells = await engine.rows<Cell>(
    'test.cells',
    sql`select facts ->> '$.technique' as technique, dataset_id as dataset, lower(regexp_replace(table_name, '^.*[.]', '')) as "table", lower(column_name) as "column", value, key from recovered_cell
      where status = 'exact' and value is not null and table_name is not null and dataset_id is not null order by recovered_id`,
  );
  const trace = read('trace.jsonl')
    .split('\n')
    .filter(Boolean)
    .map(l => JSON.parse(l) as { ep: string; table: string; ids: unknown[]; cols: string[]; intruder: boolean })
    .filter(t => t.intruder);
  const given = new Set(
    parseCsv(read('cells.csv'))
      .slice(1)
      .map(r => `${r[0]}|${r[1]}|${r[2]}`),
  );
  const phases = facts.phases;
  const blind = measureValues(out, cells, trace.length > 0 || scenario === 'sqli-time' || scenario === 'sqli-stacked');
  const wrong = [...blind.wrong];
  for (const c of cells)
    if (c.key !== null && c.column !== 'count(*)' && !given.has(`${c.dataset}|${c.key}|${c.column}`))
      wrong.push(`key of ${c.technique} ${c.table}.${c.column}`);
  const union = await measureUnion(engine, cells, trace);
  const who = await measureActors(
    engine,
    new Set(
      read('requests.csv')
        .trimEnd()
        .split('\n')
        .slice(1)
        .map(l => l.split(',')[1]!),
    ),
  );
  const [w] = await engine.rows<{ a: number | null; b: number | null; c: number | null; d: number | null; basis: string; left_censored: boolean }>(
    'test.window',
    sql`select start_earliest_us as a, start_latest_us as b, end_earliest_us as c, end_latest_us as d, start_basis as basis, left_censored from intrusion_window`,
  );
  const from = phases.length === 0 ? null : Math.min(...phases.map(p => parseIso(p.from)!));
  const to = phases.length === 0 ? null : Math.max(...phases.map(p => parseIso(p.to)!));
  const tolerance = 2_000_000;
  const [{ n: outOfBand }] = (await engine.rows<{ n: number }>(
    'test.oob',
    sql`select count(*) as n from injected_statement where technique = 'out-of-band' and not response_shown`,
  )) as [{ n: number }];
  const o = facts.options;
  return {
    name: [
      scenario,
      `seed ${seed}`,
      facts.dialect,
      facts.strategy,
      facts.tamper,
      facts.format,
      o.carrier,
      o.vector,
      o.threads && o.threads > 1 && `threads ${o.threads}`,
      o.sharedAddress && 'shared',
      o.oneShot && 'one-shot',
      o.compressed && 'gzip',
    ]
      .filter(Boolean)
      .join(' '),
    ...blind,
    wrong,
    ...union,
    ...who,
    outOfBand,
    incident: from !== null,
    startHeld: from === null || ((w?.a ?? -Infinity) <= from + tolerance && (w?.b ?? -Infinity) >= from - tolerance),
    endHeld: to === null || ((w?.c ?? Infinity) <= to + tolerance && (w?.d ?? Infinity) >= to - tolerance),
    window: { earliest: w?.a ?? null, latest: w?.b ?? null, basis: w?.basis ?? '', censored: w?.left_censored ?? false },
    answer: await readAnswer(engine, cells),
  };
}

function measureValues(out: string, cells: readonly Cell[], answered: boolean): { cells: number; exact: number; claimed: number; wrong: string[] } {
  let wanted = 0;
  let exact = 0;
  const wrong: string[] = [];
  const pools = new Map<string, string[]>();
  for (const f of fs.readdirSync(path.join(out, 'truth', 'extracted')).sort()) {
    const [letter, table] = f.replace('.csv', '').split('-') as [string, string];
    const [columns, ...rows] = parseCsv(fs.readFileSync(path.join(out, 'truth', 'extracted', f), 'utf8'));
    columns!.forEach((column, i) => {
      const mine = cells.filter(c => letters[letter]!.includes(c.technique) && c.table === table && c.column === column).map(c => text(c.value));
      for (const row of rows) {
        // where the page that the injection went into finds nothing, true and false look the same: there is nothing to read
        if (letter === 'U' || (letter === 'B' && !answered)) continue;
        wanted++;
        if (take(mine, text(row[i]))) exact++;
      }
      for (const t of letters[letter]!) pools.set(`${t} ${table} ${column}`, [...(pools.get(`${t} ${table} ${column}`) ?? []), ...rows.map(r => text(r[i]))]);
    });
  }
  for (const c of cells) {
    if (c.column !== 'count(*)') continue;
    const rows = parseCsv(fs.readFileSync(path.join(out, 'data', `${c.table}.csv`), 'utf8')).length - 1;
    pools.set(`${c.technique} ${c.table} count(*)`, [String(rows)]);
  }
  for (const c of cells) if (!pools.get(`${c.technique} ${c.table} ${c.column}`)?.includes(text(c.value))) wrong.push(`${c.technique} ${c.table}.${c.column}`);
  return { cells: wanted, exact, claimed: cells.length, wrong };
}

/** Windows in the order of their requests against the intruder's own shown rows of other tables. */
async function measureUnion(
  engine: Engine,
  cells: readonly Cell[],
  trace: readonly { ep: string; table: string; ids: unknown[]; cols: string[] }[],
): Promise<{ unionCells: number; unionClaimed: number; windows: number; windowsFound: number; windowsMissed: string[] }> {
  const statements = await engine.rows<Statement>(
    'test.statements',
    sql`select lower(regexp_replace(facts ->> '$.table', '^.*[.]', '')) as "table", list_transform(cast(facts -> '$.columns' as varchar[]), lambda c: lower(c)) as columns,
      cast(facts ->> '$.offset' as bigint) as "offset", cast(facts ->> '$.limit' as bigint) as "limit", cast(facts ->> '$.rows' as bigint) as rows
    from injected_statement i join event e using (event_id) where e.class = 1 and technique = 'union' and response_shown order by e.at_us, event_id`,
  );
  // the page's own rows are quotes too, but never that many columns of them
  const shown = trace.filter(t => (t.ep === 'search' || t.ep === 'status') && (t.table !== 'quotes' || t.cols.length > 4));
  const past = new Map<string, number>();
  const have = statements.map(s => `${s.table} ${s.columns.join(',')} ${s.offset ?? 0} ${s.rows}`);
  const windowsMissed: string[] = [];
  let unionCells = 0;
  for (const s of shown) {
    const offset = past.get(s.table) ?? 0;
    past.set(s.table, offset + s.ids.length);
    unionCells += s.ids.length * s.cols.length;
    const name = `${s.table} ${s.cols.join(',')} ${offset} ${s.ids.length}`;
    if (!take(have, name)) windowsMissed.push(name);
  }
  return {
    unionCells,
    unionClaimed: cells.filter(c => c.technique === 'union').length,
    windows: shown.length,
    windowsFound: shown.length - windowsMissed.length,
    windowsMissed,
  };
}

async function measureActors(engine: Engine, lines: ReadonlySet<string>) {
  const files = new Map(
    (
      await engine.rows<{ file_no: number; path: string }>('test.files', sql`select file_no, path from source_file where role = 'evidence' order by file_no`)
    ).map(f => [f.file_no, path.basename(f.path)]),
  );
  const rows = await engine.rows<{ file_no: number; line_no: number; class: number; certainty: string; reason: string }>(
    'test.attributed',
    sql`select e.file_no, e.line_no, e.class, min(x.certainty) as certainty, min(x.reason) as reason from actor_event x join event e using (event_id) group by all order by e.file_no, e.line_no`,
  );
  const request = [...lines].filter(l => l.startsWith('access')).length;
  let strict = 0;
  let strictFound = 0;
  let wideFound = 0;
  const wrong: string[] = [];
  for (const r of rows) {
    const ref = `${files.get(r.file_no)}:${r.line_no}`;
    if (r.certainty === 'strict') {
      strict++;
      if (!lines.has(ref)) wrong.push(`${ref} ${r.reason}`);
    }
    if (r.class === 1 && lines.has(ref)) {
      wideFound++;
      if (r.certainty === 'strict') strictFound++;
    }
  }
  return { strict, strictWrong: wrong.length, strictWrongSay: wrong.slice(0, 3), requests: request, strictFound, wideFound };
}

/** Recovered cells, actors by their addresses, steps by kind and outcome, window. */
async function readAnswer(engine: Engine, cells: readonly Cell[]): Promise<string> {
  const actors = await engine.rows<{ ips: string[]; certainty: string }>('test.actors', sql`select ips, certainty from actor order by ips, certainty`);
  const steps = await engine.rows<{ kind: string; outcome: string }>(
    'test.steps',
    sql`select kind, outcome, from_us // 2000000 as f, to_us // 2000000 as t from step order by kind, outcome, f, t`,
  );
  return JSON.stringify({ cells: cells.map(c => [c.technique, c.table, c.column, c.key, c.value].join('|')).sort(), actors, steps });
}

export const total = (list: readonly Played[], pick: (p: Played) => number): number => list.reduce((n, p) => n + pick(p), 0);
export const named = (list: readonly Played[], pick: (p: Played) => boolean, say: (p: Played) => string): string[] =>
  list.filter(pick).map(p => `${p.name}: ${say(p)}`);
