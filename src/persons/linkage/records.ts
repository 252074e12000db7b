import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { foldKanji, widen } from '../normal/index.ts';
import { duckdb } from './dialect.ts';
import type { LinkFields } from './fields.ts';
import { describesPersons } from './fields.ts';
import { type Reading, readings } from './readings.ts';
import { between, linkRowNames, nameOrParts, nameReader } from './standardise.ts';
import { mapTexts, readTexts, type TextColumns, textRows } from './text-columns.ts';

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

/** Rows read and written in one go. */
const batch = 20 * 2048;

/**
 * Write `link_record`: each record that says who it is about, in comparable form, by its number `rid`; records in `named`, which somebody
 * decided upon, are there in any case. Records that say nothing of anybody are left out.
 */
export async function writeLinkRecords(kase: OpenCase, fields: readonly LinkFields[], named: readonly number[]): Promise<void> {
  const { engine } = kase;
  const list = readings(nameOrParts(nameReader(await spacedSurnames(kase, fields))));
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
    await addRecords(engine, { src, dataset: f.dataset_id, told, texts, list });
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

/** A data set to be read: where its texts are, what the case file says of companies in it, and how its texts are read. */
type Source = { readonly src: number; readonly dataset: string; readonly told: Sql | null; readonly texts: Texts; readonly list: readonly Reading[] };

/** Before a text that the engine did not read by itself. */
const unread = '\u001d';
/** Where a text says nothing. */
const nothing = '-';

/** Add the records of a data set to `link_record`, batch by batch: the engine reads the plain texts, the reader the others. */
async function addRecords(engine: Engine, source: Source): Promise<void> {
  const { dataset, told, texts } = source;
  const table = sql.id(`data_${dataset}`);
  const { base, rows } = await engine.row<{ base: number; rows: number }>(
    'link.source_rows',
    sql`select (select base from link_source where src = ${sql.lit(source.src)}) as base, (select coalesce(max(row_no) + 1, 0) from ${table}) as rows`,
  );
  const names = ['row_no', ...(told === null ? [] : ['told']), ...texts.map(t => t.slot)];
  const read = texts.map(t => {
    const { plain } = readingOf(source, t);
    const v = sql.id(t.slot);
    return plain === undefined ? v : sql`case when ${plain.when(v, duckdb)} then ${plain.value(v)} else ${sql.lit(unread)} || ${v} end as ${v}`;
  });
  const filled = sql.join([sql`told is not null`, ...texts.map(t => sql`${sql.id(t.slot)} is not null`)], sql` or `);
  const reader = await engine.reader();
  const readBatch = (from: number): Promise<TextColumns> => {
    const columns = [sql`row_no`, sql`${told ?? sql`null::boolean`} as told`, ...texts.map(t => sql`${t.text} as ${sql.id(t.slot)}`)];
    const own = sql`(select ${sql.join(columns)} from ${table} where row_no >= ${sql.lit(from)} and row_no < ${sql.lit(from + batch)})`;
    return readTexts(reader, names, sql`select ${sql.join([sql`row_no::varchar as row_no, told::varchar as told`, ...read])} from ${own} x where ${filled}`);
  };
  // While the reader reads a batch, the engine fetches the next one and writes the one before.
  let next = awaited(readBatch(0));
  let written = Promise.resolve();
  for (let from = 0; from < Number(rows); from += batch) {
    const columns = await next;
    if (from + batch < Number(rows)) next = awaited(readBatch(from + batch));
    const said = columns.count > 0 ? sayColumns(source, columns) : null;
    await written;
    if (said !== null) written = awaited(insertRecords(engine, source, Number(base), said));
  }
  await written;
}

/** A promise that is awaited later: until then its failure is nobody's. */
function awaited<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

const readingOf = (source: Source, t: Texts[number]): Reading => source.list.find(r => r.kind === t.kind)!;

/** What the texts of a batch say, by slot and column, beside the numbers of their rows. Column by column, so that little is held at a time. */
function sayColumns(source: Source, { count, columns }: TextColumns): TextColumns {
  const said = new Map([...columns].filter(([name]) => name === 'row_no' || name === 'told'));
  for (const t of source.texts) {
    const reading = readingOf(source, t);
    const text = columns.get(t.slot)!;
    const out = reading.plain !== undefined && !text.includes(unread) ? [text] : sayTexts(reading, text);
    reading.columns.forEach((c, i) => {
      said.set(`${t.slot}.${c}`, out[i]!);
    });
  }
  return { count, columns: said };
}

/** A column of texts as what they say, one column for each of the reading. A text that says nothing is there all the same. */
function sayTexts({ columns, read, plain }: Reading, texts: string): string[] {
  const silent = columns.map((_, i) => (i === columns.length - 1 ? nothing : null));
  return mapTexts(texts, columns.length, text => {
    if (plain !== undefined && !text.startsWith(unread)) return [text];
    const values = read(plain === undefined ? text : text.slice(1));
    return values.some(Boolean) ? values : silent;
  });
}

/** Add the records of a batch by what their texts say. */
async function insertRecords(engine: Engine, { src, texts, list }: Source, base: number, columns: TextColumns): Promise<void> {
  const { rows, held } = textRows(columns);
  const last = new Set(texts.map(t => `${t.slot}.${list.find(r => r.kind === t.kind)!.columns.at(-1)}`));
  const said = (at: string): Sql => (!held.has(at) ? sql`null::varchar` : last.has(at) ? sql`nullif(${sql.id(at)}, ${sql.lit(nothing)})` : sql.id(at));
  const take = (at: string, as: string): Sql => sql`${said(at)} as ${sql.id(as)}`;
  const flag = (at: string): Sql => (held.has(at) ? sql`coalesce(${sql.id(at)} = 'y', false)` : sql`false`);
  const known = (slot: string): Sql => {
    const own = [...held].filter(at => at.startsWith(`${slot}.`));
    return own.length === 0 ? sql`false` : sql`coalesce(${sql.join(own.map(at => sql.id(at)))}) is not null`;
  };
  await engine.run(
    'link.record_insert',
    sql`insert into link_record
    with n as (select row_no::bigint as row_no, ${held.has('told') ? sql`told::boolean` : sql`null::boolean`} as told, ${flag('name.legal')} as named_legal, ${known('kana')} and not ${flag('name.legal')} as kana, ${known('postal')} as coded,
          ${flag('name.japanese')} as named_japanese, ${sql.join([
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
            take('address.address', 'written_address'),
            take('address.block', 'written_block'),
            take('address.town', 'town'),
            sql`${said('address.town')} || '|' || ${said('address.house')} as house`,
            take('address.room', 'room'),
            take('address.area', 'city'),
            take('postal.area', 'code'),
            take('phone.phone', 'phone1'),
            take('phone2.phone', 'phone2'),
            take('email.email', 'email'),
            take('ident.ident', 'ident'),
            take('place.place', 'place'),
          ])} from ${rows} x),
      m as (select *, coalesce(told and not named_legal, false) as turned, named_japanese or kana as japanese,
          case when kana then kana_surname_read else name_surname_read end as surname_read, case when kana then kana_given_read else name_given_read end as given_read,
          nullif(coalesce(surname, '') || coalesce(given, ''), '') as whole from n),
      -- A company that the case file names keeps its whole name as its given name, and nothing that only people have.
      r as (select row_no, coalesce(told, named_legal) as legal, japanese, case when turned then null else surname end as surname, case when turned then whole else given end as given,
          case when turned then null else surname_read end as surname_read, case when turned then null else given_read end as given_read, former, whole,
          case when turned then null else coalesce(case when kana then kana_whole_read end, nullif(coalesce(surname_read, '') || coalesce(given_read, ''), '')) end as whole_read,
          case when turned then null else birth end as birth, case when turned then null else sex end as sex,
          coalesce(written_address, house || coalesce(room, '')) as address, coalesce(written_block, house) as block, town,
          case when coded and (city is null or not japanese) then code else city end as area, coalesce(phone1, phone2) as phone, case when phone1 is not null then phone2 end as phone2, email, ident, place from m)
    select (row_no + ${sql.lit(base)})::integer, ${sql.lit(src)}::integer, row_no, legal, japanese, ${sql.join(linkRowNames.map(c => sql.id(c)))} from r`,
  );
}

async function tableColumns(kase: OpenCase, dataset: string): Promise<string[]> {
  return (
    await kase.engine.rows<{ name: string }>('link.table_columns', sql`select name from dataset_column where dataset_id = ${dataset} order by column_no`)
  ).map(r => r.name);
}

const spacedName = '^\\s*([^\\s\\x{3000}]{1,6})[\\s\\x{3000}]+[^\\s\\x{3000}]+\\s*$';

/** The first of two words of `v`, where `w` is `v` with plain spaces. Nearly all have one space, and without the pattern they take a quarter of the time. */
const firstWord = sql`case when w not like '% % %' and w not like ' %' and w not like '% ' then substr(w, 1, instr(w, ' ') - 1) else regexp_extract(v, ${sql.lit(spacedName)}, 1) end`;

/** Surnames written apart from the given name somewhere in the data: they tell how to cut the names that are written in one. */
async function spacedSurnames(kase: OpenCase, fields: readonly LinkFields[]): Promise<Set<string>> {
  const out = new Set<string>();
  for (const f of fields) {
    for (const column of f.full) {
      const rows = await kase.engine.rows<{ s: string }>(
        'link.surnames',
        sql`select s from (select ${firstWord} as s from (select v, replace(v, '　', ' ') as w from (select ${sql.id(column)} as v from ${sql.id(`data_${f.dataset_id}`)}) c) t
          where w like '% %' or regexp_matches(w, '\\s')) n
        where s <> '' and length(s) <= 6 and (s < ' ' or s >= chr(127)) group by s having count(*) >= 2 order by s limit 200000`,
      );
      for (const r of rows) out.add(foldKanji(widen(r.s)));
    }
  }
  return out;
}
