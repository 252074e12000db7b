import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { inferReads, ownDeviation } from '../../src/exposure/routes/infer-reads.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

let engine: Engine;

/** Every second reader has one loan; each number of a card is 8 long, so its length tells no more than that there is a loan. */
const loans = Array.from({ length: 60 }, (_, i) => [
  String(i + 1),
  String(1000 + 2 * i),
  String(10_000_000 + i * 7919).slice(0, 8),
  'x'.repeat(3 + ((i * 7) % 19)),
  'y'.repeat(2 + ((i * 5) % 23)),
]);

const asked = (n: number, bytes: number, actor: 'strict' | null): Request =>
  request('/readers/{}/loans', n, { 'path.2': String(n) }, { eventId: n, hiUs: n, bytes, durationUs: null, actor, path: `/readers/${n}/loans` });

describe('columns told by the sizes of answers', () => {
  beforeAll(loadParser);
  afterEach(() => engine.close());

  it('are never called hidden when their length is the same in every row', async () => {
    engine = await snapshotEngine([{ name: 'loan', columns: ['id', 'reader', 'card', 'title', 'note'], rows: loans }]);
    const catalogue = await readCatalogue(engine);
    const size = (n: number): number => {
      const l = loans.find(x => x[1] === String(n));
      return l ? 30 + l[1]!.length + l[2]!.length + l[3]!.length : 12;
    };
    const others = Array.from({ length: 110 }, (_, i) => asked(1000 + i, size(1000 + i), null));
    const [read] = await inferReads(engine, catalogue, [asked(1002, size(1002), 'strict')], others, new Set());
    expect(read!.dataset.table).toBe('loan');
    const columns = new Map(read!.dataset.columns.map(c => [c.name, c.no]));
    const text = JSON.stringify(read!.read.select);
    expect(text).toContain('"title"');
    expect(text).toContain('"card"');
    expect(text).not.toContain('"note"');
    expect([...read!.sure]).toContain(columns.get('title'));
    expect([...read!.sure]).not.toContain(columns.get('card'));
  });
});

describe('what a column tells by itself', () => {
  it('is nothing when others tell it, and its spread when they do not', () => {
    const k = [0, 1, 1, 0, 1, 0, 1, 1];
    expect(
      ownDeviation(
        k.map(n => [1, n, 8 * n]),
        2,
      ),
    ).toBe(0);
    expect(
      ownDeviation(
        k.map((n, i) => [1, n, n === 0 ? 0 : 5 + (i % 3)]),
        2,
      ),
    ).toBeGreaterThan(0.1);
  });
});
