import { contentId, HOUR } from '../base/index.ts';
import { type OpenCase, standingDecisions } from '../case/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { strayAttempts } from './attempts.ts';
import { type Identity, isOwn, isShared, readIdentities, readUse, type Uses } from './identities.ts';
import { addShellStatements } from './shell-statements.ts';
import { linkSoftly } from './soft-links.ts';
import { findOpenSenders } from './sole-senders.ts';
import { addStatedAccounts } from './stated-accounts.ts';
import { addStatedSignIns } from './stated-sign-ins.ts';
import { actorColumns, type DetectionRow } from './tables.ts';
import { UnionFind } from './union-find.ts';

/** What the injections tell about who is one: the same unfinished work, the same random marker. */
export type WorkItem = { readonly client: string; readonly item: string };

export type Actor = {
  readonly id: string;
  readonly ips: readonly string[];
  readonly accounts: readonly string[];
  readonly agents: readonly string[];
  readonly sessions: readonly string[];
  readonly detections: readonly DetectionRow[];
  readonly pairs: readonly string[];
  readonly conns: readonly string[];
  readonly reasons: readonly string[];
  readonly certainty: 'strict' | 'wide';
  readonly events: number;
  readonly firstUs: number;
  readonly lastUs: number;
};

const hubSession = 50;

/**
 * Who: detections joined by hard edges; soft ones only add what is possible. Writes `actor`, `actor_event`, `actor_link` and `owner_sign_in`. `confirmed`: detections that
 * an analyst vouched for.
 */
export async function findActors(
  kase: OpenCase,
  detections: readonly DetectionRow[],
  work: readonly WorkItem[],
  confirmed: ReadonlySet<string> = new Set(),
): Promise<Actor[]> {
  const { engine } = kase;
  const identities = await readIdentities(engine, detections);
  const use = await readUse(engine, kase.file.facts.attackerIps.value);
  const sets = new UnionFind();
  const reasons = new Map<string, Set<string>>();
  const split = new Set(standingDecisions(kase.store, 'actor.split').flatMap(a => (Array.isArray(a.body['ips']) ? (a.body['ips'] as string[]) : [])));
  const link = (a: string, b: string, reason: string): void => {
    sets.union(a, b);
    for (const x of [a, b]) (reasons.get(x) ?? reasons.set(x, new Set()).get(x)!).add(reason);
  };
  for (const i of identities) {
    const d = `d:${i.detection_id}`;
    sets.find(d);
    if (i.ip !== null && split.has(i.ip)) {
      link(d, `apart:${i.ip}`, 'split-by-analyst');
      continue;
    }
    if (i.ip !== null) {
      if (isOwn(use.ips.get(i.ip))) link(d, `i:${i.ip}`, 'address');
      else link(d, `p:${i.ip}\u0000${i.agent ?? ''}\u0000${i.session ?? ''}\u0000${i.account ?? ''}`, 'address-and-agent');
      if (i.session === null && i.account === null) link(d, `p:${i.ip}\u0000${i.agent ?? ''}\u0000\u0000`, 'address-and-agent');
    }
    if (i.session !== null && (use.sessionIps.get(i.session) ?? 1) <= hubSession) link(d, `s:${i.session}`, 'session');
    if (i.conn !== null) link(d, `c:${i.conn}`, 'database-connection');
  }
  const pairOf = new Map<string, string[]>();
  for (const i of identities)
    if (i.ip !== null) {
      // an agent that carries the payload names nobody: such work is told by its address
      for (const k of new Set([`${i.ip}\u0000${i.agent ?? ''}`, `${i.ip}\u0000`])) pairOf.set(k, [...(pairOf.get(k) ?? []), `d:${i.detection_id}`]);
    }
  const owners = new Map<string, string>();
  for (const w of [...work].sort((a, b) => (a.item < b.item ? -1 : a.item > b.item ? 1 : a.client < b.client ? -1 : 1))) {
    const d = pairOf.get(w.client)?.[0];
    if (d === undefined || split.has(w.client.split('\u0000')[0]!)) continue;
    const first = owners.get(w.item);
    if (first === undefined) owners.set(w.item, d);
    else link(first, d, 'injection-work-item');
  }
  for (const act of standingDecisions(kase.store, 'actor.merged')) {
    const ips = Array.isArray(act.body['ips']) ? (act.body['ips'] as string[]) : [];
    const found = ips.flatMap(ip => identities.filter(i => i.ip === ip).map(i => `d:${i.detection_id}`));
    for (const d of found.slice(1)) link(found[0]!, d, 'merged-by-analyst');
  }
  const known = new Set(kase.file.facts.attackerIps.value);
  const groups = new Map<string, DetectionRow[]>();
  for (const d of detections) {
    const g = sets.find(`d:${d.detection_id}`);
    groups.set(g, [...(groups.get(g) ?? []), d]);
  }
  const drafts = [...groups.values()].filter(list => isGrave(list, identities, known)).map(list => draft(list, identities, reasons));
  for (const ip of [...known].sort())
    if (!drafts.some(a => a.ips.includes(ip))) drafts.push({ ...draft([], [], reasons), ips: [ip], pairs: [], reasons: ['stated-in-case-file'] });
  const accounts = kase.file.facts.compromisedAccounts.value;
  for (const account of accounts)
    if (!drafts.some(a => a.accounts.includes(account)) && drafts.length !== 1)
      drafts.push({ ...draft([], [], reasons), accounts: [account], reasons: ['stated-account'] });
  return writeActors(engine, drafts, use, known, accounts, confirmed);
}

