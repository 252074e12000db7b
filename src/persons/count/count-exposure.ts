import { t } from '../../base/index.ts';
import { type Element, elements, type OpenCase, roles } from '../../case/index.ts';
import { type Row, type Sql, sql } from '../../engine/index.ts';
import { countBounds } from './count-bounds.ts';
import { countContacts } from './count-contacts.ts';
import type { AbsentElement, CombinationCount, DatasetCount, ElementGroup, ExposureCounts, PersonCount, RecordRange, RoleCount } from './figures.ts';
import { type CountedDataset, countedDatasets, elementBit, maskOf, writeRecordMasks } from './record-masks.ts';

/** Elements that the law or the public asks for by name: listed as うち, and as absent when nothing of them was reachable. */
const special: readonly Element[] = [
  'finance.bank_account',
  'finance.card_number',
  'finance.other',
  'id.my_number',
  'id.driver_licence',
  'id.passport',
  'id.health_insurance',
  'id.residence_card',
  'auth.login',
  'auth.password',
  'sensitive.health',
  'sensitive.other',
  'claim.payment',
  'claim.history',
];
const askedWhenAbsent: readonly Element[] = special.filter(e => !e.startsWith('claim.') && e !== 'finance.other' && e !== 'auth.login');

const shown = elements.filter(e => e !== 'none' && e !== 'record.key');
const contact = elements.filter(e => e.startsWith('contact.'));

/** Lower counts clusters that merge all that might be one person, upper those that merge only what must be. */
const persons = (lower: Sql, upper: Sql): Sql => sql`
  greatest(count(distinct wide) filter (where ${lower} and not legal_person and identified), (count(*) filter (where ${lower} and not legal_person) > 0)::bigint) as p_lower,
  count(distinct best) filter (where ${lower} and not legal_person) as p_best,
  count(distinct strict) filter (where ${upper} and not legal_person) as p_upper`;

const personCount = (r: Row): PersonCount => ({ lower: Number(r['p_lower']), best: Number(r['p_best']), upper: Number(r['p_upper']) });

/**
 * Count what was exposed: records, persons, columns, combinations, roles, and what was not there. Reads `claim_row` (or `cell_tier`), `reachable`,
 * `attempted`, `claim_count`, `column_element`, `person_label`; writes `record_person`. Every partition is checked against its total.
 */
export async function countExposure(kase: OpenCase): Promise<ExposureCounts> {
  const { engine } = kase;
  const datasets = await countedDatasets(kase);
  const rest = sql.lit(maskOf(shown.filter(e => !contact.includes(e))));
  const group = (m: Sql): Sql =>
    sql`((${m} & ${rest}::bigint) | (case when ${m} & ${sql.lit(maskOf(contact))}::bigint <> 0 then ${sql.lit(maskOf([contact[0]!]))}::bigint else 0 end))`;
  const columnCounts = await writeRecordMasks(kase, datasets, group);

  const levels = [
    ['confirmed', sql`tier_lower >= 4`],
    ['executed', sql`tier_lower >= 3`],
    ['possible', sql`tier_upper >= 2`],
    ['not_excluded', sql`tier_upper >= 1`],
  ] as const;
  const figures = { records: {} as ExposureCounts['figures']['records'], persons: {} as ExposureCounts['figures']['persons'] };
  const totals = await engine.row(
    'count.records',
    sql`select ${sql.join(levels.map(([name, where]) => sql`count(*) filter (where ${where}) as ${sql.id(name)}`))} from record_person`,
  );
  let before: PersonCount | null = null;
  for (const [i, [name, where]] of levels.entries()) {
    figures.records[name] = Number(totals[name]);
    // Each level holds the one before: as many records are the same records.
    const same: boolean = i > 0 && figures.records[name] === figures.records[levels[i - 1]![0]];
    before = same ? before : personCount(await engine.row('count.persons', sql`select ${persons(where, where)} from record_person`));
    figures.persons[name] = before!;
  }
  const byDataset = await countDatasets(kase, datasets, columnCounts);
  const combinations = await countCombinations(kase);
  const sum = (f: (c: CombinationCount) => number): number => combinations.reduce((n, c) => n + f(c), 0);
  if (sum(c => c.records.lower) !== figures.records.executed || sum(c => c.records.upper) !== figures.records.possible)
    throw new Error('combinations do not sum to the records');
  if (byDataset.reduce((n, d) => n + d.records.possible, 0) !== figures.records.possible) throw new Error('datasets do not sum to the records');
  const legal = await engine.row(
    'count.legal',
    sql`select count(*) filter (where tier_lower >= 3 and legal_person) as lower, count(*) filter (where tier_upper >= 2 and legal_person) as upper from record_person`,
  );
  const bounds = await countBounds(kase, byDataset, { executed: figures.persons.executed.lower, possible: figures.persons.possible.upper });
  for (const b of bounds.datasets) for (const d of byDataset) if (d.id === b.dataset) d.bounds = { lower: b.records.lower, upper: b.records.upper };
  return {
    figures,
    bounds: bounds.total,
    datasets: byDataset,
    contacts: await countContacts(kase, datasets, byDataset),
    combinations,
    person_combinations: await countPersonCombinations(kase),
    roles: await countRoles(kase, figures.records.possible),
    duplicates: await countDuplicates(kase, figures),
    absent: await findAbsent(kase, datasets),
    legal_persons: { records: range(legal) },
    living: await countLiving(kase, figures),
  };
}

