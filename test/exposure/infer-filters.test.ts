import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { chanceFits, exactFit, farthest } from '../../src/exposure/routes/infer-exact.ts';
import { inferFilters } from '../../src/exposure/routes/infer-filters.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

let engine: Engine | undefined;

/** Members with values of many lengths; the export shows no, name and mail, never the birthday, the class or the note. */
const members = Array.from({ length: 240 }, (_, i) => {
  const n = (i * 7919) % 240;
  return [
    String(5000 + i),
    'n'.repeat(2 + ((n * 31) % 23)),
    `${'m'.repeat(1 + ((n * 17) % 29))}@example.test`,
    `19${50 + ((n * 13) % 45)}-0${1 + (n % 9)}-1${n % 9}`,
    String(1 + ((n * 11) % 5)),
    'x'.repeat((n * 37) % 41),
  ];
});
const columns = ['no', 'name', 'mail', 'birthday', 'class', 'note'];
const csv = (rows: readonly (readonly string[])[]): number => Buffer.byteLength(`会員,氏名,連絡先\n${rows.map(r => `${r.slice(0, 3).join(',')}\n`).join('')}`);

const exported = (n: number, query: Record<string, string>, bytes: number, actor: 'strict' | null): Request =>
  request('/export/members.csv', n, query, { eventId: n, hiUs: n, bytes, durationUs: null, actor });

describe('filters of an export told by sizes', () => {
  beforeAll(loadParser);
  afterEach(() => engine?.close());

  const ofClass = (c: string): (readonly string[])[] => members.filter(m => m[4] === c);
  const others = ['1', '2', '3', '4'].map((c, i) => exported(i + 1, { class: c }, csv(ofClass(c)), null));
  const born = (from: string): (readonly string[])[] => members.filter(m => m[3]! >= from);

  it('are the condition and the columns that give every answer to the byte', async () => {
    engine = await snapshotEngine([{ name: 'members', columns, rows: members, key: ['no'] }]);
    const own = exported(9, { born_after: '1975-01-01' }, csv(born('1975-01-01')), 'strict');
    const reads = await inferFilters(engine, await readCatalogue(engine), 'GET /export/members.csv', [own], others);
    expect(reads.length).toBe(2);
    const read = reads.find(r => r.onlyForm === '["born_after"]')!;
    expect(read.bindings.map(b => (b.from === 'request' ? b.name : b.from))).toEqual(['born_after']);
    const text = JSON.stringify(read.read.select);
    expect(text).toContain('"birthday"');
    expect(text).not.toContain('"note"');
    const named = new Map(read.dataset.columns.map(c => [c.no, c.name]));
    expect([...read.sure].map(c => named.get(c))).toEqual(expect.arrayContaining(['name', 'mail']));
    expect([...read.sure].map(c => named.get(c))).not.toContain('note');
    expect([...read.proved!]).toEqual([9]);
  });

  it('are not told where one answer of the intruder fits nothing, or a value may break out', async () => {
    engine = await snapshotEngine([{ name: 'members', columns, rows: members, key: ['no'] }]);
    const catalogue = await readCatalogue(engine);
    const odd = exported(9, { born_after: '1975-01-01' }, csv(born('1975-01-01')) + 1, 'strict');
    expect(await inferFilters(engine, catalogue, 'GET /export/members.csv', [odd], others)).toEqual([]);
    const broken = exported(9, { class: "1' or '1'='1" }, csv(members), 'strict');
    expect(await inferFilters(engine, catalogue, 'GET /export/members.csv', [broken], others)).toEqual([]);
  });
});

describe('a page told to the byte', () => {
  const dataset = { columns: [{ no: 0 }, { no: 1 }] } as unknown as Parameters<typeof exactFit>[0];
  const lengths = [
    [31, 90],
    [47, 60],
    [22, 75],
    [64, 81],
    [40, 66],
  ];
  it('names the columns whose lengths are in every size', () => {
    const fit = exactFit(
      dataset,
      lengths.map(l => ({ k: 10, lengths: l, size: 300 + l[0]!, echo: 2 })),
    );
    expect(fit!.masks).toEqual([1]);
  });
  it('fits nothing when a term without rows is answered like one with rows', () => {
    const shots = lengths.map(l => ({ k: 10, lengths: l, size: 300 + l[0]!, echo: 2 }));
    expect(exactFit(dataset, [...shots, { k: 0, lengths: [0, 0], size: 400, echo: 2 }])!.masks).toEqual([]);
  });
  it('counts for less, the more others come near', () => {
    const near = new Array<number>(farthest + 1).fill(0);
    const far = chanceFits(near, 6);
    near[1] = 3;
    expect(far).toBeLessThan(1e-6);
    expect(chanceFits(near, 6)).toBeGreaterThan(0.04);
  });
});
