import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { openForInvestigation } from '../../src/case/index.ts';
import { detect } from '../../src/detections/index.ts';
import { createDrill, type ScenarioName } from '../../src/drills/index.ts';
import { estimateClockOffsets, measureCoverage, readEvents } from '../../src/events/index.ts';
import { collectEvidence } from '../../src/evidence/index.ts';
import { assessExposure } from '../../src/exposure/index.ts';
import { reconstruct } from '../../src/intrusion/index.ts';
import { classifyColumns, countExposure, type ExposureCounts, identifyPersons } from '../../src/persons/index.ts';
import { temporaryFolder } from '../fixtures/run.ts';

/** The two published tables, at a hundredth: every figure the product counts against what the simulator really gave away. */

type Table = {
  readonly rows: number;
  readonly filled: (columns: readonly string[], where?: (row: Readonly<Record<string, string>>) => boolean) => number;
  readonly records: readonly Readonly<Record<string, string>>[];
};

/** Cells of the drill's tables hold no line breaks, commas or quotes. */
function readTable(file: string): Table {
  const [header, ...lines] = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  const names = header!.split(',');
  const records = lines.map(l => {
    const cells = l.split(',');
    return Object.fromEntries(names.map((n, i) => [n, cells[i]!]));
  });
  return { rows: records.length, records, filled: (columns, where = () => true) => records.filter(r => where(r) && columns.every(c => r[c] !== '')).length };
}

async function investigated(scenario: ScenarioName): Promise<{
  counts: ExposureCounts;
  dir: string;
  tables: Record<string, Table>;
  truth: { figures?: Record<string, number>; persons?: Record<string, Record<string, number>> };
}> {
  const dir = path.join(temporaryFolder(`reference-${scenario}`), 'case');
  const drill = await createDrill({ scenario, seed: 1, scale: 0.01, out: dir, cells: false }, quietEffects);
  const kase = await openForInvestigation(drill.casePath, path.join(dir, 'out'), { threads: 2 });
  try {
    await collectEvidence(kase, quietEffects);
    await readEvents(kase, quietEffects);
    await estimateClockOffsets(kase, quietEffects);
    await measureCoverage(kase, quietEffects);
    await detect(kase, quietEffects);
    await reconstruct(kase, quietEffects);
    await assessExposure(kase, quietEffects);
    await classifyColumns(kase, quietEffects);
    await identifyPersons(kase, quietEffects);
    const counts = await countExposure(kase);
    const truth = JSON.parse(fs.readFileSync(path.join(dir, 'truth', 'truth.json'), 'utf8')) as Awaited<ReturnType<typeof investigated>>['truth'];
    const tables = Object.fromEntries(counts.datasets.map(d => [d.id, readTable(path.join(dir, 'data', `${d.id}.csv`))]));
    return { counts, dir, tables, truth };
  } finally {
    kase.close();
    fs.rmSync(path.join(dir, 'out'), { recursive: true, force: true });
  }
}

const holds = (p: { lower: number; upper: number }, true_: number): boolean => p.lower <= true_ && true_ <= p.upper;

