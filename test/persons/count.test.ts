import { expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { classifyColumns, countExposure, identifyPersons, writePersons } from '../../src/persons/index.ts';
import { caseOf } from './tables.ts';

const people = [
  ['1', '佐藤 太郎', '1970-01-02', '090-1111-2222', 'a@example.jp', '0001', '001', '1234567'],
  ['2', '佐藤太郎', '1970-01-02', '090-1111-2222', null, null, null, null],
  ['3', '鈴木 花子', '1985-05-06', null, 'b@example.jp', '0005', '123', '7654321'],
  ['4', '田中 実', '1950-12-31', '03-1234-5678', null, null, null, null],
];

async function exposed() {
  const kase = await caseOf([{ id: 'customers', columns: ['id', 'name', 'dob', 'phone', 'email', 'bank_code', 'branch_code', 'account_no'], rows: people }]);
  await classifyColumns(kase, quietEffects);
  await identifyPersons(kase, quietEffects);
  const tiers: [number, number, number, number][] = [
    [0, 1, 4, 4],
    [0, 2, 4, 4],
    [0, 3, 3, 3],
    [0, 7, 3, 3],
    [1, 1, 3, 4],
    [1, 4, 3, 3],
    [2, 1, 0, 2],
    [2, 7, 0, 2],
    [3, 0, 0, 1],
  ];
  for (const [row, column, lower, upper] of tiers)
    await kase.engine.run('test.tier', sql`insert into cell_tier values ('customers', ${row}, ${column}, ${lower}, ${upper}, 'claim-1')`);
  return kase;
}

test('records and persons are counted at each certainty, and an element only where its cell holds a value', async () => {
  const kase = await exposed();
  const c = await countExposure(kase);
  expect(c.figures.records).toEqual({ confirmed: 1, executed: 2, possible: 3, not_excluded: 4 });
  expect(c.figures.persons.executed).toEqual({ lower: 1, best: 1, upper: 1 });
  expect(c.figures.persons.possible).toEqual({ lower: 2, best: 2, upper: 2 });
  expect(c.duplicates).toEqual({ executed: { lower: 1, upper: 1 }, possible: { lower: 1, upper: 1 } });
  const column = (name: string) => c.datasets[0]!.columns.find(x => x.name === name)!;
  expect(column('email')).toMatchObject({ executed: 0, possible: 0, element: 'contact.email' });
  expect(column('account_no')).toMatchObject({ executed: 1, possible: 2, element: 'finance.bank_account' });
  expect(column('name')).toMatchObject({ confirmed: 1, executed: 2, possible: 3 });
  kase.close();
});

test('combinations are disjoint, group contact data and sum to the records view by view', async () => {
  const kase = await exposed();
  const c = await countExposure(kase);
  expect(c.combinations.map(x => [x.elements, x.records, x.certain, x.within])).toEqual([
    [['person.name'], { lower: 1, upper: 1 }, 1, 2],
    [['person.name', 'person.birth_date', 'contact.*', 'finance.bank_account'], { lower: 1, upper: 1 }, 1, 1],
    [['person.name', 'finance.bank_account'], { lower: 0, upper: 1 }, 0, 1],
  ]);
  const r = c.roles[0]!;
  expect(r).toMatchObject({ role: 'policyholder', records: { lower: 2, upper: 3 } });
  expect(r.of_which).toEqual([{ element: 'finance.bank_account', records: { lower: 1, upper: 2 }, persons: { lower: 1, best: 1, upper: 2 } }]);
  expect(c.absent.map(a => a.element)).toContain('id.my_number');
  expect(c.absent.map(a => a.element)).not.toContain('finance.bank_account');
  kase.close();
});

test('what was reachable while nobody recorded counts as not excluded, for every row', async () => {
  const kase = await exposed();
  await kase.engine.run(
    'test.reachable',
    sql`create table reachable as select 'customers' as dataset_id, [1, 4]::bigint[] as column_nos, 0::bigint as from_us, 1::bigint as to_us, 'silent' as reason, 'claim-2' as claim_id`,
  );
  const c = await countExposure(kase);
  expect(c.figures.records.not_excluded).toBe(4);
  expect(c.datasets[0]!.columns.find(x => x.name === 'email')).toMatchObject({ possible: 0, not_excluded: 2 });
  kase.close();
});

test('the parquet files hold every record of every dataset and every exposed record', async () => {
  const kase = await exposed();
  await countExposure(kase);
  await writePersons(kase);
  const persons = await kase.engine.rows('test.persons', sql`select dataset, key from read_parquet(${`${kase.outDir}/persons.parquet`})`);
  expect(persons.map(p => p['key'])).toEqual(['1', '2', '3', '4']);
  const records = await kase.engine.rows(
    'test.records',
    sql`select key, role, elements_lower, elements_upper from read_parquet(${`${kase.outDir}/records.parquet`})`,
  );
  expect(records).toEqual([
    {
      key: '1',
      role: 'policyholder',
      elements_lower: ['contact.phone', 'finance.bank_account', 'person.birth_date', 'person.name'],
      elements_upper: ['contact.phone', 'finance.bank_account', 'person.birth_date', 'person.name'],
    },
    { key: '2', role: 'policyholder', elements_lower: ['person.name'], elements_upper: ['person.name'] },
    { key: '3', role: 'policyholder', elements_lower: [], elements_upper: ['finance.bank_account', 'person.name'] },
  ]);
  kase.close();
});