async function countDuplicates(kase: OpenCase, figures: ExposureCounts['figures']): Promise<ExposureCounts['duplicates']> {
  const of = async (where: Sql): Promise<RecordRange> =>
    range(
      await kase.engine.row(
        'count.duplicates',
        sql`select count(*) - count(distinct strict) as lower, count(*) - count(distinct wide) as upper from record_person where ${where} and not legal_person and strict is not null`,
      ),
    );
  const executed = await of(sql`tier_lower >= 3`);
  return { executed, possible: figures.records.executed === figures.records.possible ? executed : await of(sql`tier_upper >= 2`) };
}

/** Persons of whom no record says that they are dead; a doubtful merge with a dead namesake is left out of the lower count only. */
async function countLiving(kase: OpenCase, figures: ExposureCounts['figures']): Promise<ExposureCounts['living']> {
  const known = (label: Sql): Sql => sql`${label} not in (select ${label} from record_person where living = 'no')`;
  const of = async (where: Sql): Promise<PersonCount> =>
    personCount(
      await kase.engine.row(
        'count.living',
        sql`
    select count(distinct wide) filter (where ${where} and identified and ${known(sql`wide`)}) as p_lower, count(distinct best) filter (where ${where} and ${known(sql`best`)}) as p_best,
      count(distinct strict) filter (where ${where} and ${known(sql`strict`)}) as p_upper from record_person where not legal_person and strict is not null`,
      ),
    );
  const deceased = range(
    await kase.engine.row(
      'count.deceased',
      sql`select count(*) filter (where tier_lower >= 3) as lower, count(*) filter (where tier_upper >= 2) as upper from record_person where living = 'no'`,
    ),
  );
  const executed = await of(sql`tier_lower >= 3`);
  return { deceased, persons: { executed, possible: figures.records.executed === figures.records.possible ? executed : await of(sql`tier_upper >= 2`) } };
}

const range = (r: Row): RecordRange => ({ lower: Number(r['lower']), upper: Number(r['upper']) });

