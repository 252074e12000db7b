import { HOUR } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { groupBy } from './group.ts';
import { episodes } from './request.ts';
import type { SignIn } from './sign-in-answers.ts';

const togetherUs = 12 * HOUR;
const minFailures = 10;
const minFailuresEach = 2;
const minPeers = 2;
const usualShare = 0.8;

const clientOf = (a: SignIn): string => `i:${a.srcIp ?? ''}|${a.agent}`;

/**
 * Clients that did nothing but fail at signing in, too little each to stand out, together a campaign: none of them ever looked at a page before,
 * where those who sign in otherwise do. People who cannot remember their password have the page before them.
 */
export async function pooledRuns(engine: Engine, attempts: readonly SignIn[]): Promise<SignIn[][]> {
  const failing = attempts.filter(a => a.outcome === 'failure').length;
  if (failing < minFailures) return [];
  const clients = groupBy(attempts, clientOf);
  await engine.load(
    'detection_people',
    [{ name: 'client', type: 'VARCHAR' }],
    [...clients.keys()].sort().map(c => [c]),
  );
  const pages = await engine.rows<{ client: string; first_us: number }>(
    'detection.first-pages',
    sql`select client, min(at_us) as first_us from detection_request join detection_people using (client) where method in ('GET', 'HEAD') and status < 400 and at_us is not null group by client order by client`,
  );
  const firstPage = new Map(pages.map(p => [p.client, p.first_us]));
  const cold: SignIn[] = [];
  let others = 0;
  let usual = 0;
  for (const [client, list] of clients) {
    const failed = list.filter(a => a.outcome === 'failure');
    const last = failed.reduce((n, a) => Math.max(n, a.atUs ?? 0), 0);
    const page = firstPage.get(client) ?? Infinity;
    if (failed.length >= minFailuresEach && failed.length >= 0.7 * list.length && page > last) cold.push(...list);
    else {
      others++;
      if (page <= (list[0]!.atUs ?? 0)) usual++;
    }
  }
  if (others < minPeers || usual < usualShare * others) return [];
  const out: SignIn[][] = [];
  for (const [, route] of groupBy(cold, a => a.route)) {
    const sorted = [...route].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.eventId < b.eventId ? -1 : 1));
    for (const part of episodes(sorted, togetherUs)) {
      const failed = part.filter(a => a.outcome === 'failure').length;
      if (failed >= minFailures && failed >= 0.8 * part.length) out.push(part);
    }
  }
  return out;
}
