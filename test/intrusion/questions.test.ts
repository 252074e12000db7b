import { describe, expect, it } from 'vitest';
import { readInjection } from '../../src/intrusion/injection/condition.ts';
import { evaluate } from '../../src/intrusion/injection/evaluate.ts';
import { printExpr } from '../../src/intrusion/injection/print.ts';

const value = '(select tel from people order by no limit 1 offset 0)';

/** What a text asks about and the condition, with `?u` for the value. */
function asked(text: string): [string | null, string] | null {
  const q = readInjection(text.replaceAll('V', value), false)?.question;
  return q ? [q.unknown && printExpr(q.unknown, { keys: true }), printExpr(q.condition, { keys: true })] : null;
}
const tel = 'SELECT tel FROM people ORDER BY no LIMIT 1 OFFSET 0';

describe('what an injected text asks', () => {
  it('a fork whose branches are columns of the statement itself, as in ORDER BY', () => {
    expect(asked(`(case when substr(V,1,1)='a' then name else price end)`)).toEqual([`(${tel})`, `SUBSTR("?u", 1, 1) = 'a'`]);
    expect(asked('if(ascii(V)>70,name,price)')).toEqual([`(${tel})`, 'ASCII("?u") > 70']);
    expect(asked('(case when 1=2 then name else price end)')).toEqual([null, '1 = 2']);
    expect(asked('(case when kind=1 then name else price end)')?.[1]).not.toBe('kind = 1');
  });

  it('POSITION and SIMILAR TO mean what they say', () => {
    expect(asked("1 and position('a' in V)=3")).toEqual([`(${tel})`, `POSITION('a', "?u") = 3`]);
    expect(asked("1 and substr(V,1,1) similar to '[a-m]'")).toEqual([`(${tel})`, `SUBSTR("?u", 1, 1) REGEXP '^[a-m]$'`]);
    expect(asked("1 and V similar to 'a.%(b|c)_'")?.[1]).toBe(`"?u" REGEXP '^(a\\..*(b|c).)$'`);
  });

  it('a value whose bearing on the answer nobody can tell is asked about all the same', () => {
    expect(asked('elt(1+(ascii(V)&1),name,price)')?.[0]).toBe(`(${tel})`);
    expect(asked('(select no from rooms where no=ascii(substr(V,1,1))%12)')?.[0]).toBe(`(${tel})`);
    expect(asked('(select no from rooms where no=(select max(no) from rooms))')?.[0]).toContain('FROM rooms WHERE');
  });
});

it('what stands around a question is one text for all its constants, in a sub-select of FROM too', () => {
  const around = (payload: string): unknown => {
    const q = readInjection(payload.replace('V', value), false)?.question;
    return q && [q.technique, q.shape, q.delay];
  };
  const asleep = (p: number, n: number): unknown => around(`x' AND (SELECT 4711 FROM (SELECT(SLEEP(2-(IF(ORD(MID(V,${p},1))>${n},0,2)))))qzvbq)#`);
  expect(asleep(7, 99)).toEqual(asleep(1, 64));
  expect(asleep(1, 64)).toEqual(['time', expect.stringContaining('?condition'), 2]);
});

it('places of letters: both cases are one where the dialect folds them, and nothing is said where that is open', () => {
  const place = (call: string, dialect: 'mysql' | 'postgresql' | 'any'): unknown => {
    const condition = readInjection(`1 and ${call}=1 and V=1`.replace('V', "'x'"), false)!.fragment.exprs[0]!;
    const calls: unknown[] = [];
    const visit = (e: unknown): void => {
      if (e === null || typeof e !== 'object') return;
      const x = e as { t?: string; name?: string };
      if (x.t === 'call' && x.name !== 'BINARY') calls.push(evaluate(e as never, { dialect, vars: new Map() }));
      else for (const c of Object.values(e)) visit(c);
    };
    visit(condition);
    return calls[0];
  };
  expect(place("locate('B','abAB')", 'mysql')).toBe(2);
  expect(place("locate(binary 'B','abAB')", 'mysql')).toBe(4);
  expect(place("strpos('abAB','B')", 'postgresql')).toBe(4);
  expect(place("instr('abAB','B')", 'any')).toBeUndefined();
  expect(place("instr('abAB','b')", 'any')).toBe(2);
  expect(place("find_in_set('B','a,b,B')", 'mysql')).toBe(2);
});