async function countDatasets(kase: OpenCase, datasets: readonly CountedDataset[], columns: ReadonlyMap<string, readonly number[]>): Promise<DatasetCount[]> {
  const { engine } = kase;
  const records = new Map(
    (
      await engine.rows(
        'count.by_dataset',
        sql`select dataset_id, count(*) filter (where tier_lower >= 4) as confirmed, count(*) filter (where tier_lower >= 3) as executed,
    count(*) filter (where tier_upper >= 2) as possible, count(*) filter (where tier_upper >= 1) as not_excluded from record_mask group by dataset_id order by dataset_id`,
      )
    ).map(r => [String(r['dataset_id']), r]),
  );
  const only = (await kase.engine.hasTable('claim_count'))
    ? new Map(
        (
          await engine.rows(
            'count.only',
            sql`select dataset_id, max(lower) as lower, sum(upper) as upper from claim_count group by dataset_id order by dataset_id`,
          )
        ).map(r => [String(r['dataset_id']), r]),
      )
    : new Map<string, Row>();
  const attempted = (await kase.engine.hasTable('attempted'))
    ? new Set((await engine.rows('count.attempted', sql`select dataset_id, column_no from attempted`)).map(r => `${r['dataset_id']}\u0001${r['column_no']}`))
    : new Set<string>();
  return datasets.map(d => {
    const r = records.get(d.dataset_id);
    const c = only.get(d.dataset_id);
    const rows = Number(d.rows);
    return {
      id: d.dataset_id,
      rows,
      records: {
        confirmed: Number(r?.['confirmed'] ?? 0),
        executed: Number(r?.['executed'] ?? 0),
        possible: Number(r?.['possible'] ?? 0),
        not_excluded: Number(r?.['not_excluded'] ?? 0),
      },
      bounds: { lower: Number(r?.['executed'] ?? 0), upper: Number(r?.['possible'] ?? 0) },
      count_only: { lower: Math.min(rows, Number(c?.['lower'] ?? 0)), upper: Math.min(rows, Number(c?.['upper'] ?? 0)) },
      columns: d.columns.map(column => {
        const at = `${d.dataset_id}\u0001${column.column_no}`;
        const [confirmed = 0, executed = 0, possible = 0, not_excluded = 0] = columns.get(at) ?? [];
        return { name: column.name, element: column.element, confirmed, executed, possible, not_excluded, attempted_only: possible === 0 && attempted.has(at) };
      }),
    };
  });
}

function groupsOf(mask: bigint): ElementGroup[] {
  const list = shown.filter(e => mask & (1n << BigInt(elementBit.get(e)!)));
  return [...new Set(list.map(e => (e.startsWith('contact.') ? ('contact.*' as const) : e)))];
}

async function countCombinations(kase: OpenCase): Promise<CombinationCount[]> {
  const rows = await kase.engine.rows(
    'count.combinations',
    sql`
    with l as (select g3 as g, count(*) as n, count(distinct wide) filter (where not legal_person and identified) as pw, count(*) filter (where not legal_person) as any_person,
        count(distinct best) filter (where not legal_person) as pb from record_person where tier_lower >= 3 group by g3),
      u as (select g2 as g, count(*) as n, count(distinct strict) filter (where not legal_person) as ps from record_person where tier_upper >= 2 group by g2),
      b as (select g2 as g, count(*) as n from record_person where tier_lower >= 3 and g3 = g2 group by g2),
      pairs as (select case when tier_lower >= 3 then g3 else 0 end as low, g2 as high, count(*) as n from record_person where tier_upper >= 2 group by 1, 2),
      g as (select g from l union select g from u),
      within_g as (select g.g, sum(p.n) filter (where (p.low & ~g.g) = 0 and (g.g & ~p.high) = 0) as n from g, pairs p group by g.g)
    select g.g, coalesce(l.n, 0) as lower, coalesce(u.n, 0) as upper, coalesce(b.n, 0) as certain, coalesce(w.n, 0) as possible,
      greatest(coalesce(pw, 0), (coalesce(any_person, 0) > 0)::bigint) as p_lower, coalesce(pb, 0) as p_best, coalesce(ps, 0) as p_upper
    from g left join l using (g) left join u using (g) left join b using (g) left join within_g w using (g) order by coalesce(u.n, 0) desc, coalesce(l.n, 0) desc, g.g`,
  );
  return rows.map(r => ({
    elements: groupsOf(BigInt(r['g'] as number)),
    records: range(r),
    certain: Number(r['certain']),
    within: Number(r['possible']),
    persons: personCount(r),
  }));
}

/** Masks of all records of one person together, under the clustering that belongs to each bound. */
async function countPersonCombinations(kase: OpenCase): Promise<ExposureCounts['person_combinations']> {
  const view = (person: string, mask: string, where: Sql): Sql => sql`select g, count(*) as n from (select bit_or(${sql.id(mask)}) as g from record_person
    where ${where} and not legal_person group by ${sql.id(person)}) group by g`;
  const rows = await kase.engine.rows(
    'count.person_combinations',
    sql`
    with l as (${view('wide', 'g3', sql`tier_lower >= 3 and identified`)}), b as (${view('best', 'g3', sql`tier_lower >= 3`)}), u as (${view('strict', 'g2', sql`tier_upper >= 2`)}),
      g as (select g from l union select g from b union select g from u)
    select g.g, coalesce(l.n, 0) as p_lower, coalesce(b.n, 0) as p_best, coalesce(u.n, 0) as p_upper
    from g left join l using (g) left join b using (g) left join u using (g) order by coalesce(u.n, 0) desc, g.g`,
  );
  return rows.map(r => ({ elements: groupsOf(BigInt(r['g'] as number)), persons: personCount(r) }));
}

