import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { classifyTable, readSignIns, type SignIn } from '../../src/detections/behaviour/sign-in-answers.ts';
import { Engine, sql } from '../../src/engine/index.ts';
import { classifyAnswers, clientOf } from '../reference/sign-in-answers.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.open({ file: ':memory:', threads: 1 });
});
afterAll(() => engine.close());

const text = (name: string) => ({ name, type: 'VARCHAR' as const });
const big = (name: string) => ({ name, type: 'BIGINT' as const });

/** A route answers in one of the ways applications do; clients try few or many times. */
const site = fc.record({
  statuses: fc.constantFrom([200], [302], [200, 302], [200, 401], [302, 403], [200, 500], [401]),
  refusal: fc.integer({ min: 50, max: 60 }),
  alike: fc.boolean(),
  paceUs: fc.constantFrom(1_000_000, 90_000_000),
  clients: fc.array(fc.record({ agent: fc.constantFrom('a', 'b', ''), ip: fc.integer({ min: 1, max: 3 }), tries: fc.integer({ min: 1, max: 14 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  noise: fc.array(fc.record({ status: fc.option(fc.nat(5)), bytes: fc.option(fc.integer({ min: -8, max: 8 }), { freq: 6 }) }), { minLength: 1, maxLength: 12 }),
});

function attempts(sites: readonly (typeof site extends fc.Arbitrary<infer S> ? S : never)[]): SignIn[] {
  const out: SignIn[] = [];
  for (const [r, s] of sites.entries())
    for (const c of s.clients)
      for (let i = 0; i < c.tries; i++) {
        const n = s.noise[(i * 7 + c.ip) % s.noise.length]!;
        out.push({
          eventId: (out.length + 1) * 16,
          atUs: 1_700_000_000_000_000 + out.length * s.paceUs,
          srcIp: `192.0.2.${c.ip}`,
          agent: c.agent,
          account: null,
          route: `/r${r}/login`,
          status: n.status === null ? null : s.statuses[n.status % s.statuses.length]!,
          bytes: n.bytes === null ? null : s.alike ? s.refusal : s.refusal + (n.bytes > 4 ? n.bytes * 30 : Math.trunc(n.bytes / 3)),
          outcome: 'unknown',
        });
      }
  return out;
}

test('what an answer of a login means is judged in the engine as a slow reading of the same rule says', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(site, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }), async (sites, others) => {
      const list = attempts(sites);
      const clients = [...new Set(list.map(clientOf))];
      const elsewhere = new Map(clients.map((c, i) => [c, others[i % others.length]!]));
      await engine.load(
        'tried',
        [
          big('event_id'),
          big('at_us'),
          text('src_ip'),
          text('agent'),
          text('account'),
          text('route'),
          big('status'),
          big('bytes_out'),
          big('who'),
          text('outcome'),
        ],
        list.map(a => [a.eventId, a.atUs, a.srcIp, a.agent, a.account, a.route, a.status, a.bytes, clients.indexOf(clientOf(a)), null]),
      );
      const asked = [
        ...list.map(a => ({ c: clientOf(a), path: a.route.toUpperCase() })),
        ...clients.flatMap(c => Array(elsewhere.get(c)!).fill({ c, path: '/home' })),
      ];
      await engine.load(
        'event',
        [big('event_id'), big('class'), big('client_key'), text('path')],
        asked.map(({ c, path }, i) => [i, 1, clients.indexOf(c), path]),
      );
      await classifyTable(engine, 'tried', sql`true`, 'detection_sign_in');
      const judged = await readSignIns(engine, 'test.judged', sql`true`);
      for (const a of judged) seen.set(a.outcome, (seen.get(a.outcome) ?? 0) + 1);
      expect(judged).toEqual(classifyAnswers(list, elsewhere));
    }),
    { numRuns: 150, seed: 11 },
  );
  expect([...seen.keys()].sort()).toEqual(['failure', 'success', 'unknown']);
});

test('an answer that everybody gets refuses only those who come for hardly anything else', async () => {
  const columns = [big('event_id'), big('at_us'), text('src_ip'), text('agent'), text('account'), text('route'), big('status'), big('bytes_out'), big('who')];
  const tries = (who: number, n: number, bytes = 0) => Array.from({ length: n }, () => ({ who, bytes }));
  const outcomes = async (list: { who: number; bytes: number }[], pages: { who: number }[]): Promise<string[][]> => {
    const rows = list.map(({ who, bytes }, i) => [i, i * 1_000_000, `192.0.2.${who}`, '', null, '/login', 302, bytes, who, null]);
    await engine.load('tried', [...columns, text('outcome')], rows);
    await engine.load(
      'event',
      [big('event_id'), big('class'), big('client_key'), text('path')],
      [...list.map(t => ({ ...t, path: '/Login' })), ...pages.map(p => ({ ...p, path: '/home' }))].map((e, i) => [i, 1, e.who, e.path]),
    );
    await classifyTable(engine, 'tried', sql`true`, 'detection_sign_in');
    const judged = await readSignIns(engine, 'test.judged', sql`true`);
    return [...new Set(list.map(t => t.who))].map(who => [...new Set(judged.filter(a => a.srcIp === `192.0.2.${who}`).map(a => a.outcome))]);
  };
  const everybody = [...tries(1, 12), ...tries(2, 3), ...tries(3, 30)];
  expect(await outcomes(everybody, tries(1, 12))).toEqual([['unknown'], ['unknown'], ['failure']]);
  expect(await outcomes([...everybody, ...tries(4, 1, 40)], tries(1, 12))).toEqual([['failure'], ['failure'], ['failure'], ['success']]);
});
