import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import type { Element } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { isCardNumber, isCorporateNumber, isDriverLicence, isInsurerNumber, isMyNumber } from '../../src/persons/columns/checksum.ts';
import { classifyColumns, legalCategories, maskValue, meaningOfTable, profileColumn } from '../../src/persons/index.ts';
import { driverLicence, haveNames, insurer, luhn, myNumber, schemas } from './schemas.ts';
import { caseOf, readCsv } from './tables.ts';

const meanings = (columns: readonly { header: string; cells: readonly (string | null)[] }[]) =>
  meaningOfTable(columns.map(c => ({ name: c.header, profile: profileColumn(c.cells) })));

describe.skipIf(!haveNames)('72 invented Japanese schemas (skipped without the shared lists of names)', () => {
  test.each([
    ['hidden', 1],
    ['hidden', 2],
    ['as they are', 3],
  ] as const)('headers %s, seed %i: precision and recall of every kind of personal data at least 0.97', (headers, seed) => {
    let [right, said, real] = [0, 0, 0];
    const wrong: string[] = [];
    for (const s of schemas(72, seed)) {
      const found = meanings(s.columns.map((c, i) => ({ header: headers === 'hidden' ? `c${i + 1}` : c.header, cells: c.cells })));
      s.columns.forEach((c, i) => {
        if (c.element !== 'none') real++;
        if (found[i]!.element !== 'none') said++;
        if (c.element !== 'none' && found[i]!.element === c.element) right++;
        if (found[i]!.element !== c.element) wrong.push(`${c.element} → ${found[i]!.element}`);
      });
    }
    process.stdout.write(`${headers} ${seed}: precision ${(right / said).toFixed(4)} recall ${(right / real).toFixed(4)} ${wrong.join('; ')}\n`);
    expect(right / said).toBeGreaterThanOrEqual(0.97);
    expect(right / real).toBeGreaterThanOrEqual(0.97);
  });
});

const shared = path.resolve('../shared/data');
test.skipIf(!fs.existsSync(path.join(shared, 'pii/people-en-3000.csv')))('a Western people file with headers hidden (skipped without the shared data)', () => {
  const { header, rows } = readCsv(path.join(shared, 'pii/people-en-3000.csv'));
  const found = meanings(header.map((_h, i) => ({ header: `c${i}`, cells: rows.slice(0, 1500).map(r => r[i] ?? null) })));
  const of = (name: string): Element => found[header.indexOf(name)]!.element;
  const want: Record<string, Element> = {
    Gender: 'person.sex',
    GivenName: 'person.name',
    Surname: 'person.name',
    StreetAddress: 'contact.address',
    City: 'contact.address',
    ZipCode: 'contact.postal_code',
    EmailAddress: 'contact.email',
    Username: 'auth.login',
    Password: 'auth.password',
    TelephoneNumber: 'contact.phone',
    Birthday: 'person.birth_date',
    CCNumber: 'finance.card_number',
    Age: 'person.other',
  };
  expect(Object.fromEntries(Object.keys(want).map(k => [k, of(k)]))).toEqual(want);
});

test.skipIf(!fs.existsSync(path.join(shared, 'range-01')))('range-01 with its own headers (skipped without the shared data)', () => {
  const want: Record<string, Record<string, Element>> = {
    customers: {
      id: 'record.key',
      policy_no: 'contract.policy_number',
      name: 'person.name',
      kana: 'person.kana',
      dob: 'person.birth_date',
      sex: 'person.sex',
      zip: 'contact.postal_code',
      address: 'contact.address',
      phone: 'contact.phone',
      email: 'contact.email',
      branch: 'none',
      status: 'none',
      created_at: 'none',
    },
    bank_accounts: {
      id: 'record.key',
      customer_id: 'record.key',
      bank_code: 'finance.bank_account',
      branch_code: 'finance.bank_account',
      account_type: 'finance.bank_account',
      account_no: 'finance.bank_account',
      holder_kana: 'finance.bank_account',
    },
    agents: { login: 'auth.login', password: 'auth.password', license_id: 'agent.licence', name: 'person.name', dob: 'person.birth_date', branch: 'none' },
    claims: { accident_no: 'claim.accident_number', paid_amount: 'claim.payment', note: 'claim.history' },
  };
  for (const [table, columns] of Object.entries(want)) {
    const { header, rows } = readCsv(path.join(shared, 'range-01/data', `${table}.csv`));
    const found = meanings(header.map((h, i) => ({ header: h, cells: rows.slice(0, 1500).map(r => r[i] ?? null) })));
    expect(Object.fromEntries(Object.keys(columns).map(c => [c, found[header.indexOf(c)]!.element]))).toEqual(columns);
  }
});