async function countRoles(kase: OpenCase, possible: number): Promise<RoleCount[]> {
  const seen = BigInt(
    (await kase.engine.row('count.role_elements', sql`select coalesce(bit_or(m2), 0) as m from record_person where tier_upper >= 2`))['m'] as number,
  );
  const asked = special.filter(e => seen & (1n << BigInt(elementBit.get(e)!)));
  const columns = [null, ...asked].flatMap((element, i) => {
    const flag = element === null ? null : sql`${sql.lit(1n << BigInt(elementBit.get(element)!))}::bigint`;
    const lower = flag === null ? sql`tier_lower >= 3` : sql`(tier_lower >= 3 and m3 & ${flag} <> 0)`;
    const upper = flag === null ? sql`tier_upper >= 2` : sql`(tier_upper >= 2 and m2 & ${flag} <> 0)`;
    const p = (name: string): Sql => sql.id(`${name}_${i}`);
    return [
      sql`count(*) filter (where ${lower}) as ${p('lower')}, count(*) filter (where ${upper}) as ${p('upper')}`,
      sql`greatest(count(distinct wide) filter (where ${lower} and not legal_person and identified), (count(*) filter (where ${lower} and not legal_person) > 0)::bigint) as ${p('p_lower')}`,
      sql`count(distinct best) filter (where ${lower} and not legal_person) as ${p('p_best')}, count(distinct strict) filter (where ${upper} and not legal_person) as ${p('p_upper')}`,
    ];
  });
  const rows = await kase.engine.rows('count.roles', sql`select role, ${sql.join(columns)} from record_person group by role order by role`);
  const all: Row[] = rows.flatMap(r =>
    ['', ...asked].map((element, i) => ({
      role: r['role']!,
      element,
      ...Object.fromEntries(['lower', 'upper', 'p_lower', 'p_best', 'p_upper'].map(name => [name, r[`${name}_${i}`]!])),
    })),
  );
  const totals = all.filter(r => r['element'] === '' && Number(r['upper']) > 0);
  if (totals.reduce((n, r) => n + Number(r['upper']), 0) !== possible) throw new Error('roles do not sum to the records');
  const rank = (role: string): number => {
    const i = (roles as readonly string[]).indexOf(role);
    return i < 0 ? roles.length : i;
  };
  return totals
    .map(r => ({
      role: String(r['role']),
      records: range(r),
      persons: personCount(r),
      of_which: special.flatMap(element => {
        const own = all.find(x => x['role'] === r['role'] && x['element'] === element);
        return own && Number(own['upper']) > 0 ? [{ element, records: range(own), persons: personCount(own) }] : [];
      }),
    }))
    .sort((a, b) => rank(a.role) - rank(b.role) || (a.role < b.role ? -1 : 1));
}

/** Elements of which nothing was exposed or reachable, and why we may say so. */
async function findAbsent(kase: OpenCase, datasets: readonly CountedDataset[]): Promise<AbsentElement[]> {
  const seen = await kase.engine.row('count.seen', sql`select coalesce(bit_or(m1), 0) as m from record_mask`);
  const mask = BigInt(seen['m'] as number);
  const columns = datasets.flatMap(d => d.columns);
  const undecided = columns.filter(c => c.confidence < 0.5).length;
  return askedWhenAbsent
    .filter(e => !(mask & (1n << BigInt(elementBit.get(e)!))))
    .map(element => {
      const held = columns.filter(c => c.element === element).length;
      const params = { datasets: datasets.length, columns: columns.length, undecided, held };
      const key = held > 0 ? 'persons:absent.held' : undecided > 0 ? 'persons:absent.undecided' : 'persons:absent.none';
      const text = { ja: t('ja', key, params), en: t('en', key, params) };
      return { element, basis: text.en, text };
    });
}
