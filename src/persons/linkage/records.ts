import type { Effects } from '../../base/index.ts';
import type { OpenCase } from '../../case/index.ts';
import { type ColumnSpec, type Engine, type Sql, sql } from '../../engine/index.ts';
import { foldKanji, widen } from '../normal/index.ts';
import type { LinkFields } from './fields.ts';
import { describesPersons } from './fields.ts';
import { linkRowNames, nameReader, standardise } from './standardise.ts';

const recordColumns: readonly ColumnSpec[] = [
  { name: 'rid', type: 'INTEGER' },
  { name: 'src', type: 'INTEGER' },
  { name: 'row_no', type: 'BIGINT' },
  { name: 'legal', type: 'BOOLEAN' },
  { name: 'japanese', type: 'BOOLEAN' },
  ...linkRowNames.map(name => ({ name, type: 'VARCHAR' as const })),
];

/** Frequencies kept beside each record, as log2 of the share of records with that value. */
const copies = 3;
/** The rarest a value of each kind is taken to be among other people; null: as counted, smoothed. */
const rarest = { surname: null, given: null, birth: 0.00004, address: 0.00002, phone: 0.00001, email: 0.000008, ident: 0.000005 } as const;
export const frequencyOf = ['surname', 'given', 'birth', 'address', 'phone', 'email', 'ident'] as const;

/**
 * Write `link_record`: every record of every data set in comparable form, numbered `rid` from 0 by data set and row. Rows of data
 * sets that do not say who they are about have only nulls.
 */
export async function writeLinkRecords(kase: OpenCase, fields: readonly LinkFields[], effects: Effects): Promise<number> {
  const { engine } = kase;
  const total = fields.reduce((n, f) => n + f.rows, 0);
  let n = await engine.load('link_record', recordColumns, records(kase, fields, total, effects));
  // Records that say nothing of anybody need no reading.
  const nothing = sql.join(linkRowNames.map(() => sql`null`));
  let base = 0;
  for (const [src, f] of fields.entries()) {
    if (!isRead(kase, f)) {
      await engine.run(
        'link.unread',
        sql`insert into link_record select (${sql.lit(base)} + row_number() over (order by row_no) - 1)::integer, ${sql.lit(src)}, row_no, false, false, ${nothing} from ${sql.id(`data_${f.dataset_id}`)}`,
      );
      n += f.rows;
    }
    base += f.rows;
  }
  return n;
}

/** Whether the rows of a data set must be looked at one by one. */
function isRead(kase: OpenCase, f: LinkFields): boolean {
  const spec = kase.file.datasets.find(d => d.id === f.dataset_id)?.legalPerson ?? { constant: false };
  return describesPersons(f) || 'column' in spec || spec.constant;
}

async function* records(kase: OpenCase, fields: readonly LinkFields[], total: number, effects: Effects): AsyncGenerator<readonly unknown[]> {
  let base = 0;
  const reader = await kase.engine.reader();
  const readName = nameReader(await spacedSurnames(kase, fields));
  for (const [src, f] of fields.entries()) {
    let rid = base;
    base += f.rows;
    if (!isRead(kase, f)) continue;
    const spec = kase.file.datasets.find(d => d.id === f.dataset_id)?.legalPerson ?? { constant: false };
    const told = 'column' in spec ? ((await tableColumns(kase, f.dataset_id)).find(c => c.toLowerCase() === spec.column.toLowerCase()) ?? null) : null;
    const legalOf = (value: string | null): boolean | null =>
      'constant' in spec ? (spec.constant ? true : null) : value === null ? null : (spec.map[value] ?? null);
    const columns = describesPersons(f)
      ? [
          ...new Set(
            [told === null ? [] : [told], f.surname, f.given, f.full, f.kana, f.birth, f.sex, f.address, f.postal, f.phone, f.email, f.ident, f.place].flat(),
          ),
        ]
      : [];
    const select = columns.map((c, i) => sql`${sql.id(c)} as ${sql.id(`c${i}`)}`);
    const placeOf = new Map(columns.map((c, i) => [c, `c${i}`]));
    for await (const batch of reader.stream<Record<string, string | null> & { row_no: number }>(
      'link.read',
      sql`
      select ${sql.join([sql`row_no`, ...select])} from ${sql.id(`data_${f.dataset_id}`)} order by row_no`,
    )) {
      for (const row of batch) {
        const r = standardise(f, readName, c => row[placeOf.get(c)!] ?? null);
        const said = legalOf(told === null ? null : (row[placeOf.get(told)!] ?? null));
        if (said !== null && said !== r.legal) {
          r.legal = said;
          if (said) {
            r.given = r.whole;
            r.surname = r.surname_read = r.given_read = r.whole_read = r.birth = r.sex = null;
          }
        }
        yield [
          rid++,
          src,
          row.row_no,
          r.legal,
          r.japanese,
          r.surname,
          r.given,
          r.surname_read,
          r.given_read,
          r.former,
          r.whole,
          r.whole_read,
          r.birth,
          r.sex,
          r.address,
          r.block,
          r.town,
          r.area,
          r.phone,
          r.phone2,
          r.email,
          r.ident,
          r.place,
        ];
      }
      if (rid % 65536 < batch.length) effects.progress({ stage: 'persons', done: rid, total, unit: 'records' });
    }
  }
}

