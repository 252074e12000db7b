import { contentId } from '../base/index.ts';
import { type OpenCase, type PremiseName, standingDecisions } from '../case/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { type Draft, draftActors, sorted, type WorkItem } from './actor-drafts.ts';
import { readActorSums, writeActorEvents } from './actor-events.ts';
import { scopesOf } from './actor-scopes.ts';
import { strayAttempts } from './attempts.ts';
import { addDatabaseClients } from './database-clients.ts';
import { isOwn, isShared, readIdentities, readUse, type Uses } from './identities.ts';
import { type Settling, settleConnections } from './settle-connections.ts';
import { addShellStatements } from './shell-statements.ts';
import { linkSoftly } from './soft-links.ts';
import { findOpenSenders } from './sole-senders.ts';
import { addStatedAccounts } from './stated-accounts.ts';
import { findStatedMisuse, type Misuse, noMisuse, settleMisuse } from './stated-misuse.ts';
import { addStatedSignIns } from './stated-sign-ins.ts';
import { actorColumns, type DetectionRow, premiseColumns } from './tables.ts';

/** `firstUs` and `lastUs`: UTC micros, of events that are surely the actor's where there are any. */
export type Actor = Omit<Draft, 'seenAt'> & {
  readonly id: string;
  readonly certainty: 'strict' | 'wide';
  readonly events: number;
  readonly firstUs: number;
  readonly lastUs: number;
};

/** What is known beside the detections: work that several clients shared, detections that an analyst vouched for, whose password the intruder may have had. */
export type Known = {
  readonly work: readonly WorkItem[];
  readonly confirmed?: ReadonlySet<string>;
  readonly mayKnow: Settling['mayKnow'];
};

/**
 * Who: detections joined by hard edges; soft ones only add what is possible. Writes `actor`, `actor_event`, `actor_link`, `owner_sign_in` and `attribution_premise`
 * (`premise, events`: what was taken for granted, and how many events that decided).
 */
export async function findActors(kase: OpenCase, detections: readonly DetectionRow[], { work, confirmed = new Set(), mayKnow }: Known): Promise<Actor[]> {
  const { engine } = kase;
  const { attackerIps, compromisedAccounts } = kase.file.facts;
  const identities = await readIdentities(engine, detections);
  const use = await readUse(engine, attackerIps.value);
  const drafts = draftActors(kase, detections, identities, use, work);
  const fails = failingPremises(kase);
  const doubted = (d: DetectionRow): boolean => saysDoubtful(d) && !confirmed.has(d.detection_id);
  const misused =
    fails('stated-account-misused') || attackerIps.value.length > 0 ? noMisuse : await findStatedMisuse(engine, detections, compromisedAccounts.value, doubted);
  return writeActors(engine, drafts, use, {
    known: new Set(attackerIps.value),
    accounts: compromisedAccounts.value,
    confirmed: new Set([...confirmed, ...misused.detections]),
    misused,
    settling: { fails, mayKnow },
  });
}

/** Premises of which a person said that they do not hold. */
function failingPremises(kase: OpenCase): (premise: PremiseName) => boolean {
  const failing = new Set(
    standingDecisions(kase.store, 'premise.set')
      .filter(d => d.body['holds'] === false)
      .map(d => String(d.body['premise'])),
  );
  return premise => failing.has(premise);
}

type Setting = {
  readonly known: ReadonlySet<string>;
  readonly accounts: readonly string[];
  readonly confirmed: ReadonlySet<string>;
  readonly misused: Misuse;
  readonly settling: Settling;
};

async function writeActors(engine: Engine, drafts: readonly Draft[], use: Uses, setting: Setting): Promise<Actor[]> {
  const { known, accounts, confirmed } = setting;
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
  const decided = await settleConnections(engine, [...accounts, ...factAccounts(drafts.flatMap(d => d.detections))], setting.settling);
  await addStatedAccounts(engine, stated);
  await addStatedSignIns(engine, stated);
  const misusers = await settleMisuse(engine, setting.misused.entries);
  const misused = [...misusers.values()].reduce((sum, n) => sum + n, await eventsOf(engine, setting.misused.detections));
  await engine.load('attribution_premise', premiseColumns, [...decided, ...(misused > 0 ? [['stated-account-misused', misused] as const] : [])]);
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
      certainty:
        !misusers.has(a.id) && (a.detections.length === 0 || a.detections.every(isDoubtful)) && !a.ips.some(ip => known.has(ip) && !isShared(ip, use))
          ? 'wide'
          : 'strict',
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

async function eventsOf(engine: Engine, detections: ReadonlySet<string>): Promise<number> {
  const named = sql.join([sql`''`, ...[...detections].map(id => sql`${id}`)]);
  return (await engine.row<{ n: number }>('intrusion.events_of', sql`select count(distinct event_id) as n from labelled where detection_id in (${named})`)).n;
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
