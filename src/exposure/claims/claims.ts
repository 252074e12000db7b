import { contentId, type Micros } from '../../base/index.ts';
import type { PremiseName } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Dataset } from '../catalogue.ts';
import { splitUnions, type Union } from '../snapshots.ts';
import { attemptedColumns, claimColumns, claimCountColumns, colsetColumns, contact, contactRowColumns, reachableColumns, tier } from '../tables.ts';
import { writeTotals } from './totals.ts';

/** A proposition about cells, as it is explained later. `premises` are ids, counts and names, never values of people. */
export type Claim = {
  readonly kind: string;
  readonly datasetId: string | null;
  readonly mustTier: number;
  readonly mayTier: number;
  /** Name of the rule: a sentence `rule.<name>` of the catalogue of texts. */
  readonly rule: string;
  /** The statement or request pattern as evidence has it; may be hostile text. */
  readonly statement: string;
  readonly premises: Readonly<Record<string, unknown>>;
  readonly assumptions: readonly PremiseName[];
};

/** Where the rows of one claim came from: the SQL event, the request, or both. */
export type Source = { readonly eventId: number | null; readonly requestId: number | null };

/** Premises that some executions of a claim need and others do not: they are weighed before rows come here. */
const perExecution: ReadonlySet<string> = new Set(['route-stable', 'actor-wide']);

/** Rules whose values were not printed by an answer but follow from answers to conditions. */
const fromConditions: ReadonlySet<string> = new Set(['recovered-exact', 'recovered-partial', 'blind-question', 'predicate']);

/** Collects claims of one assessment; writes the tables when closed. Rows go straight into the engine. */
export class Claims {
  private readonly engine: Engine;
  private readonly list = new Map<string, Claim>();
  private readonly colsets = new Map<string, number>();
  private readonly colsetRows: (readonly [number, string, number])[] = [];
  private readonly counts: unknown[][] = [];
  private readonly open = new Set<string>();
  private readonly attempted = new Map<string, number>();
  private readonly reachable: unknown[][] = [];
  private readonly sources: unknown[][] = [];
  private readonly influenced = new Map<string, number>();
  private readonly rowSourceList: unknown[][] = [];
  private lastId = '';
  /** Data sets of which some records are known to be younger than some requests (`row_born`). */
  born: ReadonlySet<string> = new Set();
  private bornBy: ReadonlyMap<string, readonly PremiseName[]> = new Map();
  private lastUs: Micros | null = null;

  private constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Data sets that stand for several: what is claimed of them is given to each when the tables are written. */
  unions: readonly Union[] = [];

  /** Premises a person has said do not hold: what rests on one is not certain any more. */
  private refuted: ReadonlySet<string> = new Set();

  static async open(engine: Engine, premises: ReadonlyMap<string, boolean> = new Map()): Promise<Claims> {
    // Temporary while rows come in: a durable table would wait for the disk at every insert.
    await engine.run(
      'exposure.claim_work',
      sql`create or replace temp table claim_row_work (claim_id varchar, row_no bigint, colset_id integer, tier_lower tinyint, tier_upper tinyint)`,
    );
    await engine.run(
      'exposure.source_work',
      sql`create or replace temp table claim_row_source_work (claim_id varchar, row_no bigint, event_id bigint, request_id bigint)`,
    );
    await engine.run(
      'exposure.contact_work',
      sql`create or replace temp table contact_work (claim_id varchar, row_no bigint, colset_id integer, contact_lower tinyint, contact_upper tinyint)`,
    );
    const claims = new Claims(engine);
    claims.refuted = new Set([...premises].filter(([name, holds]) => !holds && !perExecution.has(name)).map(([name]) => name));
    return claims;
  }

  /** Data sets with records younger than requests, the premises that rests on, and the time after which nothing was read any more. */
  births(born: ReadonlyMap<string, readonly PremiseName[]>, lastUs: Micros): void {
    this.bornBy = born;
    this.born = new Set(born.keys());
    this.lastUs = Number.isFinite(lastUs) ? lastUs : null;
  }

