import { expect, test } from 'vitest';
import { explainMerge } from '../../src/persons/index.ts';
import { caseOf, linkRecords, type TestTable } from './tables.ts';

const policy = { policy_no: 'contract.policy_number', name: 'person.name', phone: 'contact.phone' } as const;
const number = (i: number): string => `P${String(20_000_000 + i * 17)}`;
const surnames = ['佐藤', '鈴木', '高橋', '田中', '伊藤', '渡辺'];
const given = ['太郎', '花子', '一郎', '美咲', '健', '直樹', '恵'];
const nameOf = (i: number): string => `${surnames[i % 6]!} ${given[i % 7]!}${i >= 42 ? '子' : ''}`;

async function numbersOf(tables: readonly TestTable[]): Promise<Map<string, { s: string; b: string; w: string }>> {
  const kase = await caseOf(
    tables.map(t => ({ ...t, spec: { columns: Object.fromEntries(Object.entries(policy).filter(([c]) => t.columns.includes(c))), ...t.spec } })),
  );
  const rows = await linkRecords(kase);
  kase.close();
  return new Map(rows.map(r => [`${r.d}/${r.key}`, r]));
}

const many = Array.from({ length: 60 }, (_, i) => i);
const named: TestTable = { id: 'named', columns: ['id', 'policy_no', 'name'], rows: many.map(i => [`${i}`, number(i), nameOf(i)]) };
const again: TestTable = {
  id: 'again',
  columns: ['id', 'policy_no', 'name'],
  rows: many.slice(10).map(i => [`${i}`, number(i).replace('P', 'P-'), nameOf(i)]),
};

test('one policy number is one policyholder across data sets, also where a record holds nothing else', async () => {
  const bare: TestTable = {
    id: 'bare',
    columns: ['id', 'policy_no', 'month'],
    rows: [
      ['1', number(3), '2025-01'],
      ['2', number(3), '2025-02'],
      ['3', number(900), '2025-01'],
      ['4', number(900), '2025-02'],
      ['5', number(901), '2025-02'],
    ],
  };
  const reach: TestTable = {
    id: 'reach',
    columns: ['id', 'policy_no', 'phone'],
    rows: [
      ['1', number(4), '090-1111-2222'],
      ['2', number(950), '090-1111-3333'],
    ],
  };
  const by = await numbersOf([named, again, bare, reach]);
  const at = (ref: string) => by.get(ref)!;
  expect(at('again/20').s).toBe(at('named/20').s);
  expect(at('bare/1').s).toBe(at('named/3').s);
  expect(at('bare/2').s).toBe(at('named/3').s);
  expect(at('bare/3').s).toBe(at('bare/4').s);
  expect(at('bare/5').w).not.toBe(at('bare/4').w);
  expect(at('reach/1').s).toBe(at('named/4').s);
  expect(at('reach/2').w).not.toBe(at('reach/1').w);
  expect(new Set([...by.values()].map(r => r.s)).size).toBe(60 + 2 + 1);
});

test('numbers that stand beside different names merge nobody', async () => {
  // The same numbers, given to other people: an own numbering of another system.
  const other: TestTable = { id: 'other', columns: ['id', 'policy_no', 'name'], rows: many.map(i => [`${i}`, number(i), nameOf((i + 11) % 60)]) };
  const bare: TestTable = { id: 'bare', columns: ['id', 'policy_no', 'month'], rows: [['1', number(3), '2025-01']] };
  const by = await numbersOf([named, other, bare]);
  for (const i of many) expect(by.get(`named/${i}`)!.s).not.toBe(by.get(`other/${i}`)!.s);
  expect(by.get('bare/1')!.w).not.toBe(by.get('named/3')!.w);
});

test('a number whose two names differ is kept apart though all others agree; other roles have numbers of their own', async () => {
  const changed: TestTable = { ...again, rows: again.rows.map((r, n) => (n === 5 ? [r[0]!, r[1]!, '山本 さくら'] : r)) };
  const insured: TestTable = {
    id: 'insured',
    columns: ['id', 'policy_no', 'phone'],
    rows: [['1', number(4), '090-1111-2222']],
    spec: { role: { constant: 'insured' } },
  };
  const by = await numbersOf([named, changed, insured]);
  expect(by.get('again/15')!.w).not.toBe(by.get('named/15')!.w);
  expect(by.get('again/16')!.s).toBe(by.get('named/16')!.s);
  expect(by.get('insured/1')!.w).not.toBe(by.get('named/4')!.w);
});

test('a merge by a number is explained by that number, over several records too', async () => {
  const bare: TestTable = { id: 'bare', columns: ['id', 'policy_no', 'month'], rows: [['1', number(3), '2025-01']] };
  const kase = await caseOf(
    [named, again, bare].map(t => ({ ...t, spec: { columns: Object.fromEntries(Object.entries(policy).filter(([c]) => t.columns.includes(c))) } })),
  );
  await linkRecords(kase);
  const one = await explainMerge(kase, { dataset: 'named', key: '20' }, { dataset: 'again', key: '20' });
  expect(one[0]!.same).toEqual({ strict: true, best: true, wide: true });
  const nothing = await explainMerge(kase, { dataset: 'bare', key: '1' }, { dataset: 'named', key: '3' });
  expect(nothing.map(x => x.waterfall.map(s => [s.comparison, s.label]))).toEqual([[['same-number', 'same']]]);
  expect(nothing[0]!.same.strict).toBe(true);
  kase.close();
});
