import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/index.ts';
import { type Bins, judgeTraffic, poissonAtMost } from '../../src/events/coverage/traffic-model.ts';
import { randomOf } from '../fixtures/random.ts';

type Traffic = {
  days: number;
  perHour: (hourOfDay: number, weekday: number, day: number) => number;
  session: number;
  seed: number;
  lost?: readonly (readonly [number, number])[];
  share?: number;
};

/** Visitors come as Poisson, stay for a while and are seen in some of the minutes; lost stretches are cut out. */
function simulate(t: Traffic, width = MINUTE): Bins {
  const random = randomOf(t.seed);
  const start = Date.UTC(2026, 3, 6) * 1000;
  const counts = new Map<number, number>();
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  let most = 0;
  for (let h = 0; h < Math.ceil(t.days * 24); h++) most = Math.max(most, t.perHour(h % 24, Math.floor(h / 24) % 7, Math.floor(h / 24)));
  for (let at = start; ; ) {
    at += (-Math.log(1 - random()) / most) * HOUR;
    if (at >= start + t.days * DAY) break;
    const hour = Math.floor((at - start) / HOUR);
    if (random() * most >= t.perHour(hour % 24, Math.floor(hour / 24) % 7, Math.floor(hour / 24))) continue;
    for (let seen = at; seen < at + t.session; seen += 10 * SECOND + random() * 2 * MINUTE) {
      const inLoss = t.lost?.some(([a, b]) => seen >= start + a && seen < start + b) ?? false;
      if (seen >= start + t.days * DAY || (inLoss && random() >= (t.share ?? 0))) continue;
      const k = Math.floor(seen / width);
      counts.set(k, (counts.get(k) ?? 0) + 1);
      first = Math.min(first, seen);
      last = Math.max(last, seen);
    }
  }
  const keys = [...counts.keys()].sort((a, b) => a - b);
  return {
    at: Float64Array.from(keys),
    count: Float64Array.from(keys.map(k => counts.get(k)!)),
    width,
    firstUs: first,
    lastUs: last,
  };
}

const none = (): number => 0;
const office = (hour: number, weekday: number): number => (weekday >= 5 ? 2 : hour >= 9 && hour < 18 ? 120 : hour >= 7 && hour < 22 ? 20 : 1);
const shop = (hour: number): number => 60 + 50 * Math.sin(((hour - 8) / 24) * 2 * Math.PI);
const start = Date.UTC(2026, 3, 6) * 1000;

describe('judgeTraffic', () => {
  it('is calm on ordinary nights, weekends and a holiday', () => {
    let reports = 0;
    for (let seed = 1; seed <= 10; seed++) {
      for (const days of [1.5, 3, 6, 10, 28]) {
        reports += judgeTraffic(simulate({ days, perHour: seed % 2 ? office : shop, session: (seed % 4) * 3 * MINUTE + MINUTE, seed }), none).stretches.length;
      }
    }
    expect(reports).toBeLessThanOrEqual(1);
  });
  it('finds hours cut out of a busy day, whatever the length of the log', () => {
    let found = 0;
    let tried = 0;
    for (let seed = 1; seed <= 10; seed++) {
      for (const days of [1, 5, 21]) {
        const from = Math.floor(days / 2) * DAY + 10.5 * HOUR;
        const lost = [from, from + 3 * HOUR] as const;
        const bins = simulate({
          days,
          perHour: seed % 2 ? (h, w) => office(h, w % 5) : shop,
          session: 2 * MINUTE,
          seed,
          lost: [lost],
        });
        const hit = judgeTraffic(bins, none).stretches.find(
          s => s.kind === 'silent' && s.fromUs <= start + lost[0] + 20 * MINUTE && s.toUs >= start + lost[1] - 20 * MINUTE,
        );
        tried++;
        if (hit) found++;
      }
    }
    expect(found / tried).toBeGreaterThanOrEqual(0.95);
  });
  it('finds a lost night in a month of traffic that has nights', () => {
    const lost = [15 * DAY, 15 * DAY + 24 * HOUR] as const;
    const report = judgeTraffic(simulate({ days: 30, perHour: shop, session: MINUTE, seed: 7, lost: [lost] }), none);
    expect(report.model).toBe('hour-of-week');
    expect(report.stretches.some(s => s.kind === 'silent' && s.toUs - s.fromUs > 23 * HOUR)).toBe(true);
  });
  it('finds one of four web servers missing for a day', () => {
    const bins = simulate({ days: 35, perHour: () => 400, session: MINUTE, seed: 3, lost: [[20 * DAY, 21 * DAY]], share: 0.5 });
    const thin = judgeTraffic(bins, none).stretches.filter(s => s.kind === 'thin');
    expect(thin.length).toBeGreaterThan(0);
    for (const s of thin) expect(s.fromUs >= start + 20 * DAY - HOUR && s.toUs <= start + 21 * DAY + HOUR).toBe(true);
  });
  it('says nothing about a log of a few lines or a few minutes', () => {
    expect(
      judgeTraffic(
        {
          at: Float64Array.from([1, 2, 50]),
          count: Float64Array.from([1, 1, 1]),
          width: MINUTE,
          firstUs: MINUTE,
          lastUs: 51 * MINUTE,
        },
        none,
      ).stretches,
    ).toEqual([]);
    for (let seed = 1; seed <= 20; seed++) {
      for (const perHour of [300, 3000, 20_000]) {
        expect(judgeTraffic(simulate({ days: 0.003 * (1 + (seed % 5)), perHour: () => perHour, session: 20 * SECOND, seed }, SECOND), none).stretches).toEqual(
          [],
        );
      }
      expect(judgeTraffic(simulate({ days: 0.01, perHour: () => 3000, session: MINUTE, seed }, 10 * SECOND), none).stretches).toEqual([]);
    }
  });
});

describe('poissonAtMost', () => {
  it('agrees with values from tables', () => {
    expect(poissonAtMost(0, 13.8155)).toBeCloseTo(1e-6, 9);
    expect(poissonAtMost(2, 5)).toBeCloseTo(0.124652, 5);
    expect(poissonAtMost(10, 5)).toBe(1);
  });
});
