import { HOUR, type Micros, type Problem, problem } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { readBirths } from './births/births.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import { type Backlog, readBacklog } from './claims/backlog.ts';
import { Claims } from './claims/claims.ts';
import { countsLines, databaseGaps } from './claims/missing.ts';
import { attributed, attributedLog, type Premises, readPremises } from './claims/premises.ts';
import { type Changes, readChanges } from './replay/changes.ts';
import { withDefinitions } from './replay/definitions.ts';
import { choosePart, type LogPart } from './replay/log-part.ts';
import { isSelective } from './replay/selective-log.ts';
import { readStatements, type StatementLog } from './replay/statements.ts';
import { type Request, readActorRequests, readOtherRequests, type Span, spanOf } from './routes/requests.ts';
import { type StatedRoutes, statedRoutes } from './routes/stated-routes.ts';
import { StatementIndex } from './routes/statement-index.ts';

/** Requests of everybody else that are read of each method and shape. */
const othersOfEach = 300;

/** What is the intruder's without a trace of its own lies no later than this after the last one. */
const afterLast = 4 * HOUR;

/** What an assessment starts from. */
export type AtHand = {
  readonly engine: Engine;
  readonly catalogue: Catalogue;
  readonly claims: Claims;
  readonly premises: Premises;
  readonly stated: StatedRoutes;
  /** The intruder's requests, their time, and a sample of everybody else's. */
  readonly requests: readonly Request[];
  readonly span: Span;
  readonly others: readonly Request[];
  readonly part: LogPart;
  readonly log: StatementLog;
  readonly index: StatementIndex;
  /** Times in which the database log is known to lack lines; `numbered`: it would show every other one it lacks, `whole`: it lacks none. */
  readonly gaps: readonly Span[];
  readonly numbered: boolean;
  readonly whole: boolean;
  /** It holds a choice of the statements only: what it lacks may have run. */
  readonly selective: boolean;
  /** What was written between the theft and the snapshot, and records that came and went. */
  readonly changes: Changes;
  readonly backlog: Backlog;
};

/** Read the tables of earlier stages and open the claims. At most `most` statements of the database log are held. */
export async function readAtHand(kase: OpenCase, most: number, problems: Problem[]): Promise<AtHand> {
  const engine = kase.engine;
  const catalogue = await withDefinitions(engine, await readCatalogue(engine));
  for (const u of catalogue.unions)
    problems.push(problem(`exposure.united-${u.mode}`, u.mode === 'apart' ? 'warning' : 'info', {}, { datasets: u.members.map(m => m.id).join(' + ') }));
  const premises = readPremises(kase);
  const stated = statedRoutes(kase.file.routes);
  for (const route of stated.unreadable) problems.push(problem('exposure.route-unreadable', 'warning', {}, { route }));
  const requests = attributed((await readActorRequests(engine)).map(stated.apply), premises);
  const span = spanOf(requests);
  const part = await choosePart(engine, span, most);
  const left = part.left.reduce((n, l) => n + l.n, 0);
  if (left > 0) problems.push(problem('exposure.statements-left', 'warning', {}, { left }, left));
  const log = attributedLog(await readStatements(engine, part), premises);
  const others = (await readOtherRequests(engine, othersOfEach, part.span)).map(stated.apply);
  const backlog = await readBacklog(engine, catalogue);
  const claims = await Claims.open(engine, premises);
  claims.unions = catalogue.unions;
  const gaps = await databaseGaps(engine);
  const selective = log.present && (await isSelective(engine));
  const numbered = log.present && !selective && left === 0 && (await countsLines(engine));
  const whole = numbered && gaps.length === 0;
  const given = new Map(kase.file.datasets.map(d => [d.id, { created: d.createdColumn, changed: d.changedColumn }]));
  const time = lastsOf(span, log, gaps);
  const { changes, born } = await readBirths(
    engine,
    catalogue,
    await readChanges(engine, catalogue),
    { given, span: time, premises, toldUntil: whole ? await logUntil(engine, time.fromUs) : null },
    problems,
  );
  claims.births(born, time.toUs + afterLast);
  return {
    engine,
    catalogue,
    claims,
    premises,
    stated,
    requests,
    span,
    others,
    part,
    log,
    index: new StatementIndex(log.statements),
    gaps,
    numbered,
    whole,
    selective,
    changes,
    backlog,
  };
}

/** The time of everything that may be the intruder's: requests, statements, and times whose lines are lost. */
function lastsOf(requests: Span, log: StatementLog, gaps: readonly Span[]): Span {
  const own = log.statements.filter(s => s.actor !== null);
  return {
    fromUs: own.reduce((us, s) => Math.min(us, s.loUs), requests.fromUs),
    toUs: [...own.map(s => s.hiUs), ...gaps.map(g => g.toUs)].reduce((us, t) => Math.max(us, t), requests.toUs),
  };
}

/** Until when a database log that lacks no line tells everything that was done since a time; null where it begins later. */
async function logUntil(engine: Engine, fromUs: Micros): Promise<Micros | null> {
  const { first, last } = await engine.row<{ first: number | null; last: number | null }>(
    'exposure.log_time',
    sql`select min(at_us)::bigint as "first", max(at_us)::bigint as "last" from event where class = 2 and sql_text is not null`,
  );
  return first !== null && first <= fromUs ? last : null;
}
