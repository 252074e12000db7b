import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, parseIso, quietEffects } from '../../src/base/index.ts';
import { readCaseFile } from '../../src/case/index.ts';
import { createDrill, createExample, createTinyDrill, type ScenarioName, scenarioNames } from '../../src/drills/index.ts';
import { indicatorFigures } from '../../src/drills/worlds/indicators.ts';
import { petSizes } from '../../src/drills/worlds/pet.ts';
import { freshFolder, parseCsv, readLog, readTable, readTrace, readTruth } from './reading.ts';

const small = scenarioNames.filter(n => n !== 'indicator-subsystem' && n !== 'pet-insurance');
type Cell = { dataset: string; key: string; column: string; first_seen: string; event: string; how: string };
const readCells = (dir: string): Cell[] => {
  const [head, ...rows] = parseCsv(fs.readFileSync(path.join(dir, 'truth/cells.csv'), 'utf8'));
  return rows.map(r => Object.fromEntries(head!.map((h, i) => [h, r[i]!])) as Cell);
};

describe('the truth is one story', () => {
  it.each(small)('%s: cells are what the trace and the extraction say, inside the phases, on lines of the intruder', async (scenario: ScenarioName) => {
    const dir = freshFolder(scenario);
    const drill = await createTinyDrill(13, dir, quietEffects, { scenario, format: 'nginx-timed' });
    const truth = readTruth(dir);
    const cells = readCells(dir);
    expect(cells.length).toBe(drill.cells);
    const keys = new Map<string, Set<string>>();
    const columns = new Map<string, string[]>();
    for (const d of readCaseFile(drill.casePath).datasets) {
      const table = readTable(dir, d.id);
      keys.set(d.id, new Set(table.rows.map(r => r['id']!)));
      columns.set(d.id, table.columns);
    }
    const id = (c: { dataset: string; key: string; column: string }): string => `${c.dataset}/${c.key}/${c.column}`;
    const shown = new Set(
      readTrace(dir)
        .filter(t => t.intruder)
        .flatMap(t => t.ids.flatMap(key => t.cols.map(column => `${t.table}/${key}/${column}`))),
    );
    expect(new Set(cells.filter(c => c.how === 'shown').map(id)).size).toBe(cells.filter(c => c.how === 'shown').length);
    for (const c of cells) {
      expect(keys.get(c.dataset)!.has(c.key), id(c)).toBe(true);
      expect(columns.get(c.dataset), id(c)).toContain(c.column);
      if (c.how === 'shown') expect(shown.has(id(c)), id(c)).toBe(true);
      const at = parseIso(c.first_seen)!;
      expect(
        truth.phases.some(p => at >= parseIso(p.from)! - 1000 && at <= parseIso(p.to)! + 1000),
        `${c.first_seen} ${c.event}`,
      ).toBe(true);
    }
    const known = new Set(cells.map(id));
    for (const s of shown) expect(known.has(s), s).toBe(true);
    const lines = readLog(dir, 'access');
    const ips = new Set(truth.phases.flatMap(p => p.ips));
    for (const c of cells) {
      const place = /^access\.log:(\d+)$/.exec(c.event);
      if (place) expect(ips.has(lines[+place[1]! - 1]!.split(' ')[0]!), c.event).toBe(true);
    }
    if (scenario === 'benign' || scenario === 'path-traversal') expect(cells).toEqual([]);
    else expect(cells.length).toBeGreaterThan(0);
    if (scenario === 'benign') expect(truth.phases).toEqual([]);
    // Extracted values are values of the export.
    for (const file of fs.readdirSync(path.join(dir, 'truth/extracted'))) {
      const [names, ...rows] = parseCsv(fs.readFileSync(path.join(dir, 'truth/extracted', file), 'utf8'));
      const table = readTable(dir, file.replace(/^.-|\.csv$/g, ''));
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows)
        expect(
          table.rows.some(r => names!.every((n, i) => r[n] === row[i] || (row[i] === 'NULL' && r[n] === ''))),
          `${file} ${row.join()}`,
        ).toBe(true);
    }
  });

  it('facts of the case follow the intrusion and come before the logs end', async () => {
    const dir = freshFolder('facts');
    const drill = await createTinyDrill(5, dir, quietEffects, { scenario: 'full-chain' });
    const kase = readCaseFile(drill.casePath);
    const truth = readTruth(dir);
    const last = Math.max(...truth.phases.map(p => parseIso(p.to)!));
    const { detectedAt, knownAt, containedAt, improperPurpose } = kase.facts;
    expect(detectedAt!.value).toBeGreaterThan(last);
    expect(knownAt!.value).toBeGreaterThan(detectedAt!.value);
    expect(containedAt!.value).toBeGreaterThan(knownAt!.value);
    expect(improperPurpose!.value).toBe(true);
    expect(truth.phases.map(p => p.name)).toEqual([
      'recon',
      'credential-stuffing',
      'idor',
      'mass-export',
      'sqli-boolean',
      'sqli-union',
      'sqli-error',
      'sqli-time',
    ]);
  });

  it('an interrupted reading leaves a value that is not counted as obtained', async () => {
    const dir = freshFolder('interrupted');
    await createTinyDrill(6, dir, quietEffects, { scenario: 'sqli-boolean', interrupted: true, threads: 1, targetRows: 4 });
    const { partial } = JSON.parse(fs.readFileSync(path.join(dir, 'truth/truth.json'), 'utf8')) as {
      partial: { dataset: string; key: string; column: string }[];
    };
    expect(partial.length).toBe(1);
    expect(readCells(dir).some(c => c.dataset === partial[0]!.dataset && c.key === partial[0]!.key && c.column === partial[0]!.column)).toBe(false);
  });

  it('an account that was taken over is used by its owner, too', async () => {
    const dir = freshFolder('owner');
    await createTinyDrill(7, dir, quietEffects, { scenario: 'credential-stuffing', sharedAddress: false, lines: 600 });
    const phase = readTruth(dir).phases.find(p => p.name === 'account-takeover')!;
    const rows = readTrace(dir).filter(t => t.user === phase.account);
    expect(rows.some(t => t.intruder)).toBe(true);
    expect(rows.some(t => !t.intruder)).toBe(true);
  });
});

