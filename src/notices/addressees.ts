import type { OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';

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

/** Persons with any cell that may have been disclosed, without companies, in order of their id; at most `limit`. */
export async function findAddressees({ engine }: OpenCase, limit: number): Promise<{ total: number; list: Addressee[] }> {
  await engine.run(
    'notices.person',
    sql`create or replace temp table notice_person as
    with exposed as (
      select distinct c.dataset_id, c.row_no, e.element from cell_tier c join column_element e using (dataset_id, column_no)
      where c.tier_upper >= 2 and e.element not in ('none', 'record.key')
    )
    select p.person_strict as person, list(distinct x.element order by x.element) as elements, list(distinct x.dataset_id || '/' || p.key order by x.dataset_id || '/' || p.key) as records
    from exposed x join person_record p using (dataset_id, row_no) where not coalesce(p.legal_person, false) group by 1`,
  );
  const { total } = await engine.row<{ total: number }>('notices.total', sql`select count(*) as total from notice_person`);
  const contacts = await contactSql(engine);
  const list = await engine.rows<{ person: string; elements: string[]; records: string[]; name: string | null; postal: string | null; address: string | null }>(
    'notices.addressees',
    sql`
    with chosen as (select * from notice_person order by person limit ${limit}),
    contact as (${contacts}),
    ranked as (
      select c.person, first(c.name order by c.name is null, c.dataset_id, c.row_no) as name,
        first(c.postal order by c.address is null, c.dataset_id, c.row_no) as postal, first(c.address order by c.address is null, c.dataset_id, c.row_no) as address
      from contact c join chosen using (person) group by 1
    )
    select chosen.person, elements, records, name, postal, address from chosen left join ranked using (person) order by chosen.person`,
  );
  return {
    total,
    list: list.map(a => ({ person: a.person, elements: a.elements, records: a.records, name: a.name, postalCode: a.postal, address: a.address })),
  };
}

/** name, postal code and address of every record, from the columns that mean them. */
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
    select p.person_strict as person, ${d.dataset} as dataset_id, d.row_no, ${column(d.name)} as name, ${column(d.postal)} as postal, ${column(d.address)} as address
    from ${sql.id(`data_${d.dataset}`)} d join person_record p on p.dataset_id = ${d.dataset} and p.row_no = d.row_no`,
  );
  if (parts.length === 0)
    return sql`select null::varchar as person, null::varchar as dataset_id, 0::bigint as row_no, null::varchar as name, null::varchar as postal, null::varchar as address where false`;
  return sql.join(parts, sql` union all `);
}

function column(name: string | null): Sql {
  return name === null ? sql`null::varchar` : sql`nullif(trim(${sql.id('d', name)}), '')`;
}