  /** The claim's id; the same content gives the same id in every run. `identity` is what makes this claim another one than its like. */
  add(plain: Claim, identity: unknown): string {
    const assumed = this.unions.some(u => u.id === plain.datasetId && u.mode === 'snapshots')
      ? plain.assumptions.map((a): PremiseName => (a === 'snapshot-unchanged' ? 'unchanged-between-snapshots' : a))
      : plain.assumptions;
    const given = { ...plain, assumptions: [...new Set([...assumed, ...(this.bornBy.get(plain.datasetId ?? '') ?? [])])].sort() };
    const claim = this.rests(given) ? { ...given, mustTier: 0, mayTier: Math.min(given.mayTier, 2) } : given;
    const id = contentId('claim', { kind: claim.kind, dataset: claim.datasetId, identity });
    this.lastId = id;
    const known = this.list.get(id);
    this.list.set(
      id,
      known
        ? {
            ...claim,
            mustTier: Math.max(known.mustTier, claim.mustTier),
            mayTier: Math.max(known.mayTier, claim.mayTier),
            assumptions: [...new Set([...known.assumptions, ...claim.assumptions])].sort(),
          }
        : claim,
    );
    return id;
  }

  /** Does a claim rest on a premise that does not hold? */
  private rests(claim: Claim): boolean {
    return claim.assumptions.some(a => this.refuted.has(a));
  }

  /** The id of a set of columns of a dataset. */
  colset(dataset: Dataset, columns: readonly number[]): number {
    const sorted = [...new Set(columns)].sort((a, b) => a - b);
    const name = `${dataset.id}\u0001${sorted.join(',')}`;
    const known = this.colsets.get(name);
    if (known !== undefined) return known;
    const id = this.colsets.size + 1;
    this.colsets.set(name, id);
    for (const c of sorted) this.colsetRows.push([id, dataset.id, c]);
    return id;
  }

  /** Rows of a claim from a query that gives `row_no, lower, upper`; repeated rows keep their greatest tiers. */
  async rows(claimId: string, colset: number, query: Sql): Promise<void> {
    const claim = this.list.get(claimId);
    const weak = claim !== undefined && this.rests(claim);
    await this.engine.run(
      'exposure.claim_rows',
      sql`insert into claim_row_work select ${claimId}, row_no, ${colset}::integer, ${weak ? sql`0` : sql`max(lower)`}::tinyint, ${weak ? sql`least(max(upper), 2)` : sql`max(upper)`}::tinyint
      from (${query}) q where row_no is not null group by row_no having max(upper) > 0`,
    );
  }

  /** Claims whose rows turn out not to be certain after all. */
  async weaken(doubtful: (claim: Claim) => boolean): Promise<void> {
    const ids = [...this.list].filter(([, c]) => c.mustTier > 0 && doubtful(c)).map(([id]) => id);
    if (ids.length === 0) return;
    for (const id of ids) this.list.set(id, { ...this.list.get(id)!, mustTier: 0, mayTier: tier.possible });
    await this.engine.run(
      'exposure.weaken',
      sql`update claim_row_work set tier_lower = 0, tier_upper = least(tier_upper, ${sql.lit(tier.possible)}) where claim_id in (${sql.join(ids.map(id => sql.lit(id)))})`,
    );
  }

  /** Rows that had to do with an answer without being shown, from a query that gives `row_no, lower, upper` as ranks of `contact`. */
  async contacts(claimId: string, colset: number, query: Sql): Promise<void> {
    const claim = this.list.get(claimId);
    const weak = claim !== undefined && this.rests(claim);
    await this.engine.run(
      'exposure.contact_rows',
      sql`insert into contact_work select ${claimId}, row_no, ${colset}::integer, ${weak ? sql`0` : sql`max(lower)`}::tinyint, max(upper)::tinyint
      from (${query}) q where row_no is not null group by row_no`,
    );
  }

  /** Any record of a data set may have decided an answer without standing in it. */
  influence(dataset: Dataset, statement: string, identity: unknown): string {
    const id = this.add(
      { kind: 'contact', datasetId: dataset.id, mustTier: 0, mayTier: 0, rule: 'influenced', statement, premises: {}, assumptions: [] },
      identity,
    );
    this.influenced.set(id, this.colset(dataset, []));
    return id;
  }

