import type { OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import { normaliseDate, widen } from './normal/index.ts';

/** Whether a record's person is alive, as its own data set says: the law protects the living; the dead are counted apart. */
export type Living = 'yes' | 'no' | 'unknown';

const deathHeader = /死亡|死没|没年|没日|逝去|故人|物故|deceased|death|died|is_?dead|dead_?(?:flag|flg)|dod$/i;
const lifeHeader = /生存|存命|生死|is_?alive|^alive$|^living$|is_?living|vital_?status/i;
const statusHeader = /status|state|状態|状況|区分|異動|資格/i;
/** Insurance of lives is about death as well: benefits, sums and beneficiaries are no register of deaths. */
const aboutBenefits = /保険|給付|金|受取|補償|保障|特約|共済|率|benefit|cover|amount|insur|beneficiar|payment|premium|rate|count|件数/i;
const dead = new Set(['死亡', '死亡済', '逝去', '故人', '物故', '死去', '死', 'deceased', 'dead', 'died', 'death']);
const alive = new Set(['生存', '存命', '生', 'alive', 'living']);
const yes = new Set(['1', 'true', 't', 'y', 'yes', '有', 'あり', '有り', '○', '〇', 'はい', '該当']);
const no = new Set(['0', 'false', 'f', 'n', 'no', '無', 'なし', '無し', '×', 'いいえ', '非該当']);

/** How a column tells of life and death by its name, or null. Statuses tell only by the very words. */
export function livingColumn(header: string): 'death' | 'life' | 'status' | null {
  const name = widen(header).trim();
  if (aboutBenefits.test(name)) return null;
  if (deathHeader.test(name)) return 'death';
  if (lifeHeader.test(name)) return 'life';
  return statusHeader.test(name) ? 'status' : null;
}

/** What one cell says. A date of death says `no`; an empty cell says nothing, because not every death is entered. */
export function livingOf(kind: 'death' | 'life' | 'status', value: string | null): Living {
  const v = widen(value ?? '')
    .trim()
    .toLowerCase();
  if (v === '') return 'unknown';
  if (dead.has(v)) return 'no';
  if (alive.has(v)) return 'yes';
  if (kind === 'status') return 'unknown';
  if (kind === 'death' && normaliseDate(v) !== null && !/^(?:9999|0000|1900)/.test(v)) return 'no';
  if (yes.has(v)) return kind === 'death' ? 'no' : 'yes';
  if (no.has(v)) return kind === 'death' ? 'yes' : 'no';
  return 'unknown';
}

/** Most distinct values a column of flags, dates or statuses is read for. */
const mostValues = 200_000;

/** Set `living` (yes, no, unknown) of `person_record`. Of several columns one that says `no` wins, then `yes`. */
export async function markLiving(kase: OpenCase): Promise<void> {
  const { engine } = kase;
  const columns = await engine.rows<{ dataset_id: string; name: string }>(
    'living.columns',
    sql`select dataset_id, name from dataset_column order by dataset_id, column_no`,
  );
  const said: Sql[] = [];
  let group = 0;
  for (const { dataset_id, name } of columns) {
    const kind = livingColumn(name);
    if (kind === null) continue;
    const values = await engine.rows<{ v: string }>(
      'living.values',
      sql`select distinct ${sql.id(name)} as v from ${sql.id(`data_${dataset_id}`)} where ${sql.id(name)} is not null order by v limit ${kind === 'status' ? 200 : mostValues}`,
    );
    const told = values.map(x => [x.v, livingOf(kind, x.v)] as const).filter(([, l]) => l !== 'unknown');
    if (told.length === 0) continue;
    const table = `living_word_${group++}`;
    await engine.load(
      table,
      [
        { name: 'v', type: 'VARCHAR' },
        { name: 'alive', type: 'BOOLEAN' },
      ],
      told.map(([v, l]) => [v, l === 'yes']),
    );
    said.push(
      sql`select ${sql.lit(dataset_id)} as dataset_id, d.row_no, w.alive from ${sql.id(`data_${dataset_id}`)} d join ${sql.id(table)} w on w.v = d.${sql.id(name)}`,
    );
  }
  if (said.length > 0) {
    await engine.run(
      'living.set',
      sql`update person_label p set living = case when s.alive then 'yes' else 'no' end
      from (select dataset_id, row_no, bool_and(alive) as alive from (${sql.join(said, sql` union all `)}) group by all) s where s.dataset_id = p.dataset_id and s.row_no = p.row_no`,
    );
  }
  for (let i = 0; i < group; i++) await engine.run('living.drop', sql`drop table ${sql.id(`living_word_${i}`)}`);
}
