import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventColumns } from '../../src/events/columns.ts';
import { sourceEntries } from '../../src/events/sources/index.ts';
import { randomOf } from '../fixtures/random.ts';
import { mutate } from './memory/mutate.ts';
import { context, haveShared, readAll, shared, sharedFile } from './memory/record-reader.ts';

const folder = (name: string): Uint8Array[] =>
  fs
    .readdirSync(path.join(shared, name), { withFileTypes: true })
    .filter(e => e.isFile())
    .map(e => e.name)
    .sort()
    .map(n => sharedFile(`${name}/${n}`))
    .filter(b => b.length > 0);
const samples = haveShared
  ? [
      ...folder('lnav'),
      ...folder('wazuh'),
      ...folder('weblogs/honeypot/httpd').slice(0, 5),
      sharedFile('pgaudit/pgaudit.out'),
      sharedFile('auth/openssh.log'),
      sharedFile('weblogs/modsecurity-audit.log'),
      sharedFile('weblogs/apache-error.log'),
      sharedFile('weblogs/benign/nginx-plus.jsonl').subarray(0, 200_000),
      sharedFile('range-01/evidence/postgresql.csv.gz').subarray(0, 400_000),
    ]
  : [];
const evtxSamples = haveShared
  ? (fs.readdirSync(path.join(shared, 'sigma'), { recursive: true }) as string[])
      .filter(f => f.endsWith('.evtx'))
      .sort()
      .slice(0, 6)
      .map(f => fs.readFileSync(path.join(shared, 'sigma', f)).subarray(0, 20_000))
  : [];
const columns = new Set<string>(eventColumns.map(c => c.name));
const total = Number(process.env['TADASU_FUZZ'] ?? 12_000);

describe.skipIf(!haveShared)('every source takes any bytes', () => {
  it.each(sourceEntries.map(e => e.source.name))('%s: never throws, always goes on, accounts for every byte', name => {
    const entry = sourceEntries.find(e => e.source.name === name)!;
    const random = randomOf(name.length * 7919 + name.charCodeAt(0));
    const own = name === 'evtx' ? evtxSamples : samples;
    for (let n = Math.ceil(total / sourceEntries.length); n > 0; n--) {
      const bytes = mutate(own, random, name === 'evtx' ? 12_000 : 1200);
      const whole = readAll(entry.source, bytes, {
        ...context,
        encoding: ['utf-8', 'shift_jis', 'euc-jp'][n % 3]!,
        modifiedUs: n % 4 === 0 ? null : context.modifiedUs,
      });
      expect(whole.bytes).toBe(bytes.length);
      for (const row of whole.rows) {
        for (const key of Object.keys(row)) if (!columns.has(key)) throw new Error(`no column ${key}`);
        if (row['sql_params'] !== undefined) expect(Array.isArray(JSON.parse(row['sql_params'] as string))).toBe(true);
        if (row['extra'] !== undefined) expect(typeof JSON.parse(row['extra'] as string)).toBe('object');
        if (row['objects'] !== undefined) expect(Array.isArray(JSON.parse(row['objects'] as string))).toBe(true);
      }
      if (n % 10 === 0) {
        const pieces = readAll(
          entry.source,
          bytes,
          { ...context, encoding: ['utf-8', 'shift_jis', 'euc-jp'][n % 3]!, modifiedUs: n % 4 === 0 ? null : context.modifiedUs },
          1 + Math.floor(random() * 90),
        );
        expect(pieces.rows).toEqual(whole.rows);
        expect(pieces.unparsed).toEqual(whole.unparsed);
      }
      const score = entry.sniff({ head: bytes.subarray(0, 300), lines: [bytes, bytes.subarray(5, 80)] });
      expect(score >= 0 && score <= 1).toBe(true);
    }
  });
});