async function tableColumns(kase: OpenCase, dataset: string): Promise<string[]> {
  return (
    await kase.engine.rows<{ name: string }>('link.table_columns', sql`select name from dataset_column where dataset_id = ${dataset} order by column_no`)
  ).map(r => r.name);
}

const spacedName = '^\\s*([^\\s\\x{3000}]{1,6})[\\s\\x{3000}]+[^\\s\\x{3000}]+\\s*$';

/** Surnames written apart from the given name somewhere in the data: they tell how to cut the names that are written in one. */
async function spacedSurnames(kase: OpenCase, fields: readonly LinkFields[]): Promise<Set<string>> {
  const out = new Set<string>();
  for (const f of fields) {
    for (const column of f.full) {
      const rows = await kase.engine.rows<{ s: string }>(
        'link.surnames',
        sql`select s from (select regexp_extract(${sql.id(column)}, ${spacedName}, 1) as s
        from ${sql.id(`data_${f.dataset_id}`)}) where s <> '' and not regexp_matches(s, '^[ -~]') group by s having count(*) >= 2 order by s limit 200000`,
      );
      for (const r of rows) out.add(foldKanji(widen(r.s)));
    }
  }
  return out;
}

/**
 * Records that agree in everything (but those in `apart`, about which somebody decided) and are certainly one person (name, birth date and a way to reach them) become one node.
 * Writes `link_node` (nid, comparable columns, `records`, log2 frequencies `f_*`, `same_birth_name`) and `link_member` (rid → nid).
 */
export async function writeLinkNodes(engine: Engine, apart: readonly number[]): Promise<number> {
  const certain = sql`(surname is not null and given is not null and birth is not null and (address is not null or phone is not null or email is not null)
    ${apart.length > 0 ? sql`and rid not in (${sql.join(apart.map(r => sql`${sql.lit(r)}`))})` : sql``})`;
  const names = sql.join(linkRowNames.map(n => sql.id(n)));
  await engine.run(
    'link.node_raw',
    sql`create or replace temp table link_group as
    select min(rid) as first_rid, list(rid) as rids, count(*) as records, legal, japanese, ${names} from link_record where ${certain} group by legal, japanese, ${names}
    union all select rid, [rid], 1, legal, japanese, ${names} from link_record where not ${certain}`,
  );
  await engine.run(
    'link.node_number',
    sql`create or replace temp table link_numbered as select (row_number() over (order by first_rid) - 1)::integer as nid, * from link_group`,
  );
  await engine.run('link.member', sql`create or replace table link_member as select unnest(rids) as rid, nid from link_numbered`);
  // Copies of one person must not make their own telephone look common, so a few are taken off; names are smoothed, because a small
  // table knows little about how common a name is.
  const count = sql`sum(records)::double`;
  const log2Share = (name: keyof typeof rarest): Sql =>
    rarest[name] === null
      ? sql`log2((${count} + 0.2) / (any_value(total) + 50))`
      : sql`log2(greatest(${sql.lit(rarest[name])}::double, (${count} - ${copies}) / any_value(total)))`;
  const share = (name: keyof typeof rarest): Sql => sql`left join (select ${sql.id(name)}, ${log2Share(name)} as ${sql.id(`f_${name}`)}
    from link_numbered, (select sum(records)::double as total from link_numbered where ${sql.id(name)} is not null) where ${sql.id(name)} is not null group by ${sql.id(name)}) ${sql.id(`t_${name}`)} using (${sql.id(name)})`;
  await engine.run(
    'link.node',
    sql`create or replace table link_node as
    select nid, first_rid, records, legal, japanese, ${names}, ${sql.join(frequencyOf.map(n => sql.id(`f_${n}`)))}
    from link_numbered ${sql.join(frequencyOf.map(share), sql` `)} order by nid`,
  );
  await engine.run('link.drop', sql`drop table link_group`);
  await engine.run('link.drop', sql`drop table link_numbered`);
  return Number((await engine.row('link.nodes', sql`select count(*) as n from link_node`))['n']);
}