describe('the example of npm start', () => {
  it('is of the size that examples/README.md says, in April 2025, with all eight phases and a Japanese title', async () => {
    const dir = freshFolder('example');
    const drill = await createExample('insurer', dir, quietEffects);
    expect(drill.webLines).toBeGreaterThan(20_000);
    expect(drill.webLines).toBeLessThan(60_000);
    const kase = readCaseFile(drill.casePath);
    expect(kase.title.ja).toMatch(/不正アクセス/);
    expect(new Date(kase.facts.detectedAt!.value / 1000).toISOString()).toMatch(/^2025-04-/);
    expect(readTruth(dir).phases.length).toBe(8);
  });
});

describe('the reference incidents', () => {
  it('case A: the figures at scale 1 round to the published table', () => {
    const f = indicatorFigures(1);
    const man = (name: string): number => Math.round(f[name]! / 10_000);
    expect(['name_contact_policy', 'name_policy', 'contact_policy', 'others', 'customers', 'agency', 'identifiable', 'numbers_only', 'total'].map(man)).toEqual(
      [337, 187, 119, 83, 726, 178, 905, 844, 1748],
    );
    expect([f['accounts'], f['agency_named']]).toEqual([1638, 9366]);
  });

  it('case A at a small scale: rows, empty cells and people are as the figures say', async () => {
    const dir = freshFolder('indicators');
    const drill = await createDrill({ scenario: 'indicator-subsystem', out: dir, seed: 3, scale: 0.001, lines: 1500 }, quietEffects);
    const f = readTruth(dir).figures!;
    const count = (name: string, test: (r: Record<string, string>) => boolean): number => readTable(dir, name).rows.filter(test).length;
    const contact = (r: Record<string, string>): boolean => Boolean(r['address'] || r['phone'] || r['email']);
    expect(count('name_contact_policy', r => Boolean(r['name'] && r['policy_no']) && contact(r))).toBe(f['name_contact_policy']);
    expect(count('name_policy', r => Boolean(r['name'] && r['policy_no']))).toBe(f['name_policy']);
    expect(count('contact_policy', r => contact(r) && Boolean(r['policy_no']))).toBe(f['contact_policy']);
    expect(count('fragments', r => Boolean(r['name']) !== contact(r))).toBe(f['others']);
    expect(count('fragments', r => r['account_no'] !== '')).toBe(f['accounts']);
    expect(count('agency_staff', r => Boolean(r['name'] && r['birth_date']))).toBe(f['agency_named']);
    expect(count('policy_monthly', () => true) + count('accident_monthly', () => true)).toBe(f['numbers_only']);
    expect(Object.values(drill.records).reduce((a, b) => a + b, 0)).toBe(f['total']);
    const people = parseCsv(fs.readFileSync(path.join(dir, 'truth/persons.csv'), 'utf8')).slice(1);
    const byPerson = new Map<string, Set<string>>();
    for (const [dataset, , person] of people) byPerson.set(person!, (byPerson.get(person!) ?? new Set()).add(dataset!));
    expect([...byPerson.values()].some(s => s.size > 1)).toBe(true);
    expect(byPerson.size).toBeLessThan(people.length);
    const span = readTruth(dir).phases;
    expect(parseIso(span.at(-1)!.to)! - parseIso(span[0]!.from)!).toBeGreaterThan(3 * DAY);
    expect(readCaseFile(drill.casePath).datasets.length).toBe(7);
  });

  it('case B: five roles in the published sizes, accounts inside, a month of access', async () => {
    expect(
      Object.values(petSizes)
        .map(([records]) => records)
        .reduce((a, b) => a + b, 0),
    ).toBe(553_199);
    const dir = freshFolder('pet');
    const drill = await createDrill({ scenario: 'pet-insurance', out: dir, seed: 3, scale: 0.01, lines: 2000 }, quietEffects);
    for (const [name, [records, accounts]] of Object.entries(petSizes)) {
      const { rows } = readTable(dir, name);
      expect(rows.length).toBe(Math.max(3, Math.round(records * 0.01)));
      if (accounts) expect(rows.filter(r => r['account_no'] !== '').length).toBe(Math.round(accounts * 0.01));
      expect(drill.records[name]).toBe(rows.length);
    }
    const { phases } = readTruth(dir);
    expect(parseIso(phases.at(-1)!.to)! - parseIso(phases[0]!.from)!).toBeGreaterThan(28 * DAY);
    expect(parseIso(phases.at(-1)!.to)!).toBeLessThan(readCaseFile(drill.casePath).facts.detectedAt!.value + HOUR);
    expect(readCaseFile(drill.casePath).datasets.map(d => d.id)).toEqual(['customers', 'quotes', 'victims', 'clinics', 'agencies']);
  });
});

describe('memory', () => {
  it('does not grow with the number of lines', async () => {
    const peak = async (lines: number): Promise<number> => {
      let top = 0;
      const watch = {
        ...quietEffects,
        progress: () => {
          top = Math.max(top, process.memoryUsage().heapUsed);
        },
      };
      await createDrill({ scenario: 'benign', out: freshFolder('memory'), seed: 1, scale: 0.01, lines, database: 'none', dialect: 'postgresql' }, watch);
      return top;
    };
    await peak(60_000);
    const few = await peak(60_000);
    const many = await peak(420_000);
    // 360,000 more lines of some 200 characters would be above 70 MB if anything held them.
    expect(many - few).toBeLessThan(45e6);
  });
});
