import type { Draft } from './actor-drafts.ts';
import { isOwn, isShared, tellsOne, type Uses } from './identities.ts';
import type { DetectionRow } from './tables.ts';

export type NamedDraft = Draft & { readonly id: string };

/** An account that the case file calls compromised, and whose it may be. */
export type StatedAccount = { readonly actorId: string; readonly account: string };

/** A row of `actor_scope`: events found by `how` with `a` (and `b`) are the actor's, so certainly, for that reason. */
type Scope = readonly [actor: string, how: string, a: string, b: string | null, certainty: 'strict' | 'wide', reason: string];

/** By which marks the events of each actor are found: detections, addresses, agents, sessions, connections of the data base, stated accounts. */
export function scopesOf(
  named: readonly NamedDraft[],
  use: Uses,
  known: ReadonlySet<string>,
  stated: readonly StatedAccount[],
  isDoubtful: (d: DetectionRow) => boolean,
): Scope[] {
  const scope: Scope[] = [];
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
      const shared = isShared(ip, use);
      if (known.has(ip)) scope.push([a.id, 'ip', ip, null, shared ? 'wide' : 'strict', shared ? 'stated-address-shared' : 'stated-in-case-file']);
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
    for (const s of a.sessions) if (tellsOne(use, s)) for (const ip of a.ips) scope.push([a.id, 'session', s, ip, sureAt(ip), 'session']);
    const sureConns = new Set(a.connsOf.filter(c => proven.has(c.detection)).map(c => c.conn));
    for (const c of a.conns) scope.push([a.id, 'conn', c, null, sureConns.has(c) ? sure : 'wide', 'database-connection']);
  }
  for (const { actorId, account } of stated) scope.push([actorId, 'account', account, null, 'wide', 'compromised-account']);
  return scope;
}

/** Somebody else signed in at the same address before these events, and nothing tells the two apart: never certain, whatever else speaks for the address. */
function isAnothers(d: DetectionRow): boolean {
  return (JSON.parse(d.facts) as { another_signed_in?: unknown }).another_signed_in === true;
}
