import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { foldKanji, widen } from '../normal/index.ts';
import { duckdb } from './dialect.ts';
import type { LinkFields } from './fields.ts';
import { describesPersons } from './fields.ts';
import { type Dictionary, openDictionary, type Reading, readings } from './readings.ts';
import { cutTexts, splits } from './splits.ts';
import { between, linkRowNames, nameOrParts, nameReader } from './standardise.ts';

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
  const dictionary = await openDictionary(engine);
  const definition = sql.join(linkRowNames.map(name => sql`${sql.id(name)} varchar`));
  await engine.run(
    'link.record',
    sql`create or replace temp table link_record (rid integer, src integer, row_no bigint, legal boolean, japanese boolean, ${definition})`,
  );
  for (const [src, f] of fields.entries()) {
    const spec = kase.file.datasets.find(d => d.id === f.dataset_id)?.legalPerson ?? { constant: false };
    const told = await toldLegal(kase, f.dataset_id, spec);
    const texts = describesPersons(f) ? textsOf(f) : [];
    if (texts.length === 0 && told === null) continue;
    await cutRecords(engine, f, texts, told);
    await readParts(dictionary, texts);
    await sayTexts(engine, list, texts);
    await readRest(dictionary, list, texts);
    await insertRecords(engine, src, texts, list);
  }
  // Not where they are inserted: a condition there is moved below everything that is read, which is then read twice.
  await engine.run('link.silent', sql`delete from link_record where not legal and coalesce(${sql.join(linkRowNames.map(c => sql.id(c)))}) is null`);
  if (named.length > 0) {
    const empty = sql.join(linkRowNames.map(() => sql`null`));
    await engine.run(
      'link.record_named',
      sql`insert into link_record select n.rid, s.src, n.rid - s.base, false, false, ${empty} from (select unnest([${sql.join(named.map(r => sql.lit(r)))}])::integer as rid) n
        asof join link_source s on n.rid >= s.base where n.rid not in (select rid from link_record)`,
    );
  }
  await dictionary.drop();
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

const partTable = (kind: string): string => `link_part_${kind}`;
const readTable = (kind: string): string => `link_read_${kind}`;

/** Write `link_cut`: of each row of a data set that holds anything its texts by slot, and cut into parts (`p_<slot>`) where texts of that kind are. */
async function cutRecords(engine: Engine, f: LinkFields, texts: Texts, told: Sql | null): Promise<void> {
  const columns = texts.map(t => sql`${t.text} as ${sql.id(t.slot)}`);
  const filled = sql`(select * from (select ${sql.join([sql`row_no`, sql`${told ?? sql`null::boolean`} as told`, ...columns])} from ${sql.id(`data_${f.dataset_id}`)})
    where ${sql.join([sql`told is not null`, ...texts.map(x => sql`${sql.id(x.slot)} is not null`)], sql` or `)})`;
  const held = ['row_no', 'told', ...texts.map(t => t.slot)];
  const cut = texts.reduce((from, t) => {
    const split = splits[t.kind];
    if (split === undefined) return from;
    const wider = cutTexts(split, from, held, sql.id(t.slot), `p_${t.slot}`);
    held.push(`p_${t.slot}`);
    return wider;
  }, filled);
  await engine.run('link.cut', duckdb.table('link_cut', sql`select ${sql.join(held.map(c => sql.id(c)))} from ${cut} x`));
}

/** Read each part that was not read before. */
async function readParts(dictionary: Dictionary, texts: Texts): Promise<void> {
  for (const { kind, slot } of texts) {
    const split = splits[kind];
    if (split === undefined) continue;
    const values = split.parts.map(part => sql`select distinct nullif(${duckdb.field(sql.id(`p_${slot}`), part)}, '') as v from link_cut`);
    await dictionary.read(partTable(kind), split.columns, sql.join(values, sql` union all `), split.read);
  }
}

/** How the engine alone says what a text of `link_cut c` says: null where it is not of the usual form. */
type Said = { readonly columns: readonly string[]; readonly joins: readonly Sql[]; readonly value: Sql };

function sayText(t: Texts[number], list: readonly Reading[]): Said | null {
  const split = splits[t.kind];
  const reading = list.find(r => r.kind === t.kind)!;
  if (split !== undefined) {
    const p = (name: string): Sql => duckdb.field(sql`c.${sql.id(`p_${t.slot}`)}`, name);
    const of = (part: string): Sql => sql.id(`r_${t.slot}_${part}`);
    return {
      columns: Object.keys(split.said),
      joins: split.parts.map(part => sql`left join ${sql.id(partTable(t.kind))} ${of(part)} on ${of(part)}.v = nullif(${p(part)}, '')`),
      value: sql`case when ${split.holds(p, of)} then ${duckdb.record(Object.fromEntries(Object.entries(split.said).map(([c, value]) => [c, value(p, of)])))} end`,
    };
  }
  if (reading.plain === undefined) return null;
  const v = sql`c.${sql.id(t.slot)}`;
  const [column] = reading.columns as [string];
  return {
    columns: [column],
    joins: [],
    value: sql`case when ${reading.plain.when(v, duckdb)} then ${duckdb.record({ [column]: reading.plain.value(v) })} end`,
  };
}

