import { describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { recordDecision } from '../../src/case/index.ts';
import { assessExposure } from '../../src/exposure/index.ts';
import { cellsOf, type Event, type Incident, openIncident, people } from './incident.ts';

const statement = 'SELECT id, name, address FROM people WHERE id >= $1 ORDER BY id';
const head = 42;
const lineOf = (p: (string | null)[]): number => 3 + [p[0], p[1], p[2]].reduce((n, v) => n + Buffer.byteLength(v ?? ''), 0);
const wholeOf = (from: string): number => people.filter(p => p[0]! >= from).reduce((n, p) => n + lineOf(p), head);

/** Thirty-six whole exports of others, then one of the intruder that ends after `sent` bytes. */
async function exported(sent: number, options: { readonly status?: number; readonly sql?: string } = {}): Promise<Incident> {
  const events: Event[] = [];
  let us = 1_700_000_000_000_000;
  const visit = (from: string, status: number, bytes: number): number => {
    us += 10_000_000;
    const id = (events.length + 1) * 16;
    events.push({ id, cls: 1, us, method: 'GET', path: '/export.csv', query: `from=${from}`, status, bytes });
    events.push({ id: id + 16, cls: 2, us: us + 100, sql: options.sql ?? statement, params: [from], conn: 'c1' });
    return id;
  };
  for (let i = 0; i < 36; i++) {
    const from = String(100 + ((i * 7) % 59));
    visit(from, 200, wholeOf(from));
  }
  const mine = visit('105', options.status ?? 499, sent);
  return openIncident(events, [mine]);
}

/** Records whose every byte was sent. */
function shown(sent: number): Set<string> {
  let sum = head;
  return new Set(people.filter(p => p[0]! >= '105').flatMap(p => ((sum += lineOf(p)) <= sent ? [p[0]!] : [])));
}

async function bounds(kase: Incident): Promise<{ lower: Set<string>; upper: Set<string> }> {
  await assessExposure(kase, quietEffects);
  const cells = Object.entries(await cellsOf(kase));
  const of = (at: 0 | 1, least: number): Set<string> => new Set(cells.filter(([, t]) => Number(t.split('-')[at]) >= least).map(([c]) => c.split('.')[0]!));
  return { lower: of(0, 3), upper: of(1, 2) };
}

describe('an export the client broke off', () => {
  const whole = wholeOf('105');
  it.each([1, 60, 200, 411, 800, 1111, whole - 20, whole])('after %d bytes shows the rows that were sent, and hardly more are possible', async sent => {
    const kase = await exported(sent);
    const { lower, upper } = await bounds(kase);
    const truth = shown(sent);
    expect([...lower].filter(k => !truth.has(k))).toEqual([]);
    expect([...truth].filter(k => !upper.has(k))).toEqual([]);
    expect(truth.size - lower.size).toBeLessThanOrEqual(4);
    expect(upper.size - truth.size).toBeLessThanOrEqual(5);
    kase.close();
  });

  it('without an order shows nothing for certain, and any row is possible', async () => {
    const kase = await exported(800, { sql: 'SELECT id, name, address FROM people WHERE id >= $1' });
    const { lower, upper } = await bounds(kase);
    expect(lower.size).toBe(0);
    expect(upper.size).toBe(55);
    kase.close();
  });

  it('is not cut where a person says that what was sent need not have come in that order', async () => {
    const kase = await exported(800);
    recordDecision(kase.store, 'premise.set', 'R. Kato', 0, { premise: 'sent-in-order', holds: false, reason: '' });
    const { lower, upper } = await bounds(kase);
    expect(lower.size).toBe(0);
    expect(upper.size).toBe(55);
    kase.close();
  });
});