/** One odd request of small weight makes nobody an actor. */
function isGrave(list: readonly DetectionRow[], identities: readonly Identity[], known: ReadonlySet<string>): boolean {
  const weight: Record<string, number> = { low: 1, medium: 3, high: 20, critical: 100 };
  const ids = new Set(list.map(d => d.detection_id));
  if (identities.some(i => ids.has(i.detection_id) && i.ip !== null && known.has(i.ip))) return true;
  return list.some(d => d.outcome === 'succeeded') || list.reduce((n, d) => n + (weight[d.level] ?? 1) * Math.min(d.events, 20), 0) >= 20;
}

/** `seenAt`: the addresses that each detection names. */
type Draft = Omit<Actor, 'id' | 'certainty' | 'events' | 'firstUs' | 'lastUs'> & {
  readonly seenAt: readonly { readonly detection: string; readonly ip: string }[];
};

const sorted = (values: Iterable<string | null>): string[] => [...new Set([...values].filter((v): v is string => v !== null))].sort();

function draft(list: readonly DetectionRow[], identities: readonly Identity[], reasons: ReadonlyMap<string, ReadonlySet<string>>): Draft {
  const ids = new Set(list.map(d => d.detection_id));
  const mine = identities.filter(i => ids.has(i.detection_id));
  return {
    ips: sorted(mine.map(i => i.ip)),
    accounts: sorted(mine.map(i => i.account)),
    agents: sorted(mine.map(i => i.agent)),
    sessions: sorted(mine.map(i => i.session)),
    conns: sorted(mine.map(i => i.conn)),
    detections: list,
    pairs: sorted(mine.filter(i => i.ip !== null).map(i => `${i.ip}\u0000${i.agent ?? ''}`)),
    seenAt: mine.flatMap(i => (i.ip === null ? [] : [{ detection: i.detection_id, ip: i.ip }])),
    reasons: sorted(list.flatMap(d => [...(reasons.get(`d:${d.detection_id}`) ?? [])])),
  };
}

