import { type Person, personAt } from '../people.ts';
import { createRandom } from '../random.ts';
import { createTable, type Handle, type Row } from '../tables.ts';
import { halfKana } from '../words/names.ts';

/**
 * The first reference incident's datasets: seven tables of monthly indicators that carry fragments of personal data, in the published
 * proportions. Rows are a pure function of their number, so that 17 million of them need no memory.
 */
export type IndicatorTable = {
  readonly id: string;
  readonly handle: Handle;
  readonly rows: number;
  readonly role: string;
  /** The cells of row `n` (from 1) in column order. */
  row(n: number): Row;
  /** Person behind row `n`; null where nobody can be told from it. */
  person(n: number): number | null;
};

/** Records at scale 1; their roundings to 万件 are the published figures. */
export const indicatorSizes = {
  name_contact_policy: 3_372_418,
  name_policy: 1_873_502,
  contact_policy: 1_188_906,
  fragments: 828_730,
  agency_staff: 1_783_911,
  policy_monthly: 5_112_380,
  accident_monthly: 3_323_324,
} as const;
/** Of these: fragments with a premium account, agency rows with name and birth date. */
export const indicatorParts = { accounts: 1_638, named_staff: 9_366 } as const;

const banks = ['0001', '0005', '0009', '0033', '9900'];
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** A one-to-one walk over 0…size-1, so that a table holds no policy twice but shares policies with the others. */
function walk(size: number, salt: number): (n: number) => number {
  let step = Math.floor(size * 0.618) + salt * 2 + 1;
  while (gcd(step, size) !== 1) step++;
  return n => (n * step + salt * 7919) % size;
}

