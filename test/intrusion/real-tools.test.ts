import { describe, expect, it } from 'vitest';
import { type InjectionEvent, type RebuiltCell, rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { injectionEvent } from '../fixtures/injection-event.ts';

type Question = { readonly condition: string; readonly holds: boolean };

/** One page, larger where the condition holds; `sizes` for pages that are neither. */
function play(questions: readonly Question[], sizes: Readonly<Record<number, number>> = {}): readonly RebuiltCell[] {
  const events = questions.map(
    ({ condition, holds }, i): InjectionEvent =>
      injectionEvent({
        event_id: (i + 1) * 16,
        at_us: i * 100_000,
        query: `code=${encodeURIComponent(`7' AND ${condition} AND 'a'='a`)}`,
        bytes_out: sizes[i] ?? (holds ? 300 : 220),
      }),
  );
  return rebuildInjections(events).cells;
}

/** Every letter by halves over ASCII; `toEnd`: the place behind the last letter too. */
function spell(subject: (position: number) => string, value: string, toEnd: boolean): Question[] {
  const out: Question[] = [];
  for (let p = 1; p <= value.length + (toEnd ? 1 : 0); p++) {
    const code = value.charCodeAt(p - 1) || 0;
    for (let lo = 0, hi = 127; lo < hi; ) {
      const mid = (lo + hi) >> 1;
      out.push({ condition: `${subject(p)}>${mid}`, holds: code > mid });
      if (code > mid) lo = mid + 1;
      else hi = mid;
    }
  }
  return out;
}

const valueOf = (cells: readonly RebuiltCell[], column: string, ordinal: number): string | null =>
  cells.find(c => c.binding.column === column && c.binding.ordinal === ordinal)?.solution.value ?? null;

describe('a length that was read before the letters', () => {
  const member = (column: string, k: number) => (p: number) =>
    `ASCII(SUBSTRING((SELECT COALESCE(CAST(${column} AS TEXT),CHR(32)) FROM staff ORDER BY id OFFSET ${k} LIMIT 1)::text FROM ${p} FOR 1))`;
  const logins = ['aoki', 'b', 'chiba01'];

  it('says where the value ends, although nothing was asked behind its last letter', () => {
    const cells = play(logins.flatMap((v, k) => [...spell(member('LENGTH(login)', k), String(v.length), true), ...spell(member('login', k), v, false)]));
    expect(logins.map((_, k) => valueOf(cells, 'login', k))).toEqual(logins);
  });

  it('leaves a value open that has fewer known letters, or whose length nobody asked', () => {
    const short = play(logins.flatMap((v, k) => [...spell(member('LENGTH(login)', k), String(v.length + 1), true), ...spell(member('login', k), v, false)]));
    expect(logins.map((_, k) => valueOf(short, 'login', k))).toEqual([null, null, null]);
    const unmeasured = play(logins.flatMap((v, k) => spell(member('login', k), v, false)));
    expect(logins.map((_, k) => valueOf(unmeasured, 'login', k))).toEqual([null, null, null]);
  });
});

describe('a value guessed as a hexadecimal literal', () => {
  const points = (k: number) => `(SELECT points FROM shop.member ORDER BY id LIMIT ${k},1)`;
  const letter = (k: number) => (p: number) => `ORD(MID(${points(k)},${p},1))`;
  const hex = (text: string) => `0x${Buffer.from(text).toString('hex')}`;

  it('is a number beside a column of numbers: a "no" to 54 does not speak against 54', () => {
    const cells = play(['54', '41129', '0'].flatMap((v, k) => [...spell(letter(k), v, true), { condition: `${points(k)}=${hex(v)}`, holds: false }]));
    expect([0, 1, 2].map(k => valueOf(cells, 'points', k))).toEqual(['54', '41129', '0']);
  });

  it('is the value where the answer was "yes" and no column holds that number', () => {
    const cells = play([...spell(letter(0), 'x1', true), ...spell(letter(1), 'y2', true), { condition: `${points(2)}=${hex('070123')}`, holds: true }]);
    expect(valueOf(cells, 'points', 2)).toBe('070123');
  });

  it('leaves open which of the two it is where both can be', () => {
    const cells = play([...spell(letter(0), 'x1', true), ...spell(letter(1), 'y2', true), { condition: `${points(2)}=${hex('0')}`, holds: true }]);
    expect(valueOf(cells, 'points', 2)).toBeNull();
  });
});

it('a few odd pages beside one kind of answer do not become the other kind because nothing contradicts them', () => {
  const letter = (k: number) => (p: number) => `ASCII(SUBSTRING((SELECT note FROM memo ORDER BY id OFFSET ${k} LIMIT 1)::text FROM ${p} FOR 1))`;
  const values = ['zyzy', 'xzxz'];
  const asked = values.flatMap((v, k) => spell(letter(k), v, true));
  // a third value was changed while it was read: each place of it says yes and no to one question
  const changed = [1, 2, 3, 4].flatMap(p => [true, false].map(holds => ({ condition: `${letter(2)(p)}>64`, holds })));
  const cells = play([...asked, ...changed, ...changed.slice(0, 2)], { [asked.length + changed.length]: 500, [asked.length + changed.length + 1]: 500 });
  expect([0, 1, 2].map(k => valueOf(cells, 'note', k))).toEqual(['zyzy', 'xzxz', null]);
});
