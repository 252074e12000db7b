import { afterAll, beforeAll, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { request, signIn } from '../fixtures/clerk-requests.ts';
import { type EventRow, loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

async function walkers(rows: readonly EventRow[]): Promise<string[]> {
  await loadEvents(
    engine,
    [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  return (
    await engine.rows<{ src_ip: string }>(
      'test',
      sql`select distinct src_ip from detection join detection_event using (detection_id) join event using (event_id) where rule_id in ('id-enumeration', 'slow-scrape', 'ordered-walk') order by 1`,
    )
  ).map(r => r.src_ip);
}

/** Readers of thirty pages, the first ones signed in, and one who calls up four hundred numbers. */
const site = (page: (n: number) => string, signedIn: number, gap = 0.3): EventRow[] => [
  ...Array.from({ length: 24 }, (_, u) => [
    ...(u < signedIn ? [request(u * 50, `203.0.113.${u}`, 'GET /login'), signIn(u * 50 + 5, `203.0.113.${u}`)] : []),
    ...Array.from({ length: 12 }, (_, i) => request(u * 50 + 20 + i * 31, `203.0.113.${u}`, `GET ${page((u * 7 + i * 11) % 30)}`)),
  ]).flat(),
  ...Array.from({ length: 400 }, (_, i) => request(3000 + i * gap, '66.249.66.10', `GET ${page(i)}`)),
];

const pathOf = (path: string, n: number) => requestColumns(`GET ${path}?id=${n} HTTP/1.1`);
const numberOf = (r: EventRow): number => Number(/id=([0-9]+)/.exec(String(r['target']))![1]);

it('who walks through pages that everybody reads is no walker', async () => {
  expect(await walkers(site(n => `/news.php?id=${n}`, 8))).toEqual([]);
});

it('nor is who reads them all in the course of days, in order or in none', async () => {
  for (const order of [(n: number) => n, (n: number) => (n * 151) % 400]) {
    const rows = (path: string, signedIn: number): EventRow[] =>
      site(n => `${path}?id=${n}`, signedIn, 400).map(r => (r['src_ip'] === '66.249.66.10' ? { ...r, ...pathOf(path, order(numberOf(r))) } : r));
    expect(await walkers(rows('/news.php', 8))).toEqual([]);
    expect(await walkers(rows('/customer.php', 24))).toEqual(['66.249.66.10']);
  }
});

it('where all who read sign in, or each reads what nobody else does, the walk stands', async () => {
  expect(await walkers(site(n => `/customer.php?id=${n}`, 24))).toEqual(['66.249.66.10']);
  const own = site(n => `/order?id=${n}`, 0).map((r, i) =>
    r['src_ip'] === '66.249.66.10' ? r : { ...r, ...request(i, '', `GET /order?id=${1000 + i}`), src_ip: r['src_ip']!, time_us: r['time_us']! },
  );
  expect(await walkers(own)).toEqual(['66.249.66.10']);
});

it('a number at the end of a code is the number of a record; an opaque id is none', async () => {
  const codes = (code: (n: number) => string): EventRow[] => site(n => `/receipt?no=${code(n)}`, 24);
  expect(await walkers(codes(n => `R2024-${10_000 + n}`))).toEqual(['66.249.66.10']);
  expect(await walkers(codes(n => `${(n * 2654435761).toString(16).padStart(12, 'a')}-${(n * 40503).toString(16).padStart(12, 'b')}-${n}`))).toEqual([]);
});