/** Write `link_said` over `link_cut`: what the engine says of each text (`s_<slot>`), and the texts that remain for the reader. */
async function sayTexts(engine: Engine, list: readonly Reading[], texts: Texts): Promise<void> {
  const said = texts.flatMap(t => {
    const own = sayText(t, list);
    return own === null ? [] : [{ ...own, slot: t.slot }];
  });
  const rest = texts.map(t =>
    said.some(s => s.slot === t.slot) ? sql`case when ${sql.id(`s_${t.slot}`)} is null then ${sql.id(t.slot)} end as ${sql.id(t.slot)}` : sql.id(t.slot),
  );
  await engine.run(
    'link.said',
    sql`create or replace temp table link_said as select ${sql.join([sql`row_no, told`, ...rest, ...said.map(s => sql.id(`s_${s.slot}`))])}
    from (select ${sql.join([sql`c.row_no, c.told`, ...texts.map(t => sql`c.${sql.id(t.slot)}`), ...said.map(s => sql`${s.value} as ${sql.id(`s_${s.slot}`)}`)])}
      from link_cut c ${sql.join(
        said.flatMap(s => s.joins),
        sql` `,
      )})`,
  );
  await engine.run('link.drop', sql`drop table link_cut`);
}

/** Read each text that is left and was not read before. */
async function readRest(dictionary: Dictionary, list: readonly Reading[], texts: Texts): Promise<void> {
  for (const { kind, slot } of texts) {
    const reading = list.find(r => r.kind === kind)!;
    await dictionary.read(readTable(kind), reading.columns, sql`select distinct ${sql.id(slot)} as v from link_said`, reading.read);
  }
}

/** Add the records of `link_said` to `link_record`. */
async function insertRecords(engine: Engine, src: number, texts: Texts, list: readonly Reading[]): Promise<void> {
  const joins: Sql[] = [];
  const said = new Map<string, Sql>();
  for (const t of texts) {
    const reading = list.find(r => r.kind === t.kind)!;
    const [v, alias] = [sql`t.${sql.id(t.slot)}`, sql.id(`r_${t.slot}`)];
    joins.push(sql`left join ${sql.id(readTable(t.kind))} ${alias} on ${alias}.v = ${v}`);
    const own = sayText(t, list)?.columns ?? [];
    for (const c of reading.columns) {
      const read = sql`${alias}.${sql.id(c)}`;
      said.set(`${t.slot}.${c}`, own.includes(c) ? sql`coalesce(${duckdb.field(sql`t.${sql.id(`s_${t.slot}`)}`, c)}, ${read})` : read);
    }
  }
  const known = (slot: string): Sql => {
    const text = texts.find(t => t.slot === slot);
    if (text === undefined) return sql`false`;
    return sayText(text, list) === null ? sql`t.${sql.id(slot)} is not null` : sql`(t.${sql.id(slot)} is not null or t.${sql.id(`s_${slot}`)} is not null)`;
  };
  const take = (at: string, as: string): Sql => sql`${said.get(at) ?? sql`null::varchar`} as ${sql.id(as)}`;
  const legal = sql`coalesce(${said.get('name.legal') ?? sql`false`}, false)`;
  await engine.run(
    'link.record_insert',
    sql`insert into link_record
    with n as (select t.row_no, t.told, ${legal} as named_legal, ${known('kana')} and not ${legal} as kana, ${known('postal')} as coded,
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
          ])} from link_said t ${sql.join(joins, sql` `)}),
      m as (select *, coalesce(told and not named_legal, false) as turned, named_japanese or kana as japanese,
          case when kana then kana_surname_read else name_surname_read end as surname_read, case when kana then kana_given_read else name_given_read end as given_read,
          nullif(coalesce(surname, '') || coalesce(given, ''), '') as whole from n),
      -- A company that the case file names keeps its whole name as its given name, and nothing that only people have.
      r as (select row_no, coalesce(told, named_legal) as legal, japanese, case when turned then null else surname end as surname, case when turned then whole else given end as given,
          case when turned then null else surname_read end as surname_read, case when turned then null else given_read end as given_read, former, whole,
          case when turned then null else coalesce(case when kana then kana_whole_read end, nullif(coalesce(surname_read, '') || coalesce(given_read, ''), '')) end as whole_read,
          case when turned then null else birth end as birth, case when turned then null else sex end as sex, address, block, town,
          case when coded and (city is null or not japanese) then code else city end as area, coalesce(phone1, phone2) as phone, case when phone1 is not null then phone2 end as phone2, email, ident, place from m)
    select (row_no + (select base from link_source where src = ${sql.lit(src)}))::integer, ${sql.lit(src)}::integer, row_no, legal, japanese, ${sql.join(linkRowNames.map(c => sql.id(c)))} from r`,
  );
  await engine.run('link.drop', sql`drop table link_said`);
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
