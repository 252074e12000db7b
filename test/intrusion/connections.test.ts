import { describe, expect, it } from 'vitest';
import { type Det, type Event, rebuild, T0 } from './rebuilt-actors.ts';

const office = '203.0.113.1';
const lookup = 'SELECT id FROM staff WHERE login = $1 AND password = $2';

/** Where nothing tells clients but their ports: page for signing in, sign-in, its statement, three records a minute apart. */
function visit(at: number, port: number, account: string, form = true): Event[] {
  const of = (seconds: number, target: string, method = 'GET'): Event => ({
    ip: office,
    agent: '',
    port,
    at: at + seconds,
    target,
    method,
    status: method === 'POST' ? 302 : 200,
  });
  return [
    ...(form ? [of(0, '/login')] : []),
    of(5, '/login', 'POST'),
    { ip: '10.0.0.5', agent: '', at: at + 5, sql: lookup, params: JSON.stringify([account, 'x']) },
    ...[1, 2, 3].map(i => of(5 + 60 * i, `/customers/${i}`)),
  ];
}

/** Ten requests within two seconds, of which a detection has all but the first two. */
const burst = (at: number, port: number): Event[] =>
  Array.from({ length: 10 }, (_, i) => ({ ip: office, agent: '', port, at: at + i / 5, target: `/customers/${100 + i}` }));

/** Others whose ports show that connections are held for minutes. */
const others = Array.from({ length: 8 }, (_, i): Event => ({ ip: `198.51.100.${i >> 1}`, agent: '', port: 5000 + (i >> 1), at: i % 2 ? 9000 : 8000 + i }));

type Options = NonNullable<Parameters<typeof rebuild>[2]>;

async function told(
  events: Event[],
  detections: Det[],
  options: Options = {},
): Promise<{ certainty: (n: number) => string; premises: string[]; actors: string[]; problems: string[] }> {
  const r = await rebuild(events, detections, options);
  return {
    certainty: n => r.events.find(e => e.n === n)?.certainty ?? 'none',
    premises: r.premises.map(p => p.premise),
    actors: r.actors.map(a => a.certainty),
    problems: r.problems,
  };
}

describe('clients behind one address told apart by their connections', () => {
  const acts = [2, 3, 4, 5, 6, 7, 8, 9];
  const incident = (second: Event[]): Event[] => [...burst(1000, 4001), ...second, ...others];
  const walk: Det[] = [{ id: 'd1', kind: 'idor-enumeration', events: acts }];

  it('what shares a connection with certain acts is certain, and who signed in over one of its own is not the intruder', async () => {
    const r = await told(incident(visit(2000, 4002, 'mori')), walk);
    expect([0, 1].map(r.certainty)).toEqual(['strict', 'strict']);
    expect([10, 11, 13, 14, 15].map(r.certainty)).toEqual(['none', 'none', 'none', 'none', 'none']);
    expect(r.premises).toEqual(['one-connection-one-client', 'signed-in-as-owner']);
  });

  it('without ports all of it stays possible, and the analyst is told what would have told the clients apart', async () => {
    const r = await told(
      incident(visit(2000, 4002, 'mori')).map(({ port: _, ...e }) => e),
      walk,
    );
    expect([0, 1, 10, 11, 13, 14, 15].map(r.certainty)).toEqual(Array(7).fill('wide'));
    expect(r.premises).toEqual([]);
    expect(r.problems).toContain('intrusion.clients-not-told-apart');
  });

  it('a sign-in without its page, to an account that is known to be taken, or of an account that no log names stays possible', async () => {
    expect((await told(incident(visit(2000, 4002, 'mori', false)), walk)).certainty(12)).toBe('wide');
    expect((await told(incident(visit(2000, 4002, 'mori')), walk, { accounts: ['mori'] })).certainty(13)).toBe('wide');
    const silent = incident(visit(2000, 4002, 'mori').map(e => (e.sql === undefined ? e : { ...e, sql: 'SELECT 1' })));
    expect((await told(silent, walk)).certainty(13)).toBe('wide');
  });

  it('nobody is the owner for certain when the intruder may have read the accounts', async () => {
    const shell: Event = { ip: office, agent: '', port: 4001, at: 1003, target: '/up/x.php' };
    const r = await told([...incident(visit(2000, 4002, 'mori')), shell], [...walk, { id: 'd2', kind: 'web-shell', events: [24] }]);
    expect([13, 14, 15].map(r.certainty)).toEqual(['wide', 'wide', 'wide']);
  });

  it('a machine that gathers the requests of many tells nobody apart: two accounts, or two agents, on one connection', async () => {
    const two = await told(incident([...visit(2000, 4002, 'mori'), ...visit(2300, 4002, 'ono')]), walk);
    expect([0, 10, 13, 19].map(two.certainty)).toEqual(['wide', 'wide', 'wide', 'wide']);
    expect(two.premises).toEqual([]);
  });

  it('a port that comes back after longer than connections are held here may be somebody else’s', async () => {
    const r = await told([...burst(1000, 4001), ...visit(60_000, 4001, 'mori'), ...others], walk);
    expect([0, 1].map(r.certainty)).toEqual(['strict', 'strict']);
    expect([10, 13].map(r.certainty)).toEqual(['none', 'none']);
  });

  it('an analyst who does not hold with either premise is followed', async () => {
    const decide = (premise: string): Options => ({ acts: store => store.append('premise.set', 'analyst', T0, { premise, holds: false, reason: 'a proxy' }) });
    expect((await told(incident(visit(2000, 4002, 'mori')), walk, decide('one-connection-one-client'))).certainty(0)).toBe('wide');
    const owners = await told(incident(visit(2000, 4002, 'mori')), walk, decide('signed-in-as-owner'));
    expect([0, 13].map(owners.certainty)).toEqual(['strict', 'wide']);
  });
});

