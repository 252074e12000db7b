import { personAt, register } from '../people.ts';
import type { Random } from '../random.ts';
import type { Row } from '../tables.ts';
import { branches, type World } from './insurer.ts';

/** A new customer row with the next number; the person behind it is noted in the world. */
export function newCustomer(world: World, seed: number, random: Random): Row {
  const customers = world.tables['customers']!;
  const last = customers.rows.reduce((n, r) => Math.max(n, +r[0]!), 0);
  const no = 7_000_000 + random.int(0, 999_999);
  const r = register(personAt(seed, no), random);
  const known: Record<string, string | null> = {
    id: String(last + 1),
    policy_no: `P9${random.text(9, '0123456789')}`,
    kind: '個人',
    name: r.name,
    kana: r.kana,
    dob: r.birthDate,
    sex: r.sex,
    zip: r.zip,
    address: r.address,
    phone: r.phone,
    email: r.email,
    branch: random.pick(branches),
    status: '有効',
    created_at: '2025-04-17',
  };
  world.persons['customers']![known['id']!] = no;
  return customers.columns.map(c => known[c] ?? null);
}

export type Change = { readonly dataset: string; readonly key: string; readonly kind: 'update' | 'insert' | 'delete' };

/** What happens to the data after the logs end and before the snapshot is taken: seen by nobody. */
export function drift(world: World, seed: number, random: Random, changes: number): Change[] {
  const list: Change[] = [];
  const customers = world.tables['customers']!;
  for (let i = 0; i < changes; i++) {
    const what = random.weighted([70, 22, 8]);
    const row = random.pick(customers.rows);
    if (what === 0) {
      const r = register(personAt(seed, 8_000_000 + random.int(0, 999_999)), random);
      customers.update(row[0]!, 'phone', r.phone);
      if (random.chance(0.5)) customers.update(row[0]!, 'address', r.address);
      list.push({ dataset: 'customers', key: row[0]!, kind: 'update' });
    } else if (what === 1) {
      const added = newCustomer(world, seed, random);
      customers.insert(added);
      list.push({ dataset: 'customers', key: added[0]!, kind: 'insert' });
    } else if (customers.rows.length > 20) {
      customers.remove(row[0]!);
      list.push({ dataset: 'customers', key: row[0]!, kind: 'delete' });
    }
  }
  return list;
}