async function writeActors(
  engine: Engine,
  drafts: readonly Draft[],
  use: Uses,
  known: ReadonlySet<string>,
  accounts: readonly string[],
  confirmed: ReadonlySet<string>,
): Promise<Actor[]> {
  const stray = new Set([...strayAttempts(drafts.filter(d => !d.ips.some(ip => known.has(ip))))].flatMap(a => a.detections.map(d => d.detection_id)));
  const isDoubtful = (d: DetectionRow): boolean => (saysDoubtful(d) || stray.has(d.detection_id)) && !confirmed.has(d.detection_id);
  const named = drafts
    .map(d => ({
      ...d,
      id: contentId('actor', {
        ips: d.ips,
        agents: d.agents,
        detections: d.detections.map(x => x.detection_id),
        ...(d.detections.length === 0 && { accounts: d.accounts }),
      }),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const scope: unknown[][] = [];
  for (const a of named) {
    const doubtful = a.detections.length > 0 && a.detections.every(isDoubtful);
    const sure = doubtful ? 'wide' : 'strict';
    const proven = new Set(a.detections.filter(d => !isDoubtful(d)).map(d => d.detection_id));
    // an address that only doubts name is possible, however certain the actor is elsewhere
    const sureIps = new Set(a.seenAt.filter(s => proven.has(s.detection)).map(s => s.ip));
    const sureAt = (ip: string): 'strict' | 'wide' => (sureIps.has(ip) ? sure : 'wide');
    for (const d of a.detections)
      scope.push([a.id, 'detection', d.detection_id, null, isDoubtful(d) ? 'wide' : 'strict', isAnothers(d) ? 'another-signed-in' : 'detection']);
    for (const ip of a.ips) {
      if (known.has(ip)) scope.push([a.id, 'ip', ip, null, ...(isShared(ip, use) ? ['wide', 'stated-address-shared'] : ['strict', 'stated-in-case-file'])]);
      else if (isOwn(use.ips.get(ip))) scope.push([a.id, 'ip', ip, null, sureAt(ip), 'own-address']);
    }
    for (const pair of a.pairs) {
      const [ip, agent] = pair.split('\u0000') as [string, string];
      if (isOwn(use.ips.get(ip))) continue;
      const u = use.pairs.get(pair);
      if (isOwn(u)) scope.push([a.id, 'pair', ip, agent, sureAt(ip), 'address-and-agent']);
      else if (u && u.innocentSessions === 0 && u.innocentAccounts === 0) scope.push([a.id, 'pair', ip, agent, 'wide', 'shared-address-and-agent']);
      else scope.push([a.id, 'nameless', ip, agent, 'wide', 'shared-address-and-agent']);
    }
    for (const s of a.sessions)
      if ((use.sessionIps.get(s) ?? 1) <= hubSession) for (const ip of a.ips) scope.push([a.id, 'session', s, ip, sureAt(ip), 'session']);
    for (const c of a.conns) scope.push([a.id, 'conn', c, null, 'strict', 'database-connection']);
  }
  const stated = accounts.flatMap(account => named.filter(x => x.accounts.includes(account) || named.length === 1).map(a => ({ actorId: a.id, account })));
  for (const { actorId, account } of stated) scope.push([actorId, 'account', account, null, 'wide', 'compromised-account']);
  await engine.load(
    'actor_scope',
    ['actor_id', 'how', 'a', 'b', 'certainty', 'reason'].map(name => ({ name, type: 'VARCHAR' as const })),
    scope,
  );
  await findOpenSenders(engine);
  await engine.run(
    'intrusion.actor_event',
    sql`create or replace table actor_event as
    with sender_scope as (select s.actor_id, s.how, s.a, s.b, case when o.how is not null and s.reason <> 'stated-in-case-file' then 'wide' else s.certainty end as certainty, s.reason
        from actor_scope s left join open_sender o on o.how = s.how and o.a = s.a and o.b is not distinct from s.b where s.how in ('ip', 'pair')),
    found as (
      select s.actor_id, l.event_id, s.certainty, s.reason from actor_scope s join labelled l on s.how = 'detection' and s.a = l.detection_id
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from sender_scope where how = 'ip') s on e.src_ip = s.a
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from sender_scope where how = 'pair') s on e.src_ip = s.a and coalesce(e.user_agent, '') = s.b
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'nameless') s on e.src_ip = s.a and coalesce(e.user_agent, '') = s.b
        where e.session is null and e.account is null
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'session') s on e.session = s.a and e.src_ip = s.b
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'conn') s on e.class = 2 and concat_ws('|', e.file_no, e.conn_id) = s.a
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'account') s on e.account = s.a),
    marked as (select s.actor_id, min(e.at_us) - ${HOUR} as lo, max(e.at_us) + ${HOUR} as hi from actor_scope s join labelled l on s.how = 'detection' and s.a = l.detection_id join event e using (event_id) group by 1)
    select f.actor_id, f.event_id, case when bool_or(f.reason = 'another-signed-in') then 'wide' else min(case when f.reason in ('own-address', 'address-and-agent') and not (e.at_us between m.lo and m.hi) then 'wide' else f.certainty end) end as certainty, min(f.reason) as reason
    from found f join event e using (event_id) left join marked m using (actor_id) group by f.actor_id, f.event_id order by f.event_id, f.actor_id`,
  );
  await addStatedAccounts(engine, stated);
  await addStatedSignIns(engine, stated);
  await addShellStatements(engine);
  const links = await linkSoftly(
    engine,
    named.map(a => ({ id: a.id, ips: a.ips })),
  );
  // first and last of an actor are those of events that are surely its own
  type Sums = { actor_id: string; events: number; first_us: number; last_us: number; sessions: number; accounts: string[] };
  const sums = new Map(
    (
      await engine.rows<Sums>(
        'intrusion.actor_sums',
        sql`select x.actor_id, count(*) as events, coalesce(min(e.at_us) filter (x.certainty = 'strict'), min(e.at_us)) as first_us, coalesce(max(e.at_us) filter (x.certainty = 'strict'), max(e.at_us)) as last_us, count(distinct e.session) as sessions,
      coalesce(list_sort(list_distinct(list(e.account) filter (e.account is not null and (x.certainty = 'strict')))), []) as accounts
    from actor_event x join event e using (event_id) group by 1 order by 1`,
      )
    ).map(r => [r.actor_id, r]),
  );
  const actors: (Actor & { sessionCount: number })[] = [];
  for (const a of named) {
    const s = sums.get(a.id);
    if (!s) continue;
    actors.push({
      ...a,
      accounts: sorted([...s.accounts, ...factAccounts(a.detections)]),
      certainty: (a.detections.length === 0 || a.detections.every(isDoubtful)) && !a.ips.some(ip => known.has(ip) && !isShared(ip, use)) ? 'wide' : 'strict',
      events: s.events,
      firstUs: s.first_us,
      lastUs: s.last_us,
      sessionCount: s.sessions,
    });
  }
  actors.sort((a, b) => a.firstUs - b.firstUs || (a.id < b.id ? -1 : 1));
  await engine.load(
    'actor',
    actorColumns,
    actors.map(a => [
      a.id,
      a.certainty,
      a.ips,
      a.accounts,
      a.agents,
      a.sessionCount,
      a.events,
      a.firstUs,
      a.lastUs,
      JSON.stringify({
        reasons: a.reasons,
        detections: a.detections.map(d => d.detection_id),
        shared_addresses: a.ips.filter(ip => (known.has(ip) ? isShared(ip, use) : !isOwn(use.ips.get(ip)))),
        links: links.filter(l => l.actor === a.id),
      }),
    ]),
  );
  for (const t of ['actor_scope', 'open_sender', 'labelled', 'labelled_detection']) await engine.run('intrusion.drop', sql`drop table if exists ${sql.id(t)}`);
  return actors;
}

/** The method says itself that it may be somebody with every right to do so. */
function saysDoubtful(d: DetectionRow): boolean {
  return (JSON.parse(d.facts) as { doubtful?: unknown }).doubtful === true;
}

/** Somebody else signed in at the same address before these events, and nothing tells the two apart: never certain, whatever else speaks for the address. */
function isAnothers(d: DetectionRow): boolean {
  return (JSON.parse(d.facts) as { another_signed_in?: unknown }).another_signed_in === true;
}

/** Accounts that detections name as signed in. */
function factAccounts(detections: readonly DetectionRow[]): string[] {
  return detections.flatMap(d => {
    const facts = JSON.parse(d.facts) as Record<string, unknown>;
    const list = facts['compromised_accounts'] ?? facts['accounts_succeeded'] ?? facts['succeeded_accounts'];
    return Array.isArray(list) ? list.filter((x): x is string => typeof x === 'string') : [];
  });
}
