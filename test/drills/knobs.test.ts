import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HOUR, MINUTE, parseIso, quietEffects, SECOND } from '../../src/base/index.ts';
import { readCaseFile } from '../../src/case/index.ts';
import { createTinyDrill, readOptions, tinyOptions } from '../../src/drills/index.ts';
import { freshFolder, readLog, readPostgres, readTable, readTruth } from './reading.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Micros of a CLF stamp. */
function clf(line: string): number {
  const m = /\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\]/.exec(line)!;
  return parseIso(`${m[3]}-${String(months.indexOf(m[2]!) + 1).padStart(2, '0')}-${m[1]}T${m[4]}${m[5]}`)!;
}
const base = { scenario: 'id-enumeration', format: 'nginx-combined' } as const;

describe('knobs', () => {
  it('clock skew moves the web log and nothing else', async () => {
    const [plain, skewed] = [freshFolder('plain'), freshFolder('skewed')];
    await createTinyDrill(1, plain, quietEffects, base);
    await createTinyDrill(1, skewed, quietEffects, { ...base, clockSkewUs: -287 * MINUTE });
    const [a, b] = [readLog(plain, 'access'), readLog(skewed, 'access')];
    expect(b.map(l => clf(l) + 287 * MINUTE)).toEqual(a.map(clf));
    expect(readLog(skewed, 'database')).toEqual(readLog(plain, 'database'));
    expect(readTruth(skewed).phases).toEqual(readTruth(plain).phases);
  });

  it('lost lines: what is left is a subsequence, the share is right, and cells that lost their line say so', async () => {
    const [plain, thin] = [freshFolder('plain'), freshFolder('thin')];
    await createTinyDrill(2, plain, quietEffects, { ...base, lines: 4000 });
    await createTinyDrill(2, thin, quietEffects, { ...base, lines: 4000, loseLines: 0.1 });
    const [all, left] = [readLog(plain, 'access'), readLog(thin, 'access')];
    let at = 0;
    for (const line of left) {
      at = all.indexOf(line, at) + 1;
      expect(at).toBeGreaterThan(0);
    }
    const lost = all.length - left.length;
    expect(readTruth(thin).logs.web).toMatchObject({ lines: left.length, lost });
    // Binomial with p = 0.1: five standard deviations.
    expect(Math.abs(lost - all.length * 0.1)).toBeLessThan(5 * Math.sqrt(all.length * 0.09));
    expect(readTruth(thin).cells).toBe(readTruth(plain).cells);
    const cells = fs.readFileSync(path.join(thin, 'truth/cells.csv'), 'utf8').trimEnd().split('\n').slice(1);
    expect(cells.some(c => c.includes(',lost,'))).toBe(true);
    for (const cell of cells) {
      const [, key, , , event] = cell.split(',');
      const place = /^access\.log:(\d+)$/.exec(event!);
      if (place) expect(left[+place[1]! - 1]).toContain(`customers/${key}`.slice(0, 9));
    }
  });

  it('rotation and gzip change the files, not the lines; rotation loss takes one file away', async () => {
    const [plain, rotated, torn] = [freshFolder('plain'), freshFolder('rotated'), freshFolder('torn')];
    const options = { ...base, days: 5, lines: 1500 };
    await createTinyDrill(3, plain, quietEffects, options);
    await createTinyDrill(3, rotated, quietEffects, { ...options, rotate: true, gzip: true });
    await createTinyDrill(3, torn, quietEffects, { ...options, rotationLoss: true });
    expect(readLog(rotated, 'access')).toEqual(readLog(plain, 'access'));
    expect(readLog(rotated, 'database')).toEqual(readLog(plain, 'database'));
    const files = readTruth(rotated).logs.web.files;
    expect(files.length).toBeGreaterThanOrEqual(5);
    expect(files.filter(f => /^access\.log-2025\d{4}\.gz$/.test(f)).length).toBe(files.length - 1);
    const truth = readTruth(torn).logs.web;
    expect(truth.droppedFile).toMatch(/^access\.log-2025\d{4}$/);
    expect(fs.existsSync(path.join(torn, 'evidence', truth.droppedFile!))).toBe(false);
    const before = readLog(plain, 'access');
    const after = readLog(torn, 'access');
    expect(after.length).toBe(before.length - truth.droppedLines);
    const kept = new Set(after);
    const days = new Set(before.filter(l => !kept.has(l)).map(l => l.slice(l.indexOf('[') + 1, l.indexOf(':', l.indexOf('[')))));
    expect(days.size).toBe(1);
  });

  it('snapshot delay: rows change while the log runs and the snapshot holds the last state', async () => {
    const out = freshFolder('later');
    await createTinyDrill(4, out, quietEffects, { ...base, lines: 6000, database: 'pg-csvlog', snapshotDelayUs: 36 * HOUR });
    const updates = readPostgres(out).filter(s => s.sql.startsWith('UPDATE customers'));
    expect(updates.length).toBeGreaterThan(3);
    const lastOf = new Map(updates.map(u => [u.params[2], u.params]));
    const rows = new Map(readTable(out, 'customers').rows.map(r => [r['id'], r]));
    const { drift } = JSON.parse(fs.readFileSync(path.join(out, 'truth/truth.json'), 'utf8')) as { drift: { key: string }[] };
    expect(drift.length).toBeGreaterThan(0);
    const touched = new Set(drift.map(d => d.key));
    for (const [id, params] of lastOf)
      if (rows.has(id!) && !touched.has(id!)) expect([rows.get(id!)!['phone'], rows.get(id!)!['address']]).toEqual(params.slice(0, 2));
    const kase = parse(fs.readFileSync(path.join(out, 'case.yaml'), 'utf8')) as { datasets: { as_of: string }[] };
    const truth = JSON.parse(fs.readFileSync(path.join(out, 'truth/truth.json'), 'utf8')) as { to: string; snapshot: string };
    expect(parseIso(truth.snapshot)! - parseIso(truth.to)!).toBe(36 * HOUR);
    expect(Math.abs(parseIso(kase.datasets[0]!.as_of)! - parseIso(truth.snapshot)!)).toBeLessThan(SECOND);
  });

  it('flipped answers are in the log, not in the truth', async () => {
    const [plain, noisy] = [freshFolder('plain'), freshFolder('noisy')];
    const options = { scenario: 'sqli-boolean', format: 'nginx-combined' } as const;
    await createTinyDrill(5, plain, quietEffects, options);
    await createTinyDrill(5, noisy, quietEffects, { ...options, flipAnswers: 0.05 });
    const [a, b] = [readLog(plain, 'access'), readLog(noisy, 'access')];
    const differing = a.filter((l, i) => l !== b[i]).length;
    expect(b.length).toBe(a.length);
    expect(differing).toBeGreaterThan(5);
    expect(differing).toBeLessThan(a.length * 0.1);
    expect(fs.readFileSync(path.join(noisy, 'truth/cells.csv'), 'utf8')).toBe(fs.readFileSync(path.join(plain, 'truth/cells.csv'), 'utf8'));
  });

  it('a shared address is also that of innocents', async () => {
    const out = freshFolder('shared');
    await createTinyDrill(6, out, quietEffects, { ...base, sharedAddress: true, lines: 1500 });
    const [phase] = readTruth(out).phases;
    expect(phase!.ips.length).toBe(1);
    expect(readLog(out, 'access').filter(l => l.startsWith(`${phase!.ips[0]} `)).length).toBeGreaterThan(phase!.requests + 20);
  });

  it('a case that is told names the addresses and the account, and only then', async () => {
    const [told, silent] = [freshFolder('told'), freshFolder('silent')];
    const a = readCaseFile((await createTinyDrill(8, told, quietEffects, { ...base, tell: true })).casePath).facts;
    const b = readCaseFile((await createTinyDrill(8, silent, quietEffects, base)).casePath).facts;
    const [phase] = readTruth(told).phases;
    expect([a.attackerIps.value, a.compromisedAccounts.value]).toEqual([phase!.ips, [phase!.account]]);
    expect([b.attackerIps.value, b.compromisedAccounts.value]).toEqual([[], []]);
  });

  it('search terms in bodies leave no trace in the web log', async () => {
    const out = freshFolder('bodies');
    await createTinyDrill(9, out, quietEffects, {
      scenario: 'sqli-boolean',
      format: 'nginx-combined',
      bodies: true,
      dialect: 'postgresql',
      database: 'pg-csvlog',
    });
    const lines = readLog(out, 'access');
    expect(lines.some(l => /select/i.test(decodeURIComponent(l.replaceAll(/%(?![0-9A-F]{2})/g, '%25'))))).toBe(false);
    expect(lines.filter(l => l.includes('"POST ') && l.includes('/quotes/search ')).length).toBeGreaterThan(50);
    expect(readPostgres(out).some(s => /SUBSTRING|LEFT\(|LIKE 'a/i.test(s.sql))).toBe(true);
  });

  it('options from a command line are read or refused by name', () => {
    expect(readOptions({ scenario: 'benign', out: 'x', seed: '3', clockSkew: '-287m', 'lose-lines': '0.01', rotate: true })).toEqual({
      scenario: 'benign',
      out: 'x',
      seed: 3,
      clockSkewUs: -287 * MINUTE,
      loseLines: 0.01,
      rotate: true,
    });
    expect(() => readOptions({ out: 'x' })).toThrow('drills.missing-option');
    expect(() => readOptions({ scenario: 'bening', out: 'x' })).toThrow('drills.bad-choice');
    expect(() => readOptions({ scenario: 'benign', out: 'x', 'clock-skew': 'soon' })).toThrow('drills.bad-duration');
    expect(() => readOptions({ scenario: 'benign', out: 'x', scale: 'NaN' })).toThrow('drills.bad-number');
  });

  it('contradictions are refused before anything is written', async () => {
    const out = freshFolder('mismatch');
    await expect(createTinyDrill(1, out, quietEffects, { scenario: 'sqli-boolean', dialect: 'oracle', database: 'pg-csvlog' })).rejects.toThrow(
      'drills.dialect-mismatch',
    );
    expect(fs.existsSync(out)).toBe(false);
    expect(tinyOptions(9, out).scale).toBeLessThan(0.01);
  });
});
