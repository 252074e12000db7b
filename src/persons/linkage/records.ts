import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { foldKanji, widen } from '../normal/index.ts';
import type { LinkFields } from './fields.ts';
import { describesPersons } from './fields.ts';
import { plainParts, type Reading, readings, readTown, writeReadings } from './readings.ts';
import { between, linkRowNames, nameOrParts, nameReader } from './standardise.ts';

/** Frequencies kept beside each record, as log2 of the share of records with that value. */
const copies = 3;
/** The rarest a value of each kind is taken to be among other people; null: as counted, smoothed. */
const rarest = { surname: null, given: null, birth: 0.00004, address: 0.00002, phone: 0.00001, email: 0.000008, ident: 0.000005 } as const;
export const frequencyOf = ['surname', 'given', 'birth', 'address', 'phone', 'email', 'ident'] as const;

/** Write `link_source`: the data sets by number, and `base`, so that `base + row_no` numbers every record of all of them (`rid`). */
export async function writeLinkSources(engine: Engine, fields: readonly LinkFields[]): Promise<void> {
  let base = 0;
  const rows: unknown[][] = [];
  for (const [src, f] of fields.entries()) {
    rows.push([src, f.dataset_id, base]);
    base += Number((await engine.row('link.last_row', sql`select coalesce(max(row_no) + 1, 0) as n from ${sql.id(`data_${f.dataset_id}`)}`))['n']);
  }
  await engine.load(
    'link_source',
    [
      { name: 'src', type: 'INTEGER' },
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'base', type: 'BIGINT' },
    ],
    rows,
  );
}

/** The one text of a field as people wrote it, by kind of reading; null where the row has none. */
type Texts = readonly { readonly kind: string; readonly slot: string; readonly text: Sql }[];

function textsOf(f: LinkFields): Texts {
  const joined = (columns: readonly string[]): Sql =>
    columns.length === 1
      ? sql`nullif(${sql.id(columns[0]!)}, '')`
      : sql`nullif(concat_ws(' ', ${sql.join(columns.map(c => sql`nullif(${sql.id(c)}, '')`))}), '')`;
  const parts = (surname: Sql, given: Sql): Sql => sql`nullif(coalesce(${surname}, '') || ${sql.lit(between)} || coalesce(${given}, ''), ${sql.lit(between)})`;
  const out: { kind: string; slot: string; text: Sql }[] = [];
  const add = (kind: string, columns: readonly string[], slot = kind): void => {
    if (columns.length > 0) out.push({ kind, slot, text: joined(columns) });
  };
  if (f.surname.length > 0) out.push({ kind: 'name', slot: 'name', text: parts(joined(f.surname), joined(f.given)) });
  else add('name', f.full);
  add('kana', f.kana);
  add('birth', f.birth);
  add('sex', f.sex);
  add('address', f.address);
  add('postal', f.postal);
  add('phone', f.phone.slice(0, 1));
  add('phone', f.phone.slice(1, 2), 'phone2');
  add('email', f.email);
  add('ident', f.ident);
  add('place', f.place);
  return out;
}

/**
 * Write `link_record`: each record that says who it is about, in comparable form, by its number `rid`; records in `named`, which somebody
 * decided upon, are there in any case. Records that say nothing of anybody are left out.
 */
