import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { quietEffects } from '../../src/base/index.ts';
import { createTinyDrill, type WebFormat, webFormats } from '../../src/drills/index.ts';
import { freshFolder, parseCsv, readLog, readTruth } from './reading.ts';

/** Written from the documentation of each product, not from the simulator. Groups: time, address, method, target, status. */
const clf = String.raw`^(?<ip>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<method>[A-Z]+) (?<target>\S+) HTTP\/[\d.]+" (?<status>\d{3}) (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"`;
const patterns: Record<Exclude<WebFormat, 'jsonl' | 'iis-w3c' | 'aws-cloudfront'>, RegExp> = {
  'nginx-combined': new RegExp(`${clf}$`),
  'apache-combined': new RegExp(`${clf}$`),
  'nginx-timed': new RegExp(String.raw`${clf} \d+\.\d{3} "[^"]*"$`),
  'aws-alb':
    /^https (?<time>\d{4}-\d\d-\d\dT[\d:.]+Z) \S+ (?<ip>[\d.]+):\d+ \S+ [\d.-]+ [\d.-]+ [\d.-]+ (?<status>\d{3}) \d{3} \d+ \d+ "(?<method>[A-Z]+) https:\/\/[^/]+:443(?<target>\/\S*) HTTP\/1\.1" "[^"]*" \S+ \S+ \S+ "[^"]*" "[^"]*" "[^"]*" \d+ \d{4}-\d\d-\d\dT[\d:.]+Z "[^"]*" "[^"]*" "[^"]*" "[^"]*" "[^"]*" "[^"]*" "[^"]*" \S+$/,
  haproxy:
    /^[A-Z][a-z]{2} [ \d]\d (?<time>\d\d:\d\d:\d\d) \S+ haproxy\[\d+\]: (?<ip>[\d.]+):\d+ \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] \S+ \S+\/\S+ (?:\d+\/){4}\d+ (?<status>\d{3}) \d+ - - ---- (?:\d+\/){4}\d+ \d+\/\d+ "(?<method>[A-Z]+) (?<target>\S+) HTTP\/1\.1"$/,
};

function rows(format: WebFormat, lines: string[]): Record<string, string>[] {
  if (format === 'jsonl')
    return lines
      .map(l => JSON.parse(l) as Record<string, string>)
      .map(r => ({ ip: r['ip']!, status: String(r['status']), target: r['url']!, method: r['method']! }));
  if (format === 'iis-w3c' || format === 'aws-cloudfront') {
    const separator = format === 'iis-w3c' ? ' ' : '\t';
    const fields = lines
      .find(l => l.startsWith('#Fields: '))!
      .slice(9)
      .split(' ');
    return lines
      .filter(l => !l.startsWith('#'))
      .map(l => {
        const cells = l.split(separator);
        expect(cells.length, l).toBe(fields.length);
        const r = Object.fromEntries(fields.map((f, i) => [f, cells[i]!]));
        return {
          ip: r['c-ip']!,
          status: r['sc-status']!,
          method: r['cs-method']!,
          target: r['cs-uri-stem']! + (r['cs-uri-query'] === '-' ? '' : `?${r['cs-uri-query']}`),
        };
      });
  }
  return lines.map(l => {
    const m = patterns[format].exec(l);
    expect(m, l).not.toBeNull();
    return m!.groups as Record<string, string>;
  });
}

describe('web formats', () => {
  const read = new Map<WebFormat, Record<string, string>[]>();
  beforeAll(async () => {
    for (const format of webFormats) {
      const out = freshFolder(format);
      await createTinyDrill(11, out, quietEffects, { scenario: 'sqli-union', format });
      read.set(format, rows(format, readLog(out, 'access')));
      const kase = parse(fs.readFileSync(path.join(out, 'case.yaml'), 'utf8')) as {
        schema: string;
        evidence: { id: string; format: string }[];
        datasets: { files: string[] }[];
      };
      expect(kase.schema).toBe('tadasu.case/1');
      expect(kase.evidence.map(e => e.id)).toEqual(['access', 'database']);
      for (const d of kase.datasets) expect(fs.existsSync(path.join(out, d.files[0]!))).toBe(true);
    }
  });

  it.each(webFormats)('%s reads back, request by request the same as every other format', format => {
    const of = (f: WebFormat): string[] => read.get(f)!.map(r => `${r['ip']} ${r['method']} ${r['target']} ${r['status']}`);
    expect(of(format).length).toBeGreaterThan(200);
    expect(of(format)).toEqual(of('jsonl'));
  });
});

describe('database formats', () => {
  it('csvlog has 26 columns, session line numbers without a break, and stamps that never go back', async () => {
    const out = freshFolder('csvlog');
    await createTinyDrill(3, out, quietEffects, { scenario: 'full-chain', database: 'pg-csvlog', auditRows: true });
    const next = new Map<string, number>();
    let before = '';
    const lines = parseCsv(`${readLog(out, 'database').join('\n')}\n`);
    expect(lines.length).toBe(readTruth(out).logs.database.lines);
    for (const r of lines) {
      expect(r.length).toBe(26);
      expect(+r[6]!).toBe((next.get(r[5]!) ?? 0) + 1);
      next.set(r[5]!, +r[6]!);
      expect(r[0]! >= before).toBe(true);
      before = r[0]!;
      if (r[13]!.startsWith('AUDIT: ')) expect(parseCsv(`${r[13]!.slice(7)}\n`)[0]!.length).toBe(10);
    }
  });

  it('jsonlog and general log hold the same statements as csvlog', async () => {
    const [csv, json, general] = [freshFolder('csv'), freshFolder('json'), freshFolder('general')];
    await createTinyDrill(4, csv, quietEffects, { scenario: 'id-enumeration', database: 'pg-csvlog' });
    await createTinyDrill(4, json, quietEffects, { scenario: 'id-enumeration', database: 'pg-jsonlog' });
    await createTinyDrill(4, general, quietEffects, { scenario: 'id-enumeration', database: 'mysql-general' });
    const a = parseCsv(`${readLog(csv, 'database').join('\n')}\n`).map(r => r[13]!);
    const b = readLog(json, 'database').map(l => (JSON.parse(l) as { message: string }).message);
    expect(b).toEqual(a);
    const queries = readLog(general, 'database').filter(l => /^\d{4}-\d\d-\d\dT[\d:.]+Z\t\s*\d+ (Query|Execute)\t/.test(l));
    expect(queries.length).toBe(a.filter(m => m.startsWith('AUDIT') || m.startsWith('syntax')).length);
  });
});