describe('the incident of the indicator system (case A)', async () => {
  const { counts, dir, tables, truth } = await investigated('indicator-subsystem');
  const figures = truth.figures!;
  const personOf = new Map(
    fs
      .readFileSync(path.join(dir, 'truth', 'persons.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map(l => {
        const [d, k, p] = l.split(',');
        return [`${d}/${k}`, Number(p)];
      }),
  );
  const persons = (dataset: string, where: (row: Readonly<Record<string, string>>) => boolean = () => true): Set<number> =>
    new Set(
      tables[dataset]!.records.filter(where)
        .map(r => personOf.get(`${dataset}/${r['id']}`))
        .filter(p => p !== undefined),
    );
  const combination = (...elements: string[]) => counts.combinations.find(c => JSON.stringify([...c.elements].sort()) === JSON.stringify([...elements].sort()));
  const exactly = (n: number) => ({ lower: n, upper: n });

  test('all records of all seven data sets, and no more', () => {
    expect(counts.figures.records).toMatchObject({ executed: figures['total'], possible: figures['total'], not_excluded: figures['total'] });
    expect(Object.fromEntries(counts.datasets.map(d => [d.id, [d.records.executed, d.records.possible]]))).toEqual(
      Object.fromEntries(Object.entries(tables).map(([id, t]) => [id, [t.rows, t.rows]])),
    );
  });

  test('every row of the table by items, and the sums the announcement gives', () => {
    const parts = tables['fragments']!;
    const nameOnly = parts.filled(['name'], r => r['address'] === '' && r['account_no'] === '');
    const contactOnly = parts.filled(['address'], r => r['name'] === '');
    const unnamed = figures['agency']! - figures['agency_named']!;
    const rows = {
      nameContactPolicy: combination('person.name', 'contact.*', 'contract.policy_number'),
      namePolicy: combination('person.name', 'contract.policy_number'),
      contactPolicy: combination('contact.*', 'contract.policy_number'),
      accounts: combination('person.name', 'finance.bank_account'),
      nameOnly: combination('person.name'),
      contactOnly: combination('contact.*'),
      namedStaff: combination('person.name', 'person.birth_date'),
      staffNumbers: combination(),
      premiums: combination('contract.policy_number', 'contract.other'),
      accidents: combination('claim.accident_number', 'claim.payment'),
    };
    expect(Object.fromEntries(Object.entries(rows).map(([k, c]) => [k, c?.records]))).toEqual(
      Object.fromEntries(
        Object.entries({
          nameContactPolicy: figures['name_contact_policy']!,
          namePolicy: figures['name_policy']!,
          contactPolicy: figures['contact_policy']!,
          accounts: figures['accounts']!,
          nameOnly,
          contactOnly,
          namedStaff: figures['agency_named']!,
          staffNumbers: unnamed,
          premiums: tables['policy_monthly']!.rows,
          accidents: tables['accident_monthly']!.rows,
        }).map(([k, n]) => [k, exactly(n)]),
      ),
    );
    expect(counts.combinations).toHaveLength(Object.keys(rows).length);
    expect(nameOnly + contactOnly + figures['accounts']!).toBe(figures['others']);
    expect(counts.roles.map(r => [r.role, r.records])).toEqual([
      ['policyholder', exactly(figures['customers']! + figures['numbers_only']!)],
      ['agent', exactly(figures['agency']!)],
    ]);
    expect(counts.roles[0]!.of_which.find(o => o.element === 'finance.bank_account')!.records).toEqual(exactly(figures['accounts']!));
  });

  test('persons: the interval of every row holds the truth', () => {
    const of = (c: ReturnType<typeof combination>) => c!.persons;
    expect([of(combination('person.name', 'contact.*', 'contract.policy_number')), persons('name_contact_policy').size]).toSatisfy(([p, n]) => holds(p, n));
    expect([of(combination('person.name', 'contract.policy_number')), persons('name_policy').size]).toSatisfy(([p, n]) => holds(p, n));
    expect([of(combination('contact.*', 'contract.policy_number')), persons('contact_policy').size]).toSatisfy(([p, n]) => holds(p, n));
    expect([of(combination('person.name', 'person.birth_date')), persons('agency_staff').size]).toSatisfy(([p, n]) => holds(p, n));
    expect([of(combination('person.name', 'finance.bank_account')), persons('fragments', r => r['account_no'] !== '').size]).toSatisfy(([p, n]) => holds(p, n));
    const everybody = new Set(Object.keys(tables).flatMap(id => [...persons(id)]));
    expect([counts.figures.persons.executed, everybody.size]).toSatisfy(([p, n]) => holds(p, n));
  });

  test('what is not included: cards, My Number, licences, health, passwords', () => {
    expect(counts.absent.map(a => a.element)).toEqual(
      expect.arrayContaining(['finance.card_number', 'id.my_number', 'id.driver_licence', 'sensitive.health', 'auth.password']),
    );
    expect(counts.absent.map(a => a.element)).not.toContain('finance.bank_account');
  });
});

describe('the incident of the pet insurer (case B)', async () => {
  const { counts, tables, truth } = await investigated('pet-insurance');
  const role = (name: string) => counts.roles.find(r => r.role === name)!;
  const roles = { policyholder: 'customers', 'quote-requester': 'quotes', 'third-party-victim': 'victims', clinic: 'clinics', agent: 'agencies' } as const;

  test('every role, with the accounts in it: the truth is inside, and nothing is counted that was not shown', () => {
    expect(counts.roles.map(r => r.role).sort()).toEqual(Object.keys(roles).sort());
    for (const [name, dataset] of Object.entries(roles)) {
      const n = tables[dataset]!.rows;
      expect([name, role(name).records.upper, holds(role(name).records, n)]).toEqual([name, n, true]);
      const accounts = dataset === 'quotes' ? 0 : tables[dataset]!.filled(['account_no']);
      const said = role(name).of_which.find(o => o.element === 'finance.bank_account')?.records ?? { lower: 0, upper: 0 };
      expect([name, said.upper, holds(said, accounts)]).toEqual([name, accounts, true]);
    }
  });

  test('the large roles to the record', () => {
    for (const [name, dataset] of [
      ['policyholder', 'customers'],
      ['quote-requester', 'quotes'],
      ['clinic', 'clinics'],
    ] as const) {
      expect([name, role(name).records]).toEqual([name, { lower: tables[dataset]!.rows, upper: tables[dataset]!.rows }]);
    }
  });

  test('persons by role, and in all', () => {
    for (const [name, dataset] of [
      ['policyholder', 'customers'],
      ['quote-requester', 'quotes'],
      ['third-party-victim', 'victims'],
    ] as const) {
      expect([name, role(name).persons, new Set(Object.values(truth.persons![dataset]!)).size]).toSatisfy(([, p, n]) => holds(p, n));
    }
    const everybody = new Set(Object.values(truth.persons!).flatMap(t => Object.values(t)));
    expect([counts.figures.persons.possible, everybody.size]).toSatisfy(([p, n]) => holds(p, n));
    expect(counts.legal_persons.records.upper).toBe(tables['clinics']!.rows + tables['agencies']!.rows);
    for (const body of ['clinic', 'agent']) expect(role(body).persons.upper).toBe(0);
  });

  test('what is not included: cards, My Number', () => {
    expect(counts.absent.map(a => a.element)).toEqual(expect.arrayContaining(['finance.card_number', 'id.my_number']));
  });
});