export async function writeLinkRecords(kase: OpenCase, fields: readonly LinkFields[], named: readonly number[]): Promise<void> {
  const { engine } = kase;
  const list = readings(nameOrParts(nameReader(await spacedSurnames(kase, fields))));
  const used = fields.flatMap(f => (describesPersons(f) ? [{ f, texts: textsOf(f) }] : []));
  const reader = await engine.reader();
  const tables: string[] = [];
  const write = async (table: string, columns: readonly string[], texts: readonly Sql[], read: Reading['read']): Promise<void> => {
    tables.push(table);
    await writeReadings(engine, reader, table, columns, sql.join(texts, sql` union all `), read);
  };
  for (const reading of list) {
    const of = used.flatMap(u => u.texts.filter(t => t.kind === reading.kind).map(t => ({ ...t, table: sql.id(`data_${u.f.dataset_id}`) })));
    if (of.length === 0) continue;
    const { plain } = reading;
    const v = sql.id('v');
    if (reading.kind === 'address') {
      await write(
        'link_read_town',
        ['town', 'area'],
        of.map(t => sql`select nullif(${plainParts(v)}.town, '') as v from (select ${t.text} as v from ${t.table})`),
        readTown,
      );
      await write(
        'link_read_address',
        reading.columns,
        of.map(t => sql`select v from (select ${t.text} as v from ${t.table}) where ${plainParts(v)}.town = ''`),
        reading.read,
      );
    } else {
      const rest = plain === undefined ? sql`true` : sql`not ${plain.when(v)}`;
      await write(
        `link_read_${reading.kind}`,
        reading.columns,
        of.map(t => sql`select v from (select ${t.text} as v from ${t.table}) where ${rest}`),
        reading.read,
      );
    }
  }
  const definition = sql.join(linkRowNames.map(name => sql`${sql.id(name)} varchar`));
  await engine.run(
    'link.record',
    sql`create or replace table link_record (rid integer, src integer, row_no bigint, legal boolean, japanese boolean, ${definition})`,
  );
  for (const [src, f] of fields.entries()) {
    const spec = kase.file.datasets.find(d => d.id === f.dataset_id)?.legalPerson ?? { constant: false };
    const told = await toldLegal(kase, f.dataset_id, spec);
    const texts = describesPersons(f) ? textsOf(f) : [];
    if (texts.length > 0 || told !== null) await insertRecords(engine, src, f, texts, list, told);
  }
  if (named.length > 0) {
    const empty = sql.join(linkRowNames.map(() => sql`null`));
    await engine.run(
      'link.record_named',
      sql`insert into link_record select n.rid, s.src, n.rid - s.base, false, false, ${empty} from (select unnest([${sql.join(named.map(r => sql.lit(r)))}])::integer as rid) n
        asof join link_source s on n.rid >= s.base where n.rid not in (select rid from link_record)`,
    );
  }
  for (const t of tables) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
}

/** What the case file says about who is a company, as SQL over a row; null where it says nothing. */
async function toldLegal(
  kase: OpenCase,
  dataset: string,
  spec: { readonly constant: boolean } | { readonly column: string; readonly map: Readonly<Record<string, boolean>> },
): Promise<Sql | null> {
  if ('constant' in spec) return spec.constant ? sql`true` : null;
  const column = (await tableColumns(kase, dataset)).find(c => c.toLowerCase() === spec.column.toLowerCase());
  const entries = Object.entries(spec.map);
  if (column === undefined || entries.length === 0) return null;
  return sql`case ${sql.id(column)} ${sql.join(
    entries.map(([value, legal]) => sql`when ${sql.lit(value)} then ${sql.lit(legal)}::boolean`),
    sql` `,
  )} end`;
}

