import { expect, test } from 'vitest';
import { personAt } from '../../src/drills/people.ts';

test('nobody of one surname shares a given name or its reading with another in the house: their records could not be told apart by anyone', () => {
  for (const seed of [1, 22, 23, 77]) {
    const seen = new Map<string, number>();
    let twins = 0;
    for (let no = 0; no < 20_000; no++) {
      const p = personAt(seed, no);
      const home = `${p.surname.text}|${JSON.stringify(p.home)}`;
      if (seen.has(`${home}|${p.birthDate}`)) twins++;
      seen.set(`${home}|${p.birthDate}`, no);
      for (const name of [p.given.text, p.given.kana]) {
        expect([seed, no, seen.get(`${home}|${name}`)]).toEqual([seed, no, undefined]);
        seen.set(`${home}|${name}`, no);
      }
    }
    expect(twins).toBeGreaterThan(100);
  }
});
