import { elements, type OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import { elementsIn, maskOf } from '../persons/index.ts';

/** One person to be told, with the items of that person only. `person` is the finest clustering: a wrong merge is a person who is never told. */
export type Addressee = {
  readonly person: string;
  readonly elements: readonly string[];
  readonly records: readonly string[];
  readonly name: string | null;
  readonly postalCode: string | null;
  readonly address: string | null;
};

type DatasetColumns = { readonly dataset: string; readonly name: string | null; readonly postal: string | null; readonly address: string | null };

/** What a letter does not speak of: the key of a record is nobody's item. */
const told = maskOf(elements.filter(e => e !== 'none' && e !== 'record.key'));

/**
 * Persons with any value that may have been disclosed, without companies, in order of their id; at most `limit`. Reads `record_person`: only who
 * gets a letter is looked at closely, however many are counted.
 */
export async function findAddressees({ engine }: OpenCase, limit: number): Promise<{ total: number; list: Addressee[] }> {
  const toTell = sql`r.tier_upper >= 2 and r.m2 & ${sql.lit(told)}::bigint <> 0 and not r.legal_person and r.strict is not null`;
  const { total } = await engine.row<{ total: number }>('notices.total', sql`select count(distinct strict) as total from record_person r where ${toTell}`);
  await engine.run(
    'notices.record',
    sql`create or replace temp table notice_record as
    select r.dataset_id, r.row_no, r.strict, r.m2 & ${sql.lit(told)}::bigint as items from record_person r
    where ${toTell} and r.strict in (select distinct strict from record_person r where ${toTell} order by strict limit ${limit})`,
  );
  await engine.run(
    'notices.person',
    sql`create or replace temp table notice_person as
    select p.person_strict as person, bit_or(n.items) as items, list(distinct p.dataset_id || '/' || p.key order by p.dataset_id || '/' || p.key) as records
    from notice_record n join person_record p using (dataset_id, row_no) group by 1`,
  );
  const contacts = await contactSql(engine);
  const list = await engine.rows<{ person: string; elements: string[]; records: string[]; name: string | null; postal: string | null; address: string | null }>(
    'notices.addressees',
    sql`
    with contact as (${contacts}),
    ranked as (
      select person, first(name order by name is null, dataset_id, row_no) as name,
        first(postal order by address is null, dataset_id, row_no) as postal, first(address order by address is null, dataset_id, row_no) as address
      from contact group by person
    )
    select person, ${elementsIn(sql`items`)} as elements, records, name, postal, address from notice_person left join ranked using (person) order by person`,
  );
  return {
    total,
    list: list.map(a => ({ person: a.person, elements: a.elements, records: a.records, name: a.name, postalCode: a.postal, address: a.address })),
  };
}

/** Name, postal code and address of every record of the persons to be told, from the columns that mean them. */
async function contactSql(engine: OpenCase['engine']): Promise<Sql> {
  const rows = await engine.rows<{ dataset_id: string; element: string; name: string }>(
    'notices.columns',
    sql`
    select e.dataset_id, e.element, c.name from column_element e join dataset_column c using (dataset_id, column_no)
    where e.element in ('person.name', 'contact.postal_code', 'contact.address') order by e.dataset_id, e.column_no`,
  );
  const datasets = new Map<string, DatasetColumns>();
  for (const r of rows) {
    const d = datasets.get(r.dataset_id) ?? { dataset: r.dataset_id, name: null, postal: null, address: null };
    const slot = r.element === 'person.name' ? 'name' : r.element === 'contact.address' ? 'address' : 'postal';
    datasets.set(r.dataset_id, d[slot] === null ? { ...d, [slot]: r.name } : d);
  }
  const parts = [...datasets.values()].map(
    d => sql`
    select p.person, ${d.dataset} as dataset_id, d.row_no, ${column(d.name)} as name, ${column(d.postal)} as postal, ${column(d.address)} as address
    from ${sql.id(`data_${d.dataset}`)} d join (
      select row_no, person_strict as person from person_record where dataset_id = ${d.dataset} and person_strict in (select person from notice_person)
    ) p on p.row_no = d.row_no`,
  );
  if (parts.length === 0)
    return sql`select null::varchar as person, null::varchar as dataset_id, 0::bigint as row_no, null::varchar as name, null::varchar as postal, null::varchar as address where false`;
  return sql.join(parts, sql` union all `);
}

function column(name: string | null): Sql {
  return name === null ? sql`null::varchar` : sql`nullif(trim(${sql.id('d', name)}), '')`;
}
