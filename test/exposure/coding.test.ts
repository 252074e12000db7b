import { beforeAll, describe, expect, it } from 'vitest';
import type { Statement, StatementLog } from '../../src/exposure/replay/statements.ts';
import { decodedAs, layersOf } from '../../src/exposure/routes/coding.ts';
import { type Instance, instancesOf } from '../../src/exposure/routes/instances.ts';
import { learnRoutes } from '../../src/exposure/routes/learn-routes.ts';
import { echoOf } from '../../src/exposure/routes/size-model.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const minute = 60_000_000;
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
const words = ['tides', 'moss', 'lamp', 'stone', 'river', 'ash', 'fern', 'gorse', 'heath', 'brook'];

/** Readers send words, the intruder one value; each runs `made(word)`, the intruder what is given. */
function instances(made: (v: string) => string, sent: (v: string) => string, attack: string, ran: string | null): { found: Instance[]; ran: Statement | null } {
  const others = words.map((w, i) => request('/books', i * minute, { q: sent(w) }));
  const own = ran === null ? null : statement(500 * minute + 300, ran);
  const statements = [...words.map((w, i) => statement(i * minute + 200, made(w))), ...(own ? [own] : [])];
  const log: StatementLog = { statements, unparseable: [], errors: new Map(), present: true };
  const index = new StatementIndex(statements);
  const routes = learnRoutes(others, log, index, new Map([['GET /books', { all: 11, others: 10 }]]));
  expect(routes).toHaveLength(1);
  return { found: instancesOf([request('/books', 500 * minute, { q: attack }, { actor: 'strict' })], routes, log, index).instances, ran: own };
}

const searched = (v: string): string => `select id, title from book where title like '%${v}%' order by id`;

describe('what a parameter is written in', () => {
  beforeAll(loadParser);

  it('is read as the application reads it', () => {
    expect(decodedAs(base64('北の海'), 'base64')).toBe('北の海');
    expect(decodedAs('8J+YgA== ', 'base64')).toBeUndefined();
    expect(decodedAs('{"filter":{"value":"moss"}}', 'json')).toBe('moss');
    expect(decodedAs('{"a":"x","b":"y"}', 'json')).toBeUndefined();
    expect(decodedAs('moss', 'percent')).toBeUndefined();
    expect(decodedAs('%zz', 'percent')).toBeUndefined();
    expect(layersOf('a%2527b')).toEqual(['a%2527b', 'a%27b', "a'b"]);
  });

  it('is learned from the statements it ends up in', () => {
    const { found, ran } = instances(searched, base64, base64('moss'), searched('moss'));
    expect(found.map(i => [i.statement?.eventId, i.ambiguous, i.injected])).toEqual([[ran!.eventId, false, false]]);
    expect(echoOf(found[0]!.request!.values, [found[0]!.routeRead!])).toBe(4);
  });

  it('hides no injection', () => {
    const attack = `moss%' and 1=1 and 'a%'='a`;
    const { found, ran } = instances(searched, base64, base64(attack), searched(attack));
    expect(found.map(i => [i.statement?.eventId, i.ambiguous, i.injected])).toEqual([[ran!.eventId, false, true]]);
  });

  it('is taken apart once more where the log holds what came of it', () => {
    const attack = `moss%' and 1=1 and 'a%'='a`;
    const { found, ran } = instances(searched, v => v, encodeURIComponent(attack).replaceAll("'", '%27'), searched(attack));
    expect(found.map(i => [i.statement?.eventId, i.ambiguous, i.injected])).toEqual([[ran!.eventId, false, true]]);
  });

  it('leaves open which of the two ran where the log holds neither', () => {
    const attack = `moss%' and 1=1 and 'a%'='a`;
    const { found } = instances(searched, v => v, encodeURIComponent(attack).replaceAll("'", '%27'), null);
    expect(found.map(i => [i.statement, i.injected, i.injected ? i.ambiguous : null])).toEqual([
      [null, true, true],
      [null, false, null],
    ]);
  });

  it('may break out where no quote holds it', () => {
    const byId = (v: string): string => `select id, title from book where id = ${v}`;
    const ids = new Map(words.map((w, i) => [w, String(40 + 3 * i)]));
    const { found, ran } = instances(
      w => byId(ids.get(w) ?? w),
      w => ids.get(w) ?? w,
      '43 and 8=8',
      byId('43 and 8=8'),
    );
    expect(found.map(i => [i.statement?.eventId, i.ambiguous, i.injected])).toEqual([[ran!.eventId, false, true]]);
  });
});
