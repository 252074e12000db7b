import { contentId } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { type Draft, draftActors, sorted, type WorkItem } from './actor-drafts.ts';
import { readActorSums, writeActorEvents } from './actor-events.ts';
import { scopesOf } from './actor-scopes.ts';
import { strayAttempts } from './attempts.ts';
import { addDatabaseClients } from './database-clients.ts';
import { isOwn, isShared, readIdentities, readUse, type Uses } from './identities.ts';
import { addShellStatements } from './shell-statements.ts';
import { linkSoftly } from './soft-links.ts';
import { findOpenSenders } from './sole-senders.ts';
import { addStatedAccounts } from './stated-accounts.ts';
import { addStatedSignIns } from './stated-sign-ins.ts';
import { actorColumns, type DetectionRow } from './tables.ts';

/** `firstUs` and `lastUs`: UTC micros, of events that are surely the actor's where there are any. */
export type Actor = Omit<Draft, 'seenAt'> & {
  readonly id: string;
  readonly certainty: 'strict' | 'wide';
  readonly events: number;
  readonly firstUs: number;
  readonly lastUs: number;
};

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
  const { attackerIps, compromisedAccounts } = kase.file.facts;
  const identities = await readIdentities(engine, detections);
  const use = await readUse(engine, attackerIps.value);
  const drafts = draftActors(kase, detections, identities, use, work);
  return writeActors(engine, drafts, use, new Set(attackerIps.value), compromisedAccounts.value, confirmed);
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
  const stated = accounts.flatMap(account => named.filter(x => x.accounts.includes(account) || named.length === 1).map(a => ({ actorId: a.id, account })));
  await engine.load(
    'actor_scope',
    ['actor_id', 'how', 'a', 'b', 'certainty', 'reason'].map(name => ({ name, type: 'VARCHAR' as const })),
    scopesOf(named, use, known, stated, isDoubtful),
  );
  await findOpenSenders(engine);
  await writeActorEvents(engine);
  await addStatedAccounts(engine, stated);
  await addStatedSignIns(engine, stated);
  await addShellStatements(engine);
  await addDatabaseClients(engine);
  const links = await linkSoftly(
    engine,
    named.map(a => ({ id: a.id, ips: a.ips })),
  );
  const sums = await readActorSums(engine);
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

/** Accounts that detections name as signed in. */
function factAccounts(detections: readonly DetectionRow[]): string[] {
  return detections.flatMap(d => {
    const facts = JSON.parse(d.facts) as Record<string, unknown>;
    const list = facts['compromised_accounts'] ?? facts['accounts_succeeded'] ?? facts['succeeded_accounts'];
    return Array.isArray(list) ? list.filter((x): x is string => typeof x === 'string') : [];
  });
}
