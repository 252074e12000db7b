import { addDays } from '../../base/index.ts';
import { company, personAt, register } from '../people.ts';
import { createRandom } from '../random.ts';
import { createTable, type Handle, type Row } from '../tables.ts';
import { halfKana } from '../words/names.ts';

export const branches = ['tokyo', 'osaka', 'nagoya', 'fukuoka', 'sapporo'] as const;

/** How a dataset is declared in the case file. */
export type Declared = { readonly table: Handle; readonly role: string; readonly roleYaml: string; readonly legalYaml: string | null };

export type World = {
  readonly tables: Readonly<Record<string, Handle>>;
  readonly declared: readonly Declared[];
  /** Person behind each record; companies are not in here. */
  readonly persons: Readonly<Record<string, Record<string, number>>>;
  readonly companies: Readonly<Record<string, string[]>>;
};

const statuses = ['有効', '有効', '有効', '有効', '解約'];
const banks = ['0001', '0005', '0009', '0033', '9900'];

/** The small insurer: `size` customers and what belongs to them. About 1.1 records a person among customers. */
export function createInsurer(seed: number, size: number): World {
  const random = createRandom(seed, 'insurer');
  const people = Math.max(8, Math.round(size * 1.15));
  const persons: Record<string, Record<string, number>> = { customers: {}, quotes: {}, victims: {}, agents: {} };
  const companies: Record<string, string[]> = { customers: [] };

  const customers = createTable(
    'customers',
    'id:int policy_no:text kind:text name:text kana:text dob:date sex:text zip:text address:text phone:text email:text branch:text status:text created_at:date',
  );
  const accounts = createTable('bank_accounts', 'id:int customer_id:int bank_code:text branch_code:text account_type:text account_no:text holder_kana:text');
  const claims = createTable('claims', 'id:int customer_id:int accident_no:text paid_amount:int note:text at:date');
  const victims = createTable('victims', 'id:int claim_id:int name:text kana:text address:text phone:text');
  const quotes = createTable(
    'quotes',
    'id:int name:text kana:text sex:text dob:date address:text phone:text email:text pet_type:text requested_at:date status_public:bool',
  );
  const agents = createTable('agents', 'id:int login:text password:text license_id:text name:text dob:date branch:text');
  const indicators = createTable('indicators', 'id:int month:text branch:text name:text value:int');

  const used = new Set<string>();
  const number = (prefix: string, digits: number): string => {
    for (;;) {
      const n = prefix + random.text(digits, '0123456789');
      if (!used.has(n)) {
        used.add(n);
        return n;
      }
    }
  };
  const day = (from: string, span: number): string => addDays(from, random.int(0, span));
  const holders: string[] = [];
  const numbers: number[] = [];
  let id = 1000;
  for (let i = 0; i < size; i++) {
    id += random.chance(0.06) ? random.int(2, 4) : 1;
    const key = String(id);
    const legal = random.chance(0.03);
    const row: Row = [key, number('P', 10)];
    if (legal) {
      const c = company(random, 'company');
      companies['customers']!.push(key);
      row.push('法人', c.name, c.kana, null, null, c.zip, c.address, c.phone, null);
      holders.push(halfKana(c.kana, true));
    } else {
      const no = numbers.length > 4 && random.chance(0.08) ? random.pick(numbers) : random.int(0, people - 1);
      numbers.push(no);
      const r = register(personAt(seed, no), random);
      persons['customers']![key] = no;
      row.push('個人', r.name, r.kana, random.chance(0.04) ? null : r.birthDate, r.sex, r.zip, r.address, r.phone, r.email);
      holders.push(halfKana(r.kana, true));
    }
    row.push(random.pick(branches), random.pick(statuses), day('2016-04-01', 3200));
    customers.insert(row);
  }
  customers.rows.forEach((row, i) => {
    if (random.chance(0.36)) {
      accounts.rows.push([
        String(accounts.rows.length + 1),
        row[0]!,
        random.pick(banks),
        random.text(3, '0123456789'),
        random.pick(['普通', '普通', '普通', '当座']),
        number('', 7),
        holders[i]!,
      ]);
    }
    for (let n = random.weighted([60, 30, 10]); n > 0; n--) {
      const liability = random.chance(0.12);
      const claim: Row = [
        String(claims.rows.length + 1),
        row[0]!,
        number('A', 8),
        String(random.int(8, 400) * 1000),
        liability ? '賠償' : random.pick(['通院', '入院', '手術']),
        day('2022-04-01', 1090),
      ];
      claims.rows.push(claim);
      if (liability) {
        const no = random.chance(0.15) ? random.int(0, people - 1) : people + random.int(0, people);
        const r = register(personAt(seed, no), random);
        const key = String(victims.rows.length + 1);
        victims.rows.push([key, claim[0]!, r.name, r.kana, r.address, r.phone]);
        persons['victims']![key] = no;
      }
    }
  });
  for (let i = 1; i <= Math.round(size * 1.2); i++) {
    const no = random.chance(0.3) ? random.int(0, people - 1) : people * 3 + random.int(0, size);
    const r = register(personAt(seed, no), random);
    quotes.rows.push([
      String(i),
      r.name,
      r.kana,
      r.sex,
      random.chance(0.05) ? null : r.birthDate,
      r.address,
      r.phone,
      r.email,
      random.pick(['犬', '犬', '猫', '猫', 'うさぎ', '鳥']),
      day('2023-04-01', 730),
      random.chance(0.97) ? 't' : 'f',
    ]);
    persons['quotes']![String(i)] = no;
  }
  const staff = Math.min(400, Math.max(12, Math.round(size / 40)));
  const careless = random.int(1, staff);
  for (let i = 1; i <= staff; i++) {
    const no = people * 6 + i;
    const p = personAt(seed, no);
    const weak = i % 17 === 0 || i === careless;
    agents.rows.push([
      String(i),
      `agent${String(i).padStart(3, '0')}`,
      weak ? 'sakura2024' : random.text(random.int(7, 9)),
      `L${random.text(6, '0123456789')}`,
      `${p.surname.text}${p.given.text}`,
      random.chance(0.4) ? null : p.birthDate,
      branches[i % branches.length]!,
    ]);
    persons['agents']![String(i)] = no;
  }
  for (const month of ['2025-01', '2025-02', '2025-03']) {
    for (const b of branches)
      for (const name of ['契約件数', '見積件数', '支払件数', '解約件数'])
        indicators.rows.push([String(indicators.rows.length + 1), month, b, name, String(random.int(10, 9000))]);
  }

  // Rows were pushed directly for speed: rebuild the key indexes.
  const tables = Object.fromEntries(
    [customers, accounts, claims, victims, quotes, agents, indicators].map(t => [
      t.name,
      createTable(t.name, t.columns.map((c, i) => `${c}:${t.types[i]}`).join(' '), t.rows),
    ]),
  );
  const declare = (name: string, role: string, legalYaml: string | null = null): Declared => ({ table: tables[name]!, role, roleYaml: role, legalYaml });
  return {
    tables,
    persons,
    companies,
    declared: [
      declare('customers', 'policyholder', '{ column: kind, map: { 個人: false, 法人: true } }'),
      declare('bank_accounts', 'policyholder'),
      declare('claims', 'policyholder'),
      declare('victims', 'third-party-victim'),
      declare('quotes', 'quote-requester'),
      declare('agents', 'agent'),
      declare('indicators', 'other'),
    ],
  };
}
