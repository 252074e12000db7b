import { expect, test } from 'vitest';
import { given, surnames } from '../../src/drills/words/names.ts';
import { caseOf, linkRecords } from './tables.ts';

type Registered = { readonly person: number; readonly cells: readonly string[] };

const homes = 150;

/** Homes of three with one telephone; the eldest and the youngest have one name, only the former a mobile telephone, which two records give. */
function registers(): Registered[] {
  const out: Registered[] = [];
  for (let home = 0; home < homes; home++) {
    const surname = surnames[home % surnames.length]!;
    const address = `長野県松本市中央${1 + (home % 9)}丁目${1 + home}番${1 + (home % 20)}号`;
    const landline = `0263-29-${1000 + home}`;
    const mobile = `090-${2000 + home}-${3000 + home}`;
    const write = (member: number, name: (typeof given)[number], phone: string): void => {
      out.push({
        person: home * 3 + member,
        cells: [String(out.length + 1), `${surname.text} ${name.text}`, `${surname.kana} ${name.kana}`, address, phone],
      });
    };
    const [shared, other] = [given[(home * 2) % given.length]!, given[(home * 2 + 1) % given.length]!];
    write(0, shared, mobile);
    write(0, shared, mobile);
    write(1, other, landline);
    write(2, shared, landline);
    // Half of the eldest gave the telephone of the house too: their record and the youngest's say the very same.
    if (home % 2 === 0) write(0, shared, landline);
  }
  return out;
}

test('who shares a name, a home and its telephone may be two: without a birth date only something of their own makes them one for certain', async () => {
  const records = registers();
  const kase = await caseOf([{ id: 'victims', columns: ['id', 'name', 'kana', 'address', 'phone'], rows: records.map(r => r.cells) }]);
  const rows = await linkRecords(kase);
  kase.close();
  const behind = new Map<string, Set<number>>();
  for (const [i, r] of rows.entries()) behind.set(r.s, (behind.get(r.s) ?? new Set()).add(records[i]!.person));
  expect([...behind.values()].filter(people => people.size > 1)).toEqual([]);
  expect(new Set(rows.map(r => r.w)).size).toBeLessThanOrEqual(homes * 3);
  expect(behind.size).toBeGreaterThanOrEqual(homes * 3);
  // The two records with one mobile telephone are one person for certain.
  expect(behind.size).toBe(records.length - homes);
});