  /** Every column of the rows of a claim is possible (T2), none is shown: of all rows, or of those where `where` holds (the data set's view is `t`). */
  async possibleRows(claimId: string, dataset: Dataset, where: Sql | null = null): Promise<void> {
    const rows = sql`select t.row_no, 0 as lower, ${tier.possible} as upper from ${sql.id(dataset.view)} t`;
    await this.rows(claimId, this.allColumns(dataset), where === null ? rows : sql`${rows} where ${where}`);
  }

  /** Row numbers of a claim, as far as they were written. */
  rowsOf(claimId: string): Sql {
    return sql`(select row_no from claim_row_work where claim_id = ${claimId})`;
  }

  allColumns(dataset: Dataset): number {
    return this.colset(
      dataset,
      dataset.columns.map(c => c.no),
    );
  }

  /** A number of rows without their identity; several for one claim are several executions and add up. */
  count(claimId: string, dataset: Dataset, colset: number, lower: number, upper: number, scope: string): void {
    const claim = this.list.get(claimId);
    this.counts.push([claimId, dataset.id, colset, claim && this.rests(claim) ? 0 : lower, upper, scope]);
  }

  /** Some execution of a claim has no such number: then the others say nothing about all of them together. */
  uncounted(claimId: string): void {
    this.open.add(claimId);
  }

  /** A table or column that was named by a statement which showed nothing. */
  attempt(dataset: Dataset, column: number, events = 1): void {
    const key = `${dataset.id}\u0001${column}`;
    this.attempted.set(key, (this.attempted.get(key) ?? 0) + events);
  }

  reach(dataset: Dataset, columns: readonly number[], fromUs: number | null, toUs: number | null, reason: string, claimId: string): void {
    this.reachable.push([dataset.id, [...columns], fromUs, toUs, reason, claimId]);
  }

  source(claimId: string, s: Source): void {
    this.sources.push([claimId, s.eventId, s.requestId]);
  }

  /** For each row of a claim, the events it comes from; the smallest ids where several give the same row. */
  async rowSources(claimId: string, query: Sql): Promise<void> {
    await this.engine.run(
      'exposure.row_sources',
      sql`insert into claim_row_source_work select ${claimId}, row_no, min(event_id), min(request_id) from (${query}) q where row_no is not null group by row_no`,
    );
  }

  /** One event behind one row. */
  rowSource(claimId: string, rowNo: number, eventId: number): void {
    this.rowSourceList.push([claimId, rowNo, eventId, null]);
  }

  /** The id of the claim added last. */
  get last(): string {
    return this.lastId;
  }

  get size(): number {
    return this.list.size;
  }

  /** Nothing read a record that was made after the last reading. */
  private async dropUnborn(): Promise<void> {
    if (this.born.size === 0 || this.lastUs === null) return;
    const unborn = sql`exists (select 1 from row_born b where b.born_us > ${this.lastUs} and b.row_no = w.row_no and b.dataset_id = (select any_value(dataset_id) from unborn_colset c where c.colset_id = w.colset_id))`;
    await this.engine.load('unborn_colset', colsetColumns.slice(0, 2), [...new Map(this.colsetRows.map(([id, d]) => [id, [id, d]])).values()]);
    await this.engine.run('exposure.drop_unborn', sql`delete from claim_row_work w where tier_lower = 0 and ${unborn}`);
    await this.engine.run('exposure.drop_unborn', sql`delete from contact_work w where contact_lower = 0 and ${unborn}`);
    await this.engine.run('exposure.drop_colsets', sql`drop table unborn_colset`);
  }