export function createIndicators(seed: number, scale: number): IndicatorTable[] {
  const size = (n: number): number => Math.max(2, Math.round(n * scale));
  const policies = size(5_400_000);
  const people = Math.max(4, Math.round(policies * 0.72));
  const accounts = size(indicatorParts.accounts);
  const named = size(indicatorParts.named_staff);
  // A policy's holder: most people have one policy, some have several.
  const holder = (policy: number): number => (policy < people ? policy : (policy * 7 + 3) % people);
  const policyNo = (policy: number): string => `${String(10 + (policy % 89))}${String(100_000_000 + policy).slice(1)}${policy % 7}`;
  const accidentNo = (policy: number): string => `J${String(200_000_000 + policy * 3).slice(1)}`;
  let lastNo = -1;
  let last: Person | null = null;
  const who = (no: number): Person => {
    if (no !== lastNo) [lastNo, last] = [no, personAt(seed, no)];
    return last!;
  };
  const address = (p: Person): string =>
    `${p.home.place.prefecture}${p.home.place.city}${p.home.place.town}${p.home.block[0]}-${p.home.block[1]}-${p.home.block[2]}${p.home.building ? ` ${p.home.building}${p.home.room}` : ''}`;
  const fullName = (p: Person, n: number): string => `${p.surname.text}${n % 3 === 0 ? '　' : n % 3 === 1 ? ' ' : ''}${p.given.text}`;
  const phone = (p: Person, n: number): string => (n % 5 === 0 ? p.mobile.replaceAll('-', '') : p.mobile);
  const month = (n: number): string => `2025-0${1 + (n % 3)}`;

  type Draft = { id: keyof typeof indicatorSizes; declaration: string; role?: string; row(n: number, policy: number): Row; person: boolean };
  const drafts: Draft[] = [
    {
      id: 'name_contact_policy',
      declaration: 'id:int policy_no:text name:text address:text phone:text email:text month:text',
      person: true,
      row: (n, p) => {
        const w = who(holder(p));
        return [String(n), policyNo(p), fullName(w, n), address(w), n % 9 === 0 ? null : phone(w, n), n % 4 === 0 ? w.email : null, month(n)];
      },
    },
    {
      id: 'name_policy',
      declaration: 'id:int policy_no:text name:text month:text renewals:int',
      person: true,
      row: (n, p) => [String(n), policyNo(p), fullName(who(holder(p)), n), month(n), String(n % 6)],
    },
    {
      id: 'contact_policy',
      declaration: 'id:int policy_no:text address:text phone:text month:text',
      person: true,
      row: (n, p) => {
        const w = who(holder(p));
        return [String(n), policyNo(p), n % 3 === 2 ? null : address(w), n % 3 === 1 ? null : phone(w, n), month(n)];
      },
    },
    {
      id: 'fragments',
      declaration: 'id:int name:text address:text bank_code:text branch_code:text account_type:text account_no:text holder_kana:text month:text',
      person: true,
      row: (n, p) => {
        const w = who(holder(p));
        const account: Row =
          n <= accounts
            ? [
                banks[p % 5]!,
                String(100 + (p % 899)),
                '普通',
                String(10_000_000 + ((p * 37) % 9_999_999)).slice(1),
                halfKana(`${w.surname.kana} ${w.given.kana}`, true),
              ]
            : [null, null, null, null, null];
        return [String(n), n <= accounts || n % 2 === 0 ? fullName(w, n) : null, n > accounts && n % 2 === 1 ? address(w) : null, ...account, month(n)];
      },
    },
    {
      id: 'agency_staff',
      declaration: 'id:int staff_id:text agency_code:text name:text birth_date:date month:text contracts:int',
      role: 'agent',
      person: true,
      row: (n, p) => {
        const w = n <= named ? who(people * 4 + (n % Math.max(1, Math.ceil(named * 0.8)))) : null;
        return [
          String(n),
          `M${String(10_000_000 + (p % Math.max(10, Math.round(policies * 0.05)))).slice(1)}`,
          `AG${String(10_000 + (p % 4000)).slice(1)}`,
          w ? `${w.surname.text} ${w.given.text}` : null,
          w ? w.birthDate : null,
          month(n),
          String(n % 40),
        ];
      },
    },
    {
      id: 'policy_monthly',
      declaration: 'id:int policy_no:text month:text premium:int',
      person: false,
      row: (n, p) => [String(n), policyNo(p), month(n), String(10_000 + (p % 900) * 100)],
    },
    {
      id: 'accident_monthly',
      declaration: 'id:int accident_no:text month:text paid:int',
      person: false,
      row: (n, p) => [String(n), accidentNo(p), month(n), String((p % 400) * 1000)],
    },
  ];
  return drafts.map((d, i) => {
    const rows = size(indicatorSizes[d.id]);
    const position = walk(Math.max(policies, rows), createRandom(seed, d.id).int(1, 400) + i);
    return {
      id: d.id,
      handle: createTable(d.id, d.declaration),
      rows,
      role: d.role ?? 'policyholder',
      row: n => d.row(n, position(n)),
      person: n =>
        !d.person ? null : d.id === 'agency_staff' ? (n <= named ? people * 4 + (n % Math.max(1, Math.ceil(named * 0.8))) : null) : holder(position(n)),
    };
  });
}

/** True counts of the published table, from the rows themselves. */
export function indicatorFigures(scale: number): Readonly<Record<string, number>> {
  const size = (n: number): number => Math.max(2, Math.round(n * scale));
  const s = indicatorSizes;
  const customers = size(s.name_contact_policy) + size(s.name_policy) + size(s.contact_policy) + size(s.fragments);
  const numbers = size(s.policy_monthly) + size(s.accident_monthly);
  return {
    name_contact_policy: size(s.name_contact_policy),
    name_policy: size(s.name_policy),
    contact_policy: size(s.contact_policy),
    others: size(s.fragments),
    accounts: size(indicatorParts.accounts),
    customers,
    agency: size(s.agency_staff),
    agency_named: size(indicatorParts.named_staff),
    numbers_only: numbers,
    identifiable: customers + size(s.agency_staff),
    total: customers + size(s.agency_staff) + numbers,
  };
}
