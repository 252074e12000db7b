import { describe, expect, it } from 'vitest';
import { linkStatements } from '../../src/intrusion/index.ts';
import { type Det, type Event, rebuild, S, T0 } from './rebuilt-actors.ts';

describe('actors', () => {
  it('injected statements name neither the application’s host nor its connection as the intruder', async () => {
    const statement = (at: number, sqlText: string): Event => ({ ip: '10.0.0.5', agent: '', at, sql: sqlText, account: 'web' });
    const events = [
      ...Array.from({ length: 9 }, (_, i) => statement(i, `SELECT a FROM q WHERE n = ${i}`)),
      ...Array.from({ length: 9 }, (_, i) => statement(20 + i, `SELECT a FROM q WHERE n = 1 AND ASCII(MID((SELECT 1),${i},1))>64`)),
    ];
    const r = await rebuild(events, [{ id: 'd1', kind: 'sqli-boolean', family: 'sqli', events: [9, 10, 11, 12, 13, 14, 15, 16, 17] }]);
    expect(r.actors.map(a => [a.ips, a.certainty])).toEqual([[[], 'strict']]);
    expect(r.events.map(e => e.n)).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17]);
  });

  it('what a shell makes a database client run is the intruder’s; a client that also works at other times, or once by chance, is not', async () => {
    const events: Event[] = Array.from(
      { length: 400 },
      (_, i): Event => (i % 2 ? { ip: `203.0.113.${i % 40}`, agent: 'Chrome', at: i * 30 } : { ip: '10.0.0.5', agent: '', at: i * 30, sql: 'SELECT 1 FROM t' }),
    );
    const shell = [6001, 6040, 6090].map(at => events.push({ ip: '198.51.100.7', agent: 'curl', at, target: '/up/x.php' }) - 1);
    const run = [6001, 6040, 6090].map(at => events.push({ ip: '10.0.0.5', agent: '', at: at + 1, sql: 'SELECT * FROM people', program: 'psql' }) - 1);
    const doubtful = [500, 6041].map(at => events.push({ ip: '10.0.0.5', agent: '', at, sql: 'SELECT count(*) FROM people', program: 'admin-tool' }) - 1);
    const { events: found } = await rebuild(events, [{ id: 'd1', kind: 'web-shell', events: shell }]);
    const of = (list: number[]): string[] => list.map(n => found.find(e => e.n === n)?.certainty ?? 'none');
    expect(of(run)).toEqual(['strict', 'strict', 'strict']);
    expect(of(doubtful)).toEqual(['none', 'none']);
    expect(found.filter(e => events[e.n]!.sql === 'SELECT 1 FROM t')).toEqual([]);
  });

  it('the machine of somebody who copied tables at the database came for that alone: all it did is his; of a doubt it is a doubt', async () => {
    const app = Array.from({ length: 600 }, (_, i): Event => ({ ip: '10.0.0.5', agent: '', at: i * 300, sql: 'SELECT 1 FROM t', connection: `p${i % 4}` }));
    const visit = (ip: string, at: number): Event[] =>
      [0, 1, 2].map(i => ({ ip, agent: '', at: at + i * 60, sql: i === 2 ? 'COPY people TO STDOUT' : 'SELECT * FROM people', connection: `${at}-${i}` }));
    const played = async (doubtful: boolean, also: Event[] = []) => {
      const r = await rebuild([...app, ...visit('10.9.9.9', 90_000), ...also], [{ id: 'd1', kind: 'db-dump', events: [602], doubtful }]);
      return r.events.map(e => [e.n, e.certainty]);
    };
    expect(await played(false)).toEqual([600, 601, 602].map(n => [n, 'strict']));
    expect(await played(true)).toEqual([600, 601, 602].map(n => [n, 'wide']));
    expect(await played(false, visit('10.9.9.9', 10_000))).toEqual([600, 601, 602, 603, 604, 605].map(n => [n, n === 602 ? 'strict' : 'wide']));
  });

  it('where the log names no programs, a connection that only shell requests use is the intruder’s; one of many connections, or one used once, is not', async () => {
    const played = async (connections: number): Promise<string[]> => {
      const events: Event[] = Array.from(
        { length: 400 },
        (_, i): Event => ({ ip: '10.0.0.5', agent: '', at: i * 30, sql: 'SELECT 1 FROM t', connection: `p${i % connections}` }),
      );
      const shell = [6001, 6040, 6090].map(at => events.push({ ip: '198.51.100.7', agent: 'curl', at, target: '/up/x.php' }) - 1);
      const own = [6001, 6040, 6090].map(at => events.push({ ip: '10.0.0.5', agent: '', at: at + 1, sql: 'SELECT * FROM people', connection: 'own' }) - 1);
      const once = events.push({ ip: '10.0.0.5', agent: '', at: 6041, sql: 'SELECT name FROM town', connection: 'once' }) - 1;
      const { events: found } = await rebuild(events, [{ id: 'd1', kind: 'web-shell', events: shell }]);
      return [...own, once].map(n => found.find(e => e.n === n)?.certainty ?? 'none');
    };
    expect(await played(4)).toEqual(['strict', 'strict', 'strict', 'none']);
    expect(await played(400)).toEqual(['none', 'none', 'none', 'none']);
  });

  it('people behind the same address are not the intruder', async () => {
    const events: Event[] = [];
    for (let u = 0; u < 200; u++)
      for (let k = 0; k < 3; k++) events.push({ ip: '203.0.113.1', agent: u % 2 ? 'Chrome' : 'Edge', session: `s${u}`, at: u * 10 + k });
    const attack = Array.from({ length: 40 }, (_, i) => events.push({ ip: '203.0.113.1', agent: 'Chrome', session: 'evil', at: 500 + i }) - 1);
    events.push({ ip: '203.0.113.1', agent: 'Chrome', session: 'evil', at: 499 });
    const r = await rebuild(events, [{ id: 'd1', kind: 'idor-enumeration', events: attack }]);
    expect(r.actors).toHaveLength(1);
    expect(r.events.filter(e => e.certainty === 'strict').map(e => e.n)).toEqual([...attack, events.length - 1].sort((a, b) => a - b));
    expect(r.events.every(e => events[e.n]!.session === 'evil')).toBe(true);
  });

  it('an address that only a doubtful detection names is possible, however certain the actor is at another one', async () => {
    const events: Event[] = [
      ...Array.from({ length: 4 }, (_, i): Event => ({ ip: '192.0.2.8', agent: 'A', session: 's1', at: i })),
      { ip: '192.0.2.8', agent: 'A', session: null, at: 5 },
      ...Array.from({ length: 4 }, (_, i): Event => ({ ip: '192.0.2.9', agent: 'A', session: 's1', at: 10 + i })),
      { ip: '192.0.2.9', agent: 'A', session: null, at: 15 },
    ];
    const r = await rebuild(events, [
      { id: 'd1', kind: 'account-takeover', events: [0, 1, 2, 3], doubtful: true, outcome: 'unknown' },
      { id: 'd2', kind: 'idor-enumeration', events: [5, 6, 7, 8] },
    ]);
    expect(r.actors).toMatchObject([{ certainty: 'strict', ips: ['192.0.2.8', '192.0.2.9'] }]);
    expect(r.events.filter(e => e.certainty === 'strict').map(e => e.n)).toEqual([5, 6, 7, 8, 9]);
    expect(r.events.filter(e => e.certainty === 'wide').map(e => e.n)).toEqual([0, 1, 2, 3, 4]);
  });

  it('without sessions, other agents on the address stay out and the same agent is only possible', async () => {
    const events: Event[] = [];
    for (let u = 0; u < 60; u++) events.push({ ip: '203.0.113.1', agent: u % 2 ? 'Chrome' : 'Edge', at: u * 100 });
    const attack = Array.from({ length: 25 }, (_, i) => events.push({ ip: '203.0.113.1', agent: 'Chrome', at: 3000 + i }) - 1);
    const r = await rebuild(events, [{ id: 'd1', kind: 'scan', events: attack }]);
    expect(r.events.filter(e => e.certainty === 'strict').map(e => e.n)).toEqual(attack);
    expect(r.events.some(e => events[e.n]!.agent === 'Edge')).toBe(false);
  });

  it('where nothing but the address tells a client, a burst between the visits of others is the intruder’s and his address is not', async () => {
    const at = (second: number, target = '/home', more: Partial<Event> = {}): Event => ({ ip: '203.0.113.1', agent: '', at: second, target, ...more });
    const burst = Array.from({ length: 30 }, (_, i) => at(20_000 + i, `/customers/${i}`));
    const certain = async (others: Event[]): Promise<{ burst: number; others: string[] }> => {
      const events = [...burst, ...others];
      const r = await rebuild(events, [{ id: 'd1', kind: 'idor-enumeration', events: burst.map((_, i) => i) }]);
      const of = new Map(r.events.map(e => [e.n, e.certainty]));
      return { burst: burst.filter((_, i) => of.get(i) === 'strict').length, others: others.map((_, i) => of.get(30 + i) ?? 'none') };
    };
    const list = at(20_005, '/customers?page=1');
    expect(await certain([list, at(19_000)])).toEqual({ burst: 30, others: ['strict', 'strict'] });
    expect(await certain([list, at(17_000)])).toEqual({ burst: 30, others: ['wide', 'wide'] });
    expect(await certain([list, at(20_006, '/login', { method: 'POST', status: 302 })])).toEqual({ burst: 30, others: ['wide', 'wide'] });
    expect(await certain([list, at(20_006, '/static/app.css')])).toEqual({ burst: 30, others: ['wide', 'wide'] });
    expect(await certain([list, at(20_006, '/login', { method: 'POST', status: 401 })])).toEqual({ burst: 30, others: ['strict', 'strict'] });
  });

  it('a doubtful visit beside the burst is no sign that the address is one hand’s', async () => {
    const burst = Array.from({ length: 30 }, (_, i): Event => ({ ip: '203.0.113.1', agent: '', at: 20_000 + i }));
    const events = [...burst, ...burst.slice(0, 8).map(e => ({ ...e, at: e.at - 3000 })), { ...burst[0]!, at: 20_031 }];
    const sure: Det = { id: 'd1', kind: 'idor-enumeration', events: burst.map((_, i) => i) };
    const r = await rebuild(events, [sure, { ...sure, id: 'd2', outcome: 'unknown', events: [30, 31, 32, 33, 34, 35, 36, 37], doubtful: true }]);
    expect(r.events.filter(e => e.certainty === 'strict').map(e => e.n)).toEqual(burst.map((_, i) => i));
    expect(r.events).toHaveLength(events.length);
  });

  it('of a stated account that no log names, whose intruder nothing points at, any sign-in may be', async () => {
    const login = (ip: string, second: number, status = 302): Event => ({ ip, agent: 'Chrome', at: second, target: '/login', method: 'POST', status });
    const page = (ip: string, second: number): Event => ({ ip, agent: 'Chrome', at: second, target: '/customers/1' });
    const events = [page('192.0.2.1', 0), login('192.0.2.1', 10), page('192.0.2.1', 20), page('192.0.2.1', 80_000)];
    events.push(login('192.0.2.2', 30, 401), page('192.0.2.2', 40), login('192.0.2.3', 90));
    const r = await rebuild(events, [], { accounts: ['tanaka'] });
    expect(r.events.map(e => [e.n, e.certainty])).toEqual([1, 2, 3, 6].map(n => [n, 'wide']));
  });

  it('one session on two addresses is one actor; two addresses alone are two', async () => {
    const events: Event[] = [1, 2, 3, 4].map(k => ({ ip: k % 2 ? '192.0.2.1' : '192.0.2.2', agent: 'x', session: 'one', at: k }));
    const two = events.map(e => ({ ...e, session: null }));
    const detections: Det[] = [
      { id: 'a', kind: 'idor-enumeration', events: [0, 2] },
      { id: 'b', kind: 'mass-export', events: [1, 3] },
    ];
    expect((await rebuild(events, detections)).actors.map(a => a.ips)).toEqual([['192.0.2.1', '192.0.2.2']]);
    expect((await rebuild(two, detections)).actors).toHaveLength(2);
  });

  it('what an analyst sets aside or confirms is kept over a rebuild', async () => {
    const events: Event[] = Array.from({ length: 30 }, (_, i) => ({ ip: i < 15 ? '192.0.2.1' : '192.0.2.9', agent: 'x', at: i * 60 }));
    const detections: Det[] = [
      { id: 'a', kind: 'scan', events: [...Array(15).keys()] },
      { id: 'b', kind: 'mass-export', events: [15, 16] },
    ];
    const r = await rebuild(events, detections, {
      acts: (store, steps) => {
        store.append('step.dismissed', 'analyst', T0, { step_id: steps[0] });
        store.append('step.confirmed', 'analyst', T0, { step_id: steps[1] });
      },
    });
    expect(r.steps.map(s => s.kind)).toEqual(['mass-export']);
    expect(JSON.parse(r.steps[0]!.facts)).toMatchObject({ confirmed_by: 'analyst' });
    expect(r.actors.map(a => a.ips)).toEqual([['192.0.2.9']]);
    const merged = await rebuild(events, detections, { acts: store => store.append('actor.merged', 'analyst', T0, { ips: ['192.0.2.1', '192.0.2.9'] }) });
    expect(merged.actors.map(a => a.ips)).toEqual([['192.0.2.1', '192.0.2.9']]);
  });

  it('what an analyst splits stays apart over rebuilds', async () => {
    const events: Event[] = [1, 2, 3, 4].map(k => ({ ip: k % 2 ? '192.0.2.1' : '192.0.2.2', agent: 'x', session: 'one', at: k }));
    const detections: Det[] = [
      { id: 'a', kind: 'idor-enumeration', events: [0, 2] },
      { id: 'b', kind: 'mass-export', events: [1] },
      { id: 'c', kind: 'scan', events: [3] },
    ];
    const r = await rebuild(events, detections, { acts: store => store.append('actor.split', 'analyst', T0, { ips: ['192.0.2.2'] }) });
    expect(r.actors.map(a => a.ips)).toEqual([['192.0.2.1'], ['192.0.2.2']]);
    expect(r.steps.map(s => s.kind).sort()).toEqual(['idor-enumeration', 'mass-export', 'scan']);
  });

  it('a doubtful step that an analyst confirms makes its actor certain', async () => {
    const events: Event[] = Array.from({ length: 20 }, (_, i) => ({ ip: '192.0.2.1', agent: 'x', at: i * 60 }));
    const detections: Det[] = [{ id: 'a', kind: 'mass-export', events: [3, 4, 5], doubtful: true }];
    const plain = await rebuild(events, detections);
    expect([plain.actors[0]!.certainty, plain.window['start_basis']]).toEqual(['wide', 'possible-actor:log-begins-just-before']);
    const sure = await rebuild(events, detections, { acts: (store, steps) => store.append('step.confirmed', 'analyst', T0, { step_id: steps[0] }) });
    expect([sure.actors[0]!.certainty, sure.window['start_basis']]).toEqual(['strict', 'log-begins-just-before']);
    expect(sure.steps.map(s => s.step_id)).toEqual(plain.steps.map(s => s.step_id));
  });

  it('a stated account that only the database log names: whoever signed in at that moment may be the intruder, nobody else', async () => {
    const looked = { sql: 'select id from agents where login = $1 and password = $2', params: '["agent006","x"]' };
    const events: Event[] = [
      { ip: '203.0.113.9', agent: 'Chrome', session: 'early', target: '/login', method: 'POST', at: 10 },
      { ip: '203.0.113.9', agent: 'Chrome', session: 'taken', target: '/login', method: 'POST', at: 500 },
      { ip: '10.0.0.1', agent: '', at: 500, ...looked },
      { ip: '203.0.113.9', agent: 'Chrome', session: 'taken', target: '/customers', at: 510 },
      { ip: '203.0.113.9', agent: 'Chrome', session: 'early', target: '/customers', at: 520 },
      { ip: '192.0.2.50', agent: 'Edge', target: '/login', method: 'POST', at: 501 },
      { ip: '192.0.2.50', agent: 'Edge', target: '/customers', at: 530 },
      { ip: '192.0.2.50', agent: 'Edge', target: '/customers', at: 500 + 13 * 3600 },
    ];
    const r = await rebuild(events, [], { accounts: ['agent006'] });
    expect(r.events.map(e => [e.n, e.certainty])).toEqual([1, 3, 5, 6].map(n => [n, 'wide']));
    const named = await rebuild([...events, { ip: '198.51.100.1', agent: 'x', account: 'agent006', at: 600 }], [], { accounts: ['agent006'] });
    expect(named.events.map(e => e.n)).toEqual([8]);
    // One sign-in of that moment is surely the intruder's: the statement is explained, the other is its owner's.
    const explained = await rebuild(events, [], { accounts: ['agent006'], attackers: ['203.0.113.9'] });
    expect(explained.events.filter(e => e.n >= 5)).toEqual([]);
    expect(explained.problems).toEqual(['intrusion.owner-sign-ins']);
    const failed = events.map((e, i) => (i === 1 ? { ...e, status: 401 } : e));
    const open = await rebuild(failed, [], { accounts: ['agent006'], attackers: ['203.0.113.9'] });
    expect(open.events.filter(e => e.n >= 5).map(e => [e.n, e.certainty])).toEqual([5, 6].map(n => [n, 'wide']));
    expect(open.problems).toEqual([]);
  });

  it('without a session id in the log a session lives as long as it is used, and who signs in beside it does not end it', async () => {
    const hour = 3600;
    const page = (hours: number, ip = '192.0.2.50'): Event => ({ ip, agent: 'Chrome', at: hours * hour, target: '/customers/1' });
    const login = (hours: number): Event => ({ ...page(hours), target: '/login', method: 'POST', status: 302 });
    const looked = { ip: '10.0.0.1', agent: '', sql: 'select id from agents where login = $1' };
    const events = [page(0.5), { ...looked, params: '["agent006"]', at: hour }, login(1), page(8), { ...looked, params: '["agent007"]', at: 9 * hour }];
    events.push(login(9), page(20), page(25), page(26, '192.0.2.51'), page(37.5), page(38));
    const r = await rebuild(events, [], { accounts: ['agent006'] });
    expect(r.events.map(e => [e.n, e.certainty])).toEqual([2, 3, 5, 6, 7].map(n => [n, 'wide']));
  });

  it('a stated address is the intruder’s, unless others sign in there too: then only what behaves like him is', async () => {
    const own: Event[] = Array.from({ length: 12 }, (_, i) => ({ ip: '192.0.2.1', agent: 'x', session: i < 6 ? 'evil' : 'later', at: i * 60 }));
    const alone = await rebuild(own, [{ id: 'a', kind: 'mass-export', events: [1, 2] }], { attackers: ['192.0.2.1'] });
    expect(alone.events.every(e => e.certainty === 'strict') && alone.events.length).toBe(12);
    const silent = await rebuild(own, [], { attackers: ['192.0.2.1'] });
    expect([silent.actors[0]!.certainty, silent.events.length]).toEqual(['strict', 12]);
    const office: Event[] = [
      ...own,
      ...Array.from(
        { length: 30 },
        (_, i): Event => ({ ip: '192.0.2.1', agent: i % 2 ? 'Chrome' : 'Edge', session: `s${i % 5}`, account: `staff${i % 5}`, at: i * 25 }),
      ),
    ];
    const shared = await rebuild(office, [{ id: 'a', kind: 'mass-export', events: [1, 2] }], { attackers: ['192.0.2.1'] });
    expect(shared.events.filter(e => e.certainty === 'strict').every(e => office[e.n]!.session === 'evil')).toBe(true);
    expect(shared.events.filter(e => e.certainty === 'strict').length).toBeGreaterThanOrEqual(6);
    expect(shared.events.length).toBe(office.length);
    expect(JSON.parse(shared.actors[0]!.basis)).toMatchObject({ shared_addresses: ['192.0.2.1'] });
    const unseen = await rebuild(office, [], { attackers: ['192.0.2.1'] });
    expect([unseen.actors[0]!.certainty, unseen.events.every(e => e.certainty === 'wide'), unseen.events.length]).toEqual(['wide', true, office.length]);
  });

  it('a stated account is the intruder’s from his first use on, but never what its owner does', async () => {
    const owner = (at: number): Event => ({ ip: '203.0.113.5', agent: 'Chrome', session: `own${at}`, account: 'tanaka', at });
    const others: Event[] = Array.from({ length: 10 }, (_, i) => ({
      ip: `203.0.113.${20 + i}`,
      agent: 'Chrome',
      session: `o${i}`,
      account: `user${i}`,
      at: i * 300,
    }));
    const events: Event[] = [owner(10), ...others, owner(2000)];
    const attack = [1000, 1001, 1002].map(at => events.push({ ip: '192.0.2.1', agent: 'curl', session: 'e1', account: 'tanaka', at }) - 1);
    const more = [1500, 1501].map(at => events.push({ ip: '192.0.2.99', agent: 'curl', session: 'e2', account: 'tanaka', at }) - 1);
    const r = await rebuild(events, [{ id: 'a', kind: 'idor-enumeration', events: attack }], { accounts: ['tanaka'] });
    const of = (n: number): string => r.events.find(e => e.n === n)?.certainty ?? 'none';
    expect([...attack, ...more].map(of)).toEqual(['strict', 'strict', 'strict', 'strict', 'strict']);
    expect([of(0), of(11)]).toEqual(['wide', 'wide']);
    expect(r.events.some(e => events[e.n]!.account?.startsWith('user'))).toBe(false);
    const alone = await rebuild(events, [], { accounts: ['tanaka'] });
    expect(alone.events.map(e => events[e.n]!.account)).toEqual(Array.from({ length: 7 }, () => 'tanaka'));
    expect(alone.events.every(e => e.certainty === 'wide')).toBe(true);
  });

  it('what few have in common makes another address possible, with its reasons; what many have does not', async () => {
    const crowd: Event[] = Array.from({ length: 300 }, (_, i) => ({
      ip: `203.0.113.${i % 100}`,
      agent: i % 3 ? 'Chrome' : 'Edge',
      target: `/page/${i % 7}`,
      at: i * 400,
    }));
    const events: Event[] = [...crowd];
    const attack = Array.from({ length: 20 }, (_, i) => events.push({ ip: '192.0.2.1', agent: 'rare-tool/3', target: '/up/x.php', at: 50_000 + i }) - 1);
    const second = Array.from({ length: 5 }, (_, i) => events.push({ ip: '192.0.2.9', agent: 'rare-tool/3', target: '/up/x.php', at: 50_100 + i }) - 1);
    const browser = events.push({ ip: '192.0.2.9', agent: 'Chrome', target: '/page/1', at: 90_000 }) - 1;
    const r = await rebuild(events, [{ id: 'a', kind: 'web-shell', events: attack }]);
    const of = (n: number): string => r.events.find(e => e.n === n)?.certainty ?? 'none';
    expect(second.map(of)).toEqual(second.map(() => 'wide'));
    expect([of(browser), r.events.some(e => e.n < crowd.length)]).toEqual(['none', false]);
    const { links } = JSON.parse(r.actors[0]!.basis) as { links: { address: string; odds: number; components: { kind: string; weight: number }[] }[] };
    const link = links.find(l => l.address === '192.0.2.9')!;
    expect(link.components.map(c => c.kind).sort()).toEqual(['agent', 'network', 'page', 'time']);
    expect(link.odds).toBeCloseTo(link.components.reduce((n, c) => n + c.weight, 0) - Math.log(102), 0);
    const common = await rebuild(
      events.map(e => (e.ip.startsWith('192.') ? { ...e, agent: 'Chrome', target: '/page/2', at: e.ip === '192.0.2.9' ? e.at - 45_000 : e.at } : e)),
      [{ id: 'a', kind: 'web-shell', events: attack }],
    );
    expect(common.events.some(e => second.includes(e.n))).toBe(false);
  });

  it('detections of one kind that overlap are one step, with sentences in both languages', async () => {
    const events: Event[] = Array.from({ length: 40 }, (_, i) => ({ ip: '192.0.2.1', agent: 'x', at: i * 10 }));
    const r = await rebuild(events, [
      { id: 'a', kind: 'path-traversal', events: [1, 2, 20] },
      { id: 'b', kind: 'path-traversal', events: [10, 30], outcome: 'attempted' },
      { id: 'c', kind: 'xss', events: [5, 6] },
    ]);
    expect(r.steps.map(s => [s.kind, s.outcome])).toEqual([
      ['path-traversal', 'succeeded'],
      ['xss', 'succeeded'],
    ]);
    expect(r.steps[0]!.summary_ja).toContain('192.0.2.1');
    expect(r.steps[0]!.summary_en).toContain('192.0.2.1');
  });
});

