import { groupBy } from '../base/index.ts';
import { type OpenCase, standingDecisions } from '../case/index.ts';
import { type Identity, isOwn, tellsOne, type Uses } from './identities.ts';
import type { DetectionRow } from './tables.ts';
import { UnionFind } from './union-find.ts';

/** What the injections tell about who is one: the same unfinished work, the same random marker. */
export type WorkItem = { readonly client: string; readonly item: string };

/** Somebody before it is known which events are his. `seenAt`: the addresses that each detection names. */
export type Draft = {
  readonly ips: readonly string[];
  readonly accounts: readonly string[];
  readonly agents: readonly string[];
  readonly sessions: readonly string[];
  readonly conns: readonly string[];
  readonly detections: readonly DetectionRow[];
  readonly pairs: readonly string[];
  readonly seenAt: readonly { readonly detection: string; readonly ip: string }[];
  /** The database connections that each detection names. */
  readonly connsOf: readonly { readonly detection: string; readonly conn: string }[];
  readonly reasons: readonly string[];
};

/** Detections joined by hard edges into those who did them; and whom the case file names. */
export function draftActors(
  kase: OpenCase,
  detections: readonly DetectionRow[],
  identities: readonly Identity[],
  use: Uses,
  work: readonly WorkItem[],
): Draft[] {
  const { attackerIps, compromisedAccounts } = kase.file.facts;
  const known = new Set(attackerIps.value);
  const { groups, reasons } = joinDetections(kase, detections, identities, use, work);
  const drafts = groups.filter(list => isGrave(list, identities, known)).map(list => draft(list, identities, reasons));
  for (const ip of [...known].sort())
    if (!drafts.some(a => a.ips.includes(ip))) drafts.push({ ...draft([], [], reasons), ips: [ip], pairs: [], reasons: ['stated-in-case-file'] });
  for (const account of compromisedAccounts.value)
    if (!drafts.some(a => a.accounts.includes(account)) && drafts.length !== 1)
      drafts.push({ ...draft([], [], reasons), accounts: [account], reasons: ['stated-account'] });
  return drafts;
}

type Joined = { readonly groups: readonly (readonly DetectionRow[])[]; readonly reasons: ReadonlyMap<string, ReadonlySet<string>> };

function joinDetections(kase: OpenCase, detections: readonly DetectionRow[], identities: readonly Identity[], use: Uses, work: readonly WorkItem[]): Joined {
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
    if (i.session !== null && tellsOne(use, i.session)) link(d, `s:${i.session}`, 'session');
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
  const groups = groupBy(detections, d => sets.find(`d:${d.detection_id}`));
  return { groups: [...groups.values()], reasons };
}

/** One odd request of small weight makes nobody an actor. */
function isGrave(list: readonly DetectionRow[], identities: readonly Identity[], known: ReadonlySet<string>): boolean {
  const weight: Record<string, number> = { low: 1, medium: 3, high: 20, critical: 100 };
  const ids = new Set(list.map(d => d.detection_id));
  if (identities.some(i => ids.has(i.detection_id) && i.ip !== null && known.has(i.ip))) return true;
  return list.some(d => d.outcome === 'succeeded') || list.reduce((n, d) => n + (weight[d.level] ?? 1) * Math.min(d.events, 20), 0) >= 20;
}

/** The values that are there, each once, in order. */
export const sorted = (values: Iterable<string | null>): string[] => [...new Set([...values].filter((v): v is string => v !== null))].sort();

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
    connsOf: mine.flatMap(i => (i.conn === null ? [] : [{ detection: i.detection_id, conn: i.conn }])),
    reasons: sorted(list.flatMap(d => [...(reasons.get(`d:${d.detection_id}`) ?? [])])),
  };
}