test('values overrule a misleading header; a header decides where values fit anything', () => {
  const emails = Array.from({ length: 30 }, (_, i) => `user${i}@example.jp`);
  const numbers = Array.from({ length: 30 }, (_, i) => String(8000 + i * 37));
  const found = meanings([
    { header: '氏名', cells: emails },
    { header: '支払額', cells: numbers },
    { header: 'zzz', cells: numbers.map(n => `${n}x?`) },
  ]);
  expect(found[0]!.element).toBe('contact.email');
  expect(found[1]!.element).toBe('claim.payment');
  expect(found[2]!.confidence).toBeLessThan(0.5);
});

test('the word of the case file wins, “no personal data” too; what we could not tell is a problem', async () => {
  const kase = await caseOf([
    {
      id: 't',
      columns: ['id', 'email', 'x'],
      rows: Array.from({ length: 20 }, (_, i) => [String(i), `a${i}@example.jp`, `?${i % 7}!`]),
      spec: { columns: { email: null } },
    },
  ]);
  await classifyColumns(kase, quietEffects);
  const rows = await kase.engine.rows('test.elements', sql`select column_no, element, confidence from column_element order by column_no`);
  expect(rows[1]).toMatchObject({ element: 'none', confidence: 1 });
  const problems = await kase.engine.rows('test.problems', sql`select code, ref from problem`);
  expect(problems).toEqual([{ code: 'persons.column-undecided', ref: 't.x' }]);
  kase.close();
});

describe('check digits', () => {
  const digits = (n: number) => fc.array(fc.integer({ min: 0, max: 9 }), { minLength: n, maxLength: n }).map(d => d.join(''));
  const changed = (number: string, at: number): string => number.slice(0, at) + String((Number(number[at]) + 1) % 10) + number.slice(at + 1);
  test('a number made by the definition passes; card and insurer numbers with one digit changed do not', () => {
    fc.assert(
      fc.property(digits(14), digits(11), digits(10), digits(7), fc.nat(13), (card, person, licence, health, at) => {
        expect(isCardNumber(luhn(`4${card}`))).toBe(true);
        expect(isCardNumber(changed(luhn(`4${card}`), at + 1))).toBe(false);
        expect(isMyNumber(myNumber(person))).toBe(true);
        expect(isDriverLicence(driverLicence(`3${licence.slice(1)}`, '0'))).toBe(true);
        expect(isInsurerNumber(insurer(health))).toBe(true);
        expect(isInsurerNumber(changed(insurer(health), at % 8))).toBe(false);
      }),
    );
  });
  test('a corporate number is no My Number', () => {
    expect(isCorporateNumber('7000012050002')).toBe(true);
    expect(isMyNumber('7000012050002')).toBe(false);
  });
});

test('legal categories follow the element', () => {
  expect(legalCategories('id.my_number')).toContain('my-number');
  expect(legalCategories('sensitive.health')).toContain('special-care');
  expect(legalCategories('finance.card_number')).toContain('financial-harm');
  expect(legalCategories('none')).toEqual([]);
});

test('masked samples keep the shape and no more than the first letter', () => {
  expect(maskValue('山田 太郎')).toBe('山* **');
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), v => {
      const letters = [...maskValue(v)].filter(c => /[\p{L}\p{N}]/u.test(c));
      expect(letters.length).toBeLessThanOrEqual(1);
    }),
  );
});

test('profiling takes any cells', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({ unit: 'binary', maxLength: 40 })), { maxLength: 30 }), cells => {
      const [m] = meanings([{ header: cells[0] ?? '', cells }]);
      expect(m!.confidence).toBeGreaterThanOrEqual(0);
      expect(m!.confidence).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150 },
  );
});
