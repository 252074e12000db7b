import { describe, expect, it } from 'vitest';
import { strayAttempts } from '../../src/intrusion/attempts.ts';
import type { DetectionRow } from '../../src/intrusion/tables.ts';

const H = 3_600_000_000;
const doing = (...list: [outcome: string, fromHour: number, toHour: number, score?: number][]) => ({
  detections: list.map(
    ([outcome, from, to, best_score = 15], i): DetectionRow => ({
      detection_id: `d${i}`,
      rule_id: 'sqli-union',
      kind: 'sqli-union',
      family: 'sqli',
      level: 'high',
      outcome,
      first_us: from * H,
      last_us: to * H,
      events: 5,
      group_key: '',
      facts: JSON.stringify({ best_score }),
    }),
  ),
});

describe('who only tried', () => {
  const intruder = doing(['attempted', 40, 41], ['succeeded', 50, 52]);
  it('is nobody certain without an intrusion, whatever was tried', () => {
    const scanner = doing(['attempted', 0, 4], ['blocked', 5, 6]);
    expect(strayAttempts([scanner])).toEqual(new Set([scanner]));
  });
  it('prepared an intrusion in the day before it, not long before and not after it', () => {
    const [before, long, after, all] = [doing(['attempted', 45, 48]), doing(['attempted', 10, 11]), doing(['attempted', 53, 54]), doing(['attempted', 40, 60])];
    expect(strayAttempts([before, long, after, all, intruder])).toEqual(new Set([long, after, all]));
  });
  it('with many who try, only the hour before counts', () => {
    const many = [47, 47, 47, 47, 49.5, 44].map(h => doing(['attempted', h, h + 0.1]));
    expect(strayAttempts([...many, intruder])).toEqual(new Set(many.filter(a => a !== many[4])));
  });
  it('words of little weight whose fate is unknown are an attempt; heavier ones are not', () => {
    const [weak, heavy] = [doing(['unknown', 55, 56, 5]), doing(['unknown', 55, 56, 9])];
    expect(strayAttempts([weak, heavy, intruder])).toEqual(new Set([weak]));
    const look = { detections: doing(['unknown', 55, 56]).detections.map(d => ({ ...d, kind: 'scan' })) };
    expect(strayAttempts([look, intruder])).toEqual(new Set([look]));
  });
});
