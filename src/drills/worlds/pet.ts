import { addDays } from '../../base/index.ts';
import { company, type Person, personAt, register } from '../people.ts';
import { createRandom, type Random } from '../random.ts';
import { createTable, type Row } from '../tables.ts';
import { halfKana } from '../words/names.ts';
import { branches, type World } from './insurer.ts';

/** Sizes at scale 1, as the published table of the second reference incident gives them: records, and how many of them hold an account. */
export const petSizes = {
  customers: [143_000, 52_000],
  quotes: [399_000, 0],
  victims: [1_000, 381],
  clinics: [10_000, 446],
  agencies: [199, 126],
} as const;

const accountColumns = 'bank_code:text branch_code:text account_type:text account_no:text holder_kana:text';
const banks = ['0001', '0005', '0009', '0033', '9900'];
const talks = ['電話で受付。書類送付済み。', '治療費の見積もりを確認中。', '示談交渉中、先方保険会社へ連絡。', '支払い完了。', '再診のため保留。'];

/** The pet insurer: five roles of people and firms; accounts are columns of the same tables. */
export function createPetInsurer(seed: number, scale: number): World {
  const random = createRandom(seed, 'pet');
  const size = (name: keyof typeof petSizes): [number, number] => [Math.max(3, Math.round(petSizes[name][0] * scale)), Math.round(petSizes[name][1] * scale)];
  const persons: Record<string, Record<string, number>> = { customers: {}, quotes: {}, victims: {} };
  const companies: Record<string, string[]> = { clinics: [], agencies: [] };
  const day = (from: string, span: number): string => addDays(from, random.int(0, span));
  const account = (holder: string, has: boolean): Row =>
    has
      ? [random.pick(banks), random.text(3, '0123456789'), random.pick(['普通', '普通', '当座']), random.text(7, '0123456789'), halfKana(holder, true)]
      : [null, null, null, null, null];

  const customers = createTable(
    'customers',
    `id:int policy_no:text name:text kana:text sex:text dob:date zip:text address:text phone:text email:text pet_name:text benefit:text negotiation:text branch:text status:text created_at:date ${accountColumns}`,
  );
  const quotes = createTable(
    'quotes',
    'id:int name:text kana:text sex:text dob:date address:text phone:text email:text pet_type:text requested_at:date status_public:bool',
  );
  const victims = createTable('victims', `id:int claim_id:int name:text kana:text address:text phone:text payment:text negotiation:text ${accountColumns}`);
  const clinics = createTable('clinics', `id:int name:text address:text phone:text ${accountColumns}`);
  const agencies = createTable('agencies', `id:int name:text address:text ${accountColumns}`);

  const [customerCount, customerAccounts] = size('customers');
  const people = Math.round(customerCount / 1.06);
  const holds = chooser(random, customerCount, customerAccounts);
  for (let i = 1; i <= customerCount; i++) {
    const no = i <= people ? i : random.int(1, people);
    const r = register(personAt(seed, no), random);
    persons['customers']![String(i)] = no;
    const ill = random.chance(0.4);
    customers.rows.push([
      String(i),
      `PT${String(10_000_000 + i * 7)}`,
      r.name,
      r.kana,
      r.sex,
      r.birthDate,
      r.zip,
      r.address,
      r.phone,
      r.email,
      random.pick(['ポチ', 'モモ', 'ココ', 'レオ', 'タマ', 'ハナ']),
      ill ? `通院給付 ${random.int(3, 90) * 1000}円` : null,
      ill && random.chance(0.5) ? random.pick(talks) : null,
      random.pick(branches),
      random.pick(['有効', '有効', '有効', '解約']),
      day('2017-04-01', 2850),
      ...account(r.kana, holds(i - 1)),
    ]);
  }
  const [quoteCount] = size('quotes');
  for (let i = 1; i <= quoteCount; i++) {
    const no = random.chance(0.18) ? random.int(1, people) : people + random.int(1, quoteCount);
    const r = register(personAt(seed, no), random);
    persons['quotes']![String(i)] = no;
    quotes.rows.push([
      String(i),
      r.name,
      r.kana,
      r.sex,
      r.birthDate,
      r.address,
      r.phone,
      r.email,
      random.pick(['犬', '犬', '猫', '猫', 'うさぎ']),
      day('2019-04-01', 2170),
      random.chance(0.98) ? 't' : 'f',
    ]);
  }
  const [victimCount, victimAccounts] = size('victims');
  const paid = chooser(random, victimCount, victimAccounts);
  for (let i = 1; i <= victimCount; i++) {
    const person: Person = personAt(seed, people * 9 + i);
    const r = register(person, random);
    persons['victims']![String(i)] = person.no;
    victims.rows.push([
      String(i),
      String(i * 3),
      r.name,
      r.kana,
      r.address,
      r.phone,
      `賠償金 ${random.int(1, 50) * 10_000}円`,
      random.pick(talks),
      ...account(r.kana, paid(i - 1)),
    ]);
  }
  for (const [table, kind, name] of [
    [clinics, 'clinic', 'clinics'],
    [agencies, 'agency', 'agencies'],
  ] as const) {
    const [count, accounts] = size(name);
    const has = chooser(random, count, accounts);
    for (let i = 1; i <= count; i++) {
      const c = company(random, kind);
      companies[name]!.push(String(i));
      table.rows.push([String(i), c.name, c.address, ...(kind === 'clinic' ? [c.phone] : []), ...account(c.kana, has(i - 1))]);
    }
  }
  // What the application needs beside the five exported tables.
  const claims = createTable('claims', 'id:int customer_id:int accident_no:text paid_amount:int note:text');
  const accounts = createTable('bank_accounts', 'id:int customer_id:int bank_code:text branch_code:text account_type:text account_no:text holder_kana:text');
  const agents = createTable('agents', 'id:int login:text password:text license_id:text name:text dob:date branch:text');
  for (let i = 1; i <= 60; i++)
    agents.rows.push([
      String(i),
      `staff${String(i).padStart(3, '0')}`,
      i % 17 === 0 ? 'sakura2024' : random.text(9),
      `L${random.text(6, '0123456789')}`,
      '-',
      null,
      branches[i % branches.length]!,
    ]);

  const tables = Object.fromEntries(
    [customers, quotes, victims, clinics, agencies, claims, accounts, agents].map(t => [
      t.name,
      createTable(t.name, t.columns.map((c, i) => `${c}:${t.types[i]}`).join(' '), t.rows),
    ]),
  );
  const declare = (name: string, role: string, legalYaml: string | null) => ({ table: tables[name]!, role, roleYaml: role, legalYaml });
  return {
    tables,
    persons,
    companies,
    declared: [
      declare('customers', 'policyholder', null),
      declare('quotes', 'quote-requester', null),
      declare('victims', 'third-party-victim', null),
      declare('clinics', 'clinic', 'true'),
      declare('agencies', 'agent', 'true'),
    ],
  };
}

/** Exactly `chosen` of `count` positions, spread at random. */
function chooser(random: Random, count: number, chosen: number): (i: number) => boolean {
  const bits = new Uint8Array(count);
  let left = Math.min(chosen, count);
  while (left > 0) {
    const i = random.int(0, count - 1);
    if (bits[i] === 1) continue;
    bits[i] = 1;
    left--;
  }
  return i => bits[i] === 1;
}
