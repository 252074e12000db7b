import { expect, test } from 'vitest';
import { personAt } from '../../src/drills/people.ts';

test('nobody shares surname, given name, birth date and home with another: such records could not be told apart by anyone', () => {
  for (const seed of [1, 22, 23, 77]) {
    const seen = new Map<string, number>();
    let twins = 0;
    for (let no = 0; no < 20_000; no++) {
      const p = personAt(seed, no);
      const place = `${p.surname.text}|${p.birthDate}|${JSON.stringify(p.home)}`;
      if (seen.has(place)) twins++;
      seen.set(place, no);
      const key = `${place}|${p.given.text}`;
      expect([seed, no, seen.get(key)]).toEqual([seed, no, undefined]);
      seen.set(key, no);
    }
    expect(twins).toBeGreaterThan(100);
  }
});
