import { type Problem, problem } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import type { Engine } from '../engine/index.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import { type Backlog, readBacklog } from './claims/backlog.ts';
import { Claims } from './claims/claims.ts';
import { countsLines, databaseGaps } from './claims/missing.ts';
import { attributed, attributedLog, type Premises, readPremises } from './claims/premises.ts';
import { type Changes, readChanges } from './replay/changes.ts';
import { withDefinitions } from './replay/definitions.ts';
import { choosePart, type LogPart } from './replay/log-part.ts';
import { readStatements, type StatementLog } from './replay/statements.ts';
import { StatementIndex } from './routes/link-statements.ts';
import { type Request, readActorRequests, readOtherRequests, type Span, spanOf } from './routes/requests.ts';
import { type StatedRoutes, statedRoutes } from './routes/stated-routes.ts';

/** Requests of everybody else that are read of each method and shape. */
const othersOfEach = 300;

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
  claims.born = new Set([...backlog].filter(([, b]) => b.births.size > 0).map(([id]) => id));
  const gaps = await databaseGaps(engine);
  const numbered = log.present && left === 0 && (await countsLines(engine));
  const changes = await readChanges(engine, catalogue);
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
    whole: numbered && gaps.length === 0,
    changes,
    backlog,
  };
}