describe('window', () => {
  const quiet: Event[] = Array.from({ length: 50 }, (_, i) => ({ ip: '198.51.100.7', agent: 'y', session: 'ok', at: i * 3600 }));
  const attack: Event[] = Array.from({ length: 5 }, (_, i) => ({ ip: '192.0.2.1', agent: 'x', at: 100_000 + i }));
  const detections: Det[] = [{ id: 'a', kind: 'mass-export', events: [50, 51, 52, 53, 54] }];
  const first = T0 + 100_000 * S;
  const last = T0 + 100_004 * S;
  const start = async (gaps: [number, number, string?][], events: Event[] = [...quiet, ...attack]) => {
    const { window: w } = await rebuild(events, events.length === 5 ? [{ ...detections[0]!, events: [0, 1, 2, 3, 4] }] : detections, { gaps });
    expect(w['start_latest_us']).toBe(first);
    return [w['start_earliest_us'], w['start_basis'], w['left_censored']];
  };
  const end = async (options: { contained?: number; gaps?: [number, number, string?][]; logUntil?: number }, events: Event[] = [...quiet, ...attack]) => {
    const { window: w } = await rebuild(events, events.length === 5 ? [{ ...detections[0]!, events: [0, 1, 2, 3, 4] }] : detections, options);
    expect(w['end_earliest_us']).toBe(last);
    return [w['end_latest_us'], w['end_basis']];
  };

  it('begins no earlier than a record without a hole, and says what hides the time before', async () => {
    expect(await start([])).toEqual([T0, 'record-without-gap-before-first-event', false]);
    expect(await start([[90_000, 99_900]])).toEqual([T0 + 90_000 * S, 'gap:silent', true]);
    // some hours of clean record after the gap do not show that nothing was in the gap
    expect(await start([[60_000, 80_000]])).toEqual([T0 + 60_000 * S, 'gap:silent', true]);
    expect(await start([[100, 99_900]])).toEqual([null, 'gap:silent', true]);
    expect(await start([[5_000, 9_000]])).toEqual([T0, 'gap-earlier', false]);
    expect(await start([], attack)).toEqual([null, 'log-begins-just-before', true]);
    // the gap of a source that shows nothing of the intruder says nothing about him
    expect(await start([[90_000, 99_900, 'sql']])).toEqual([T0, 'record-without-gap-before-first-event', false]);
  });

  it('ends no later than the stated containment, and says why later activity cannot be seen', async () => {
    expect(await end({ contained: 150_000 })).toEqual([T0 + 150_000 * S, 'stated-containment']);
    expect(await end({ contained: 100_002 })).toEqual([null, 'activity-after-stated-containment']);
    expect(await end({})).toEqual([null, 'no-containment-stated']);
    expect(await end({ gaps: [[100_100, 120_000]] })).toEqual([null, 'gap-after:silent']);
    expect(await end({}, attack)).toEqual([null, 'log-ends-just-after']);
    expect(await end({ logUntil: 104_000 }, attack)).toEqual([null, 'no-containment-stated']);
  });

  it('each source has its own reason on either side', async () => {
    const dump: Event[] = [0, 1, 2].map(i => ({ ip: '10.0.0.9', agent: '', at: 100_010 + i, sql: 'SELECT * FROM people', program: 'psql' }));
    const r = await rebuild([...quiet, ...attack, ...dump], [...detections, { id: 'b', kind: 'db-dump', events: [55, 56, 57] }], {
      gaps: [[101_000, 110_000]],
    });
    expect(r.sources.map(s => [s['evidence_id'], s['start_basis'], s['left_censored'], s['end_basis']])).toEqual([
      ['sql', 'log-begins-just-before', true, 'log-ends-just-after'],
      ['web', 'record-without-gap-before-first-event', false, 'record-goes-on'],
    ]);
    // the web log reaches further back and is clean
    expect([r.window['start_earliest_us'], r.window['left_censored']]).toEqual([T0, false]);
  });
});

describe('links between requests and statements', () => {
  it('need the text and the time', () => {
    const request = (eventId: number, at: number, literal: string) => ({ eventId, loUs: at * S, hiUs: (at + 1) * S, literals: [literal] });
    const statement = (eventId: number, at: number, t: string) => ({ eventId, loUs: at * S, hiUs: at * S, text: t });
    const pairs = linkStatements(
      [request(1, 10, "x' AND 1=1"), request(2, 400, "x' AND 1=1"), request(3, 10, 'abc')],
      [statement(9, 10, "select 'x' AND 1=1'"), statement(8, 401, "select 'x' AND 1=1'"), statement(7, 900, "select 'x' AND 1=1'")],
    );
    expect(pairs).toEqual([
      { requestId: 2, statementId: 8 },
      { requestId: 1, statementId: 9 },
    ]);
  });
});
