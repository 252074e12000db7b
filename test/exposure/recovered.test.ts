import { afterAll, expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { assessExposure } from '../../src/exposure/index.ts';
import { cellsOf, type Event, type Incident, openIncident, people, traffic } from './incident.ts';

const opened: Incident[] = [];
afterAll(() => {
  for (const k of opened) k.close();
});

/** Cells of one rebuilt name (or an expression over it), with what was written after the theft. */
async function cells(value: string, written: readonly string[], column = 'name'): Promise<Record<string, string>> {
  const { events, mine } = traffic([{ id: '120', logged: false, status: 302, bytes: 5 }]);
  const last = events.at(-1)!;
  const later = written.map((text, i): Event => ({ id: last.id + 16 * (i + 1), cls: 2, us: last.us + (i + 1) * 60_000_000, sql: text, conn: 'c2' }));
  const kase = await openIncident([...events, ...later], mine);
  opened.push(kase);
  await kase.engine.run(
    'test.recovered',
    sql`create table recovered_cell as select 'r1' as recovered_id, 's1' as step_id, 'people' as table_name, ${column}::varchar as column_name, 0::bigint as row_ordinal, 'select name from people' as row_query,
      null::varchar as key, ${value}::varchar as value, 'exact' as status, [${mine[0]!}::bigint] as event_ids, null::varchar as facts`,
  );
  await assessExposure(kase, quietEffects);
  return Object.fromEntries(Object.entries(await cellsOf(kase)).filter(([id]) => id.endsWith('.name')));
}

const nameOf = (key: string): string => people.find(p => p[0] === key)![1]!;

test('a rebuilt value that one record holds is possessed', async () => {
  expect(await cells(nameOf('105'), [])).toEqual({ '105.name': '5-5' });
});

test('what was changed afterwards in another column or record does not matter', async () => {
  expect(await cells(nameOf('105'), ["UPDATE people SET address = 'elsewhere' WHERE id = 105"])).toEqual({ '105.name': '5-5' });
});

test('a record that was given the value afterwards may not have held it; one whose value was changed since may have', async () => {
  const given = await cells(nameOf('105'), [`UPDATE people SET name = '${nameOf('105')}' WHERE id = 105`]);
  expect(given).toEqual({ '105.name': '0-2' });
  const taken = await cells(nameOf('105'), [`UPDATE people SET name = '${nameOf('107')}' WHERE id = 107`]);
  expect(taken).toEqual({ '105.name': '5-5', '107.name': '0-2' });
});

test('what was read through an expression is no value of its columns but tells of them; a count tells of none', async () => {
  const digits = await cells('7', [], 'ASCII(SUBSTR(name, 5, 1)) % 16');
  expect([...new Set(Object.values(digits))]).toEqual(['0-2']);
  expect(Object.keys(digits)).toHaveLength(people.length);
  expect(await cells('7', [], 'COUNT(name)')).toEqual({});
});