describe('the misuse of a stated account', () => {
  const session = (events: Event[], name: string): Event[] => events.map(e => (e.sql === undefined ? { ...e, agent: 'Edge', session: name } : e));
  const owner = session(visit(5000, 1, 'mori'), 's2');
  const thief = session(visit(2000, 2, 'mori', false), 's1');
  const cold: Det = { id: 'd1', kind: 'account-takeover', family: 'session', outcome: 'unknown', events: [0, 2, 3, 4], doubtful: true };

  it('is the only sign-in to it that stands out, and then certain', async () => {
    const r = await told([...thief, ...owner], [cold], { accounts: ['mori'] });
    expect(r.actors).toEqual(['strict']);
    expect([0, 2, 3, 4].map(r.certainty)).toEqual(['strict', 'strict', 'strict', 'strict']);
    expect(r.certainty(8)).toBe('none');
    expect(r.premises).toEqual(['stated-account-misused']);
  });

  it('is the only sign-in that there is, whatever it looked like', async () => {
    const r = await told(thief, [], { accounts: ['mori'] });
    expect(r.actors).toEqual(['strict']);
    expect([0, 2, 3, 4].map(r.certainty)).toEqual(['strict', 'strict', 'strict', 'strict']);
  });

  it('is not known where none of several stands out, lines are lost, or somebody else signed in at that moment', async () => {
    const several = await told([...thief, ...owner], [], { accounts: ['mori'] });
    expect([several.actors[0], several.certainty(2)]).toEqual(['wide', 'wide']);
    const lossy = await told([...thief, ...owner], [cold], { accounts: ['mori'], gaps: [[100, 200]], gapReason: 'sequence' });
    expect([lossy.actors[0], lossy.certainty(2)]).toEqual(['wide', 'wide']);
    const beside: Event = { ip: '198.51.100.9', agent: 'Edge', at: 2005, target: '/login', method: 'POST', status: 302, session: 's3' };
    expect((await told([...thief, ...owner, beside], [cold], { accounts: ['mori'] })).actors).toEqual(['wide']);
  });

  it('is not taken from a doubt where another act is certain, nor where the analyst does not hold with it', async () => {
    const other: Event[] = burst(9000, 77).map(e => ({ ...e, ip: '192.0.2.9', agent: 'curl' }));
    const acts = other.map((_, i) => 11 + i);
    const r = await told([...thief, ...owner, ...other], [cold, { id: 'd2', kind: 'idor-enumeration', events: acts }], { accounts: ['mori'] });
    expect(r.certainty(2)).toBe('wide');
  });
});