async function insertRecords(engine: Engine, src: number, f: LinkFields, texts: Texts, list: readonly Reading[], told: Sql | null): Promise<void> {
  const joins: Sql[] = [];
  const said = new Map<string, Sql>();
  for (const t of texts) {
    const reading = list.find(r => r.kind === t.kind)!;
    const [v, alias] = [sql`t.${sql.id(t.slot)}`, sql.id(`r_${t.slot}`)];
    joins.push(sql`left join ${sql.id(`link_read_${t.kind}`)} ${alias} on ${alias}.v = ${v}`);
    for (const c of reading.columns) {
      const read = sql`${alias}.${sql.id(c)}`;
      said.set(`${t.slot}.${c}`, reading.plain === undefined ? read : sql`case when ${reading.plain.when(v)} then ${reading.plain.value(v)} else ${read} end`);
    }
  }
  const located = texts.some(t => t.slot === 'address');
  if (located) {
    joins.push(sql`left join link_read_town r_town on r_town.v = nullif(t.plain.town, '')`);
    const block = sql`r_town.town || '|' || t.plain.numbers`;
    said.set('address.address', sql`coalesce(${block} || (case when t.plain.room <> '' then '-' || t.plain.room else '' end), r_address.address)`);
    said.set('address.block', sql`coalesce(${block}, r_address.block)`);
    for (const c of ['town', 'area']) said.set(`address.${c}`, sql`coalesce(r_town.${sql.id(c)}, r_address.${sql.id(c)})`);
  }
  const known = (slot: string): Sql => (texts.some(t => t.slot === slot) ? sql`t.${sql.id(slot)} is not null` : sql`false`);
  const take = (at: string, as: string): Sql => sql`${said.get(at) ?? sql`null::varchar`} as ${sql.id(as)}`;
  const legal = sql`coalesce(${said.get('name.legal') ?? sql`false`}, false)`;
  const columns = texts.map(t => sql`${t.text} as ${sql.id(t.slot)}`);
  await engine.run(
    'link.record_insert',
    sql`insert into link_record
    with raw as (select ${sql.join([sql`row_no`, sql`${told ?? sql`null::boolean`} as told`, ...columns])} from ${sql.id(`data_${f.dataset_id}`)}),
      t as (select *${located ? sql`, ${plainParts(sql`address`)} as plain` : sql``} from raw
        where ${sql.join([sql`told is not null`, ...texts.map(x => sql`${sql.id(x.slot)} is not null`)], sql` or `)}),
      n as (select t.row_no, t.told, ${legal} as named_legal, ${known('kana')} and not ${legal} as kana, ${known('postal')} as coded,
          coalesce(${said.get('name.japanese') ?? sql`false`}, false) as named_japanese, ${sql.join([
            take('name.surname', 'surname'),
            take('name.given', 'given'),
            take('name.former', 'former'),
            take('name.surname_read', 'name_surname_read'),
            take('name.given_read', 'name_given_read'),
            take('kana.surname_read', 'kana_surname_read'),
            take('kana.given_read', 'kana_given_read'),
            take('kana.whole_read', 'kana_whole_read'),
            take('birth.birth', 'birth'),
            take('sex.sex', 'sex'),
            take('address.address', 'address'),
            take('address.block', 'block'),
            take('address.town', 'town'),
            take('address.area', 'city'),
            take('postal.area', 'code'),
            take('phone.phone', 'phone1'),
            take('phone2.phone', 'phone2'),
            take('email.email', 'email'),
            take('ident.ident', 'ident'),
            take('place.place', 'place'),
          ])} from t ${sql.join(joins, sql` `)}),
      m as (select *, coalesce(told and not named_legal, false) as turned, named_japanese or kana as japanese,
          case when kana then kana_surname_read else name_surname_read end as surname_read, case when kana then kana_given_read else name_given_read end as given_read,
          nullif(coalesce(surname, '') || coalesce(given, ''), '') as whole from n),
      -- A company that the case file names keeps its whole name as its given name, and nothing that only people have.
      r as (select row_no, coalesce(told, named_legal) as legal, japanese, case when turned then null else surname end as surname, case when turned then whole else given end as given,
          case when turned then null else surname_read end as surname_read, case when turned then null else given_read end as given_read, former, whole,
          case when turned then null else coalesce(case when kana then kana_whole_read end, nullif(coalesce(surname_read, '') || coalesce(given_read, ''), '')) end as whole_read,
          case when turned then null else birth end as birth, case when turned then null else sex end as sex, address, block, town,
          case when coded and (city is null or not japanese) then code else city end as area, coalesce(phone1, phone2) as phone, case when phone1 is not null then phone2 end as phone2, email, ident, place from m)
    select (row_no + (select base from link_source where src = ${sql.lit(src)}))::integer, ${sql.lit(src)}::integer, row_no, legal, japanese, ${sql.join(linkRowNames.map(c => sql.id(c)))}
    from r where legal or coalesce(${sql.join(linkRowNames.map(c => sql.id(c)))}) is not null`,
  );
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
