import type { AtHand } from './at-hand.ts';
import type { Statement } from './replay/statements.ts';
import { settleAlone } from './routes/alone.ts';
import type { RouteRead } from './routes/binding.ts';
import { answeredAsAlways } from './routes/constant-answers.ts';
import { inferReads } from './routes/infer-reads.ts';
import { aloneInstance, type Instance, instancesOf } from './routes/instances.ts';
import { learnRoutes } from './routes/learn-routes.ts';
import { learnPartialReads } from './routes/partial-reads.ts';
import { countRoutes, type Request, routeOf } from './routes/requests.ts';
import { settleSignIns } from './routes/sign-ins.ts';

/** A function that fewer others than this use teaches itself: the statements it runs carry the values of its own requests. */
const fewOthers = 3;

type RouteCounts = Awaited<ReturnType<typeof countRoutes>>;

/** What routes read, and each time the intruder had something read: by a request (`instances`) or straight from the database (`direct`). */
export type Reads = {
  readonly learned: readonly RouteRead[];
  readonly instances: readonly Instance[];
  readonly direct: readonly Instance[];
  /** Statements that a request of the intruder explains. */
  readonly used: ReadonlySet<number>;
  /** The database log does not tell what requests read: there is none, or it holds a choice of the statements, or explains no request of anybody. */
  readonly untold: boolean;
};

/** Learn what routes read, from the case file, the database log or the sizes of answers, in this order; then read the intruder's requests so. */
export async function findReads(given: AtHand): Promise<Reads> {
  const { engine, catalogue, requests, others, log, index, stated, gaps } = given;
  const taken = new Set(stated.reads.map(r => r.route));
  const { full, teaching } = await learnFromLog(given);
  const told = [...stated.reads, ...full.filter(r => !taken.has(r.route))];
  const untold = !log.present || given.selective || full.length === 0;
  const partial = untold && log.present ? learnPartialReads(teaching, log, index, new Set(full.map(r => r.read.shape))).filter(r => !taken.has(r.route)) : [];
  const learned = [...told, ...partial, ...(await inferReads(engine, catalogue, requests, others, new Set(told.map(r => r.route))))];
  const { instances: found, used } = instancesOf(requests, learned, log, index);
  const settled = given.numbered ? await settleAlone(engine, found, others, index, gaps) : found;
  const asAlways = answeredAsAlways(others);
  const instances = settled.map(i => (i.request && asAlways(i.request) ? { ...i, conditional: true } : i));
  return { learned, instances, direct: directInstances(log.statements, used), used, untold };
}

async function learnFromLog(given: AtHand): Promise<{ full: readonly RouteRead[]; teaching: readonly Request[] }> {
  const { engine, requests, others, log, index, part } = given;
  const uses = new Map<string, number>();
  for (const r of others) if (r.status !== 404) uses.set(routeOf(r), (uses.get(routeOf(r)) ?? 0) + 1);
  const alone = new Set(requests.map(routeOf).filter(r => (uses.get(r) ?? 0) < fewOthers));
  const teaching = [...others, ...requests.filter(r => r.actor === 'wide' || alone.has(routeOf(r)))];
  const counts = await countRoutes(engine, part.span);
  const taught = learnRoutes(teaching, log, index, counts, alone);
  const learned = [...taught, ...learnWithOwn(given, taught, alone, counts)];
  const sent = [...others, ...requests].filter(r => r.method !== 'GET' && r.method !== 'HEAD');
  return { full: settleSignIns(learned, sent, log, index, counts), teaching };
}

/**
 * What too few others ask for in too few ways to teach (three people who all looked at the first page of a list), the intruder's own requests help to teach: the same test,
 * of all that was asked of the function.
 */
function learnWithOwn({ requests, others, log, index }: AtHand, taught: readonly RouteRead[], alone: ReadonlySet<string>, counts: RouteCounts): RouteRead[] {
  const known = new Set([...alone, ...taught.map(r => r.route)]);
  const open = new Set(requests.map(routeOf).filter(r => !known.has(r)));
  if (open.size === 0) return [];
  const elsewhere = new Set(taught.map(r => r.read.shape));
  const all = [...others, ...requests.filter(r => r.actor === 'strict')].filter(r => open.has(routeOf(r)));
  return learnRoutes(all, log, index, counts).filter(r => !elsewhere.has(r.read.shape));
}

/** Statements of the intruder that no request explains: shown to whoever held the connection. Certain only where the whole connection was theirs. */
function directInstances(statements: readonly Statement[], used: ReadonlySet<number>): Instance[] {
  const shared = new Set<string>();
  for (const s of statements) if (s.actor === null && s.conn !== null) shared.add(s.conn);
  return statements
    .filter(s => s.actor !== null && !used.has(s.eventId))
    .map(s =>
      aloneInstance(s, { certainty: s.actor === 'strict' && s.conn !== null && !shared.has(s.conn) ? 'strict' : 'wide', ambiguous: false, injected: false }),
    );
}
