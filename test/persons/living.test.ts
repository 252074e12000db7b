import { expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { classifyColumns, countExposure, identifyPersons } from '../../src/persons/index.ts';
import { livingColumn, livingOf } from '../../src/persons/living.ts';
import { caseOf } from './tables.ts';

test('columns that tell of deaths, and those that only tell of insurance', () => {
  for (const h of ['死亡日', '没年月日', '死亡フラグ', 'deceased', 'date_of_death', 'is_deceased', 'death_date'])
    expect([h, livingColumn(h)]).toEqual([h, 'death']);
  for (const h of ['生存区分', 'is_alive', '生死']) expect([h, livingColumn(h)]).toEqual([h, 'life']);
  for (const h of ['死亡保険金', '死亡給付金受取人', 'death_benefit', 'death_cover_amount', '氏名', 'living_room_area', 'address'])
    expect([h, livingColumn(h)]).toEqual([h, null]);
});

test('what a cell says; nothing is read into an empty one', () => {
  expect(['2024-03-01', '令和6年3月1日', '1', '死亡', 'TRUE', '0', 'false', '', null, '9999-12-31', '調査中'].map(v => livingOf('death', v))).toEqual([
    'no',
    'no',
    'no',
    'no',
    'no',
    'yes',
    'yes',
    'unknown',
    'unknown',
    'unknown',
    'unknown',
  ]);
  expect(['生存', '死亡', '1', '0', ''].map(v => livingOf('life', v))).toEqual(['yes', 'no', 'yes', 'no', 'unknown']);
  expect(['死亡', '有効', '1', '解約'].map(v => livingOf('status', v))).toEqual(['no', 'unknown', 'unknown', 'unknown']);
});

test('the dead are counted beside, by record and by person', async () => {
  const people = [
    ['1', '渡辺 花子', '1930-04-05', '090-1111-2222', '2024-03-01'],
    ['2', '渡辺 花子', '1930-04-05', '090-1111-2222', null],
    ['3', '鈴木 大輝', '2001-07-07', '080-3333-4444', null],
    ['4', '田中 美穂', '1990-02-03', '070-5555-6666', null],
  ];
  const kase = await caseOf([{ id: 'customers', columns: ['id', '氏名', '生年月日', '電話番号', '没年月日'], rows: people }]);
  try {
    await kase.engine.run('test.all', sql`insert into cell_tier select 'customers', row_no, n, 3, 3, 'c' from data_customers, range(5) t(n)`);
    await classifyColumns(kase, quietEffects);
    await identifyPersons(kase, quietEffects);
    const counts = await countExposure(kase);
    expect(await kase.engine.rows('test.living', sql`select row_no, living from person_record order by row_no`)).toEqual([
      { row_no: 0, living: 'no' },
      { row_no: 1, living: 'unknown' },
      { row_no: 2, living: 'unknown' },
      { row_no: 3, living: 'unknown' },
    ]);
    expect(counts.living.deceased).toEqual({ lower: 1, upper: 1 });
    expect(counts.figures.persons.executed.best).toBe(3);
    expect(counts.living.persons.executed).toMatchObject({ lower: 2, best: 2 });
    expect(counts.living.persons.executed.upper).toBeLessThan(counts.figures.persons.executed.upper + 1);
  } finally {
    kase.close();
  }
});