  /** Write claim, colset, claim_count and the views; order never depends on the order of discovery. */
  async close(): Promise<void> {
    const e = this.engine;
    await this.dropUnborn();
    await e.run(
      'exposure.claim_row',
      sql`create or replace table claim_row as select claim_id, row_no, colset_id, max(tier_lower)::tinyint as tier_lower, max(tier_upper)::tinyint as tier_upper
      from claim_row_work group by claim_id, row_no, colset_id order by claim_id, colset_id, row_no`,
    );
    const claims = [...this.list].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    await e.load(
      'claim',
      claimColumns,
      claims.map(([id, c]) => [
        id,
        c.kind,
        c.datasetId,
        c.mustTier,
        c.mayTier,
        c.rule,
        c.statement,
        JSON.stringify(c.premises),
        [...c.assumptions],
        fromConditions.has(c.rule) ? 'disclosed' : c.kind === 'contact' ? 'influenced' : 'displayed',
      ]),
    );
    await e.load(
      'contact_row',
      contactRowColumns,
      [...this.influenced].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([id, colset]) => [id, null, colset, contact.none, contact.influenced]),
    );
    await e.run(
      'exposure.contact_row',
      sql`insert into contact_row select claim_id, row_no, colset_id, max(contact_lower)::tinyint, max(contact_upper)::tinyint
      from contact_work group by claim_id, row_no, colset_id order by claim_id, colset_id, row_no`,
    );
    await e.run('exposure.drop_work', sql`drop table contact_work`);
    await e.load('colset', colsetColumns, this.colsetRows);
    await e.load(
      'claim_count',
      claimCountColumns,
      this.counts.filter(c => c[5] !== 'rows' || !this.open.has(c[0] as string)),
    );
    await e.load(
      'attempted',
      attemptedColumns,
      [...this.attempted].sort().map(([key, n]) => [key.split('\u0001')[0], Number(key.split('\u0001')[1]), n]),
    );
    await e.load('reachable', reachableColumns, this.reachable);
    await e.load(
      'claim_source',
      [
        { name: 'claim_id', type: 'VARCHAR' },
        { name: 'event_id', type: 'BIGINT' },
        { name: 'request_id', type: 'BIGINT' },
      ],
      this.sources,
    );
    await e.load(
      'claim_row_source',
      [
        { name: 'claim_id', type: 'VARCHAR' },
        { name: 'row_no', type: 'BIGINT' },
        { name: 'event_id', type: 'BIGINT' },
        { name: 'request_id', type: 'BIGINT' },
      ],
      this.rowSourceList,
    );
    await e.run(
      'exposure.claim_row_source',
      sql`insert into claim_row_source select claim_id, row_no, min(event_id), min(request_id) from claim_row_source_work group by claim_id, row_no order by claim_id, row_no`,
    );
    await e.run('exposure.drop_work', sql`drop table claim_row_work`);
    await e.run('exposure.drop_work', sql`drop table claim_row_source_work`);
    await splitUnions(e, this.unions);
    await writeTotals(e);
    await e.run(
      'exposure.cell_tier',
      sql`create or replace view cell_tier as
      select s.dataset_id, r.row_no, s.column_no, max(r.tier_lower) as tier_lower, max(r.tier_upper) as tier_upper,
        substr(min((99999 - r.tier_lower::integer * 1000 - r.tier_upper::integer * 10)::varchar || r.claim_id), 6) as claim_id
      from claim_row r join colset s using (colset_id) group by s.dataset_id, r.row_no, s.column_no`,
    );
  }
}

/** Tiers of one execution, and when it ran (the earliest and the latest of several): records born later were not there. */
export type TimedTier = { readonly must: number; readonly may: number; readonly fromUs?: number; readonly toUs?: number };

/** A small temporary table `n, must, may, from_us, to_us` (a durable one when it is large). */
export async function loadTiers(engine: Engine, tiers: readonly TimedTier[]): Promise<Sql> {
  if (tiers.length > 50) {
    await engine.load(
      'replay_tier',
      [
        { name: 'n', type: 'BIGINT' },
        { name: 'must', type: 'TINYINT' },
        { name: 'may', type: 'TINYINT' },
        { name: 'from_us', type: 'BIGINT' },
        { name: 'to_us', type: 'BIGINT' },
      ],
      tiers.map((t, n) => [n, t.must, t.may, t.fromUs ?? null, t.toUs ?? null]),
    );
    return sql.id('replay_tier');
  }
  const values = sql.join(
    tiers.map(
      (t, n) =>
        sql`(${sql.lit(n)}::bigint, ${sql.lit(t.must)}::tinyint, ${sql.lit(t.may)}::tinyint, ${sql.lit(t.fromUs ?? null)}::bigint, ${sql.lit(t.toUs ?? null)}::bigint)`,
    ),
  );
  await engine.run('exposure.tiers', sql`create or replace temp table replay_tier_few as select * from (values ${values}) v(n, must, may, from_us, to_us)`);
  return sql.id('replay_tier_few');
}
