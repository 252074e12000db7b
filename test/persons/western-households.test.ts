import { expect, test } from 'vitest';
import { nameList } from '../../src/persons/normal/index.ts';
import { caseOf, linkRecords } from './tables.ts';

type Registered = { readonly person: number; readonly cells: readonly (string | null)[] };

const homes = 120;
/** Twins whose names are alike, down to the first letters. */
const twinNames = [
  ['Daniel', 'Danielle'],
  ['Robert', 'Roberta'],
  ['Christian', 'Christina'],
  ['Paul', 'Paula'],
  ['Ellen', 'Ella'],
] as const;

function pseudoRandom(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 1_103_515_245 + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** One letter too few, one twice, or two that changed places. */
function slip(text: string, random: (below: number) => number): string {
  const at = 1 + random(Math.max(1, text.length - 2));
  return [
    text.slice(0, at) + text.slice(at + 1),
    text.slice(0, at) + text[at] + text.slice(at),
    text.slice(0, at) + (text[at + 1] ?? '') + text[at] + text.slice(at + 2),
  ][random(3)]!;
}

/** Homes with one telephone and one e-mail address: a couple, a grown-up son of his father's name, and twins. The son and half of the others give an e-mail address of their own. */
function registers(random: (below: number) => number): Registered[] {
  const { surnames, men, women } = nameList().western;
  const out: Registered[] = [];
  const date = (from: number): string => `${from + random(25)}-${String(1 + random(12)).padStart(2, '0')}-${String(1 + random(28)).padStart(2, '0')}`;
  for (let home = 0; home < homes; home++) {
    const surname = surnames[home % surnames.length]!;
    const street = `${1 + random(200)} ${surnames[random(surnames.length)]!} Street`;
    const phone = `020 7946 ${1000 + home}`;
    const shared = `${surname.toLowerCase()}${home}@example.com`;
    const father = men[random(men.length)]!;
    const twins = twinNames[home % twinNames.length]!;
    const twinBirth = date(1990);
    const members = [
      [father, date(1940)],
      [women[random(women.length)]!, date(1940)],
      [father, date(1970)],
      [twins[0], twinBirth],
      [twins[1], twinBirth],
    ] as const;
    for (const [k, [given, birth]] of members.entries()) {
      const person = home * members.length + k;
      const own = `${given.toLowerCase()}.${surname.toLowerCase()}${person}@example.net`;
      for (let r = 1 + random(3); r > 0; r--) {
        const name = random(8) === 0 ? slip(given, random) : random(15) === 0 ? given[0]! : given;
        out.push({
          person,
          cells: [
            String(out.length + 1),
            name,
            random(10) === 0 ? slip(surname, random) : surname,
            random(4) === 0 ? null : birth,
            random(5) === 0 ? slip(street, random) : street,
            random(3) === 0 ? null : phone,
            random(3) === 0 ? null : k === 2 || person % 2 === 0 ? own : shared,
          ],
        });
      }
    }
  }
  return out;
}

test.each([1, 2, 3])(
  'seed %i: father and son, couples with one e-mail and twins with alike names are nowhere one person for certain, and the interval holds',
  async seed => {
    const records = registers(pseudoRandom(seed));
    const columns = ['id', 'first_name', 'surname', 'date_of_birth', 'address', 'phone', 'email'];
    const kase = await caseOf([{ id: 'people', columns, rows: records.map(r => r.cells) }]);
    const rows = await linkRecords(kase);
    kase.close();
    const behind = new Map<string, number[]>();
    for (const [i, r] of rows.entries()) behind.set(r.s, [...(behind.get(r.s) ?? []), i]);
    const wrong = [...behind.values()].filter(group => new Set(group.map(i => records[i]!.person)).size > 1);
    expect(wrong.map(group => group.map(i => records[i]!.cells.slice(1).join(' ')))).toEqual([]);
    const truth = new Set(records.map(r => r.person)).size;
    expect(new Set(rows.map(r => r.w)).size).toBeLessThanOrEqual(truth);
    expect(behind.size).toBeGreaterThanOrEqual(truth);
    // A family is not one person, though its home, its telephone and its e-mail agree.
    expect(new Set(rows.map(r => r.b)).size).toBeGreaterThan(1.5 * homes);
    process.stdout.write(
      `seed ${seed}: ${records.length} records, ${truth} persons in [${new Set(rows.map(r => r.w)).size}, ${behind.size}] best ${new Set(rows.map(r => r.b)).size}\n`,
    );
  },
);

test('father and son of one name with one e-mail and no birth dates are nowhere one person for certain; a mobile telephone of their own makes them one', async () => {
  const columns = ['id', 'first_name', 'surname', 'address', 'phone', 'email'];
  const { surnames, men } = nameList().western;
  const rows: (string | null)[][] = [];
  for (let home = 0; home < 60; home++) {
    const [given, surname] = [men[home % men.length]!, surnames[home % surnames.length]!];
    const at = [`${home + 1} ${surnames[(home * 7) % surnames.length]!} Street`, `020 7946 ${1000 + home}`, `${surname.toLowerCase()}${home}@example.com`];
    // Father, son; then a lodger who gave the number of a Japanese mobile telephone twice.
    rows.push([String(rows.length + 1), given, surname, ...at], [String(rows.length + 2), given, surname, ...at]);
    const lodger = [men[(home + 5) % men.length]!, surnames[(home + 9) % surnames.length]!, at[0]!, `090-${1000 + home}-5678`, `lodger${home}@example.net`];
    rows.push([String(rows.length + 1), ...lodger], [String(rows.length + 2), ...lodger]);
  }
  const kase = await caseOf([{ id: 'people', columns, rows }]);
  const persons = await linkRecords(kase);
  kase.close();
  for (let home = 0; home < 60; home++) {
    const [father, son, lodger, again] = persons.slice(home * 4, home * 4 + 4);
    expect([home, father!.s === son!.s]).toEqual([home, false]);
    expect([home, father!.b === son!.b]).toEqual([home, true]);
    expect([home, lodger!.s === again!.s]).toEqual([home, true]);
  }
});
