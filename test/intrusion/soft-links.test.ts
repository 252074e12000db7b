import { describe, expect, it } from 'vitest';
import { type Event, rebuild } from './rebuilt-actors.ts';

const lookup = 'SELECT id FROM staff WHERE login = $1 AND password = $2';

/** Quiet days of a site with few visitors. */
const visitors = Array.from({ length: 200 }, (_, i): Event => ({ ip: `198.18.${i}.1`, agent: 'Edge', at: 10_000 * i, target: '/news' }));

describe('addresses that may be the intruder’s too', () => {
  const attack = Array.from({ length: 20 }, (_, i): Event => ({ ip: '192.0.2.1', agent: 'tool/3', target: '/up/x.php', at: 150_000 + i }));
  const neighbour = [0, 1, 2].map((i): Event => ({ ip: '192.0.2.9', agent: 'Chrome', target: `/own/${i}`, at: 150_100 + i }));
  const found = attack.map((_, i) => i);
  const isLinked = async (others: Event[]): Promise<boolean> => {
    const events = [...attack, ...neighbour, ...others];
    const r = await rebuild(events, [{ id: 'a', kind: 'web-shell', events: found }]);
    return r.events.some(e => events[e.n]!.ip === '192.0.2.9');
  };

  it('are neighbours who were at work beside him, unless everybody was at work then', async () => {
    expect(await isLinked(visitors)).toBe(true);
    expect(await isLinked(visitors.map((v, i) => ({ ...v, at: i % 2 ? 150_000 + 2 * i : v.at })))).toBe(false);
  });

  it('are not those of the owner of an account that both used: its records are the account’s', async () => {
    const pages = ['/customers/7', '/customers/8', '/customers/9'];
    const use = (ip: string, agent: string, at: number): Event[] => [
      { ip, agent, at, target: '/login', method: 'POST', status: 302 },
      { ip: '10.0.0.5', agent: '', at, sql: lookup, params: '["mori","x"]' },
      ...pages.map((target, i): Event => ({ ip, agent, at: at + 10 + i, target })),
    ];
    const thief = use('192.0.2.1', 'tool/3', 150_000);
    const owner = use('203.0.113.7', 'Chrome', 150_300);
    const events = [...thief, ...owner, ...visitors];
    const linked = async (accounts: string[]): Promise<boolean> => {
      const r = await rebuild(events, [{ id: 'a', kind: 'mass-export', events: [0, 2, 3, 4] }], { accounts });
      return r.events.some(e => events[e.n]!.ip === '203.0.113.7');
    };
    expect([await linked([]), await linked(['mori'])]).toEqual([true, false]);
  });
});
