import { type Effects, type Problem, problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { readAtHand } from './at-hand.ts';
import { claimDeleted } from './claims/backlog.ts';
import { claimErrors } from './claims/error-shown.ts';
import { claimInjections, claimRebuilt } from './claims/injections.ts';
import { claimReads } from './claims/reads.ts';
import { claimUnlinked } from './claims/unlinked.ts';
import { claimUnobserved } from './claims/unobserved.ts';
import { findReads } from './find-reads.ts';

export type ExposureSummary = { readonly claims: number; readonly requests: number; readonly instances: number };

const mostStatements = 3_000_000;

/** Which cells, how sure, and why: reads actor, event and dataset tables; writes claim, claim_row, colset, claim_count and cell_tier. */
export async function assessExposure(kase: OpenCase, effects: Effects, most = mostStatements): Promise<ExposureSummary> {
  const problems: Problem[] = [];
  const progress = (done: number, note: string): void => effects.progress({ stage: 'exposure', done, total: 6, unit: 'steps', note });
  progress(1, 'statements');
  const given = await readAtHand(kase, most, problems);
  const { engine, catalogue, claims, requests, log } = given;
  progress(2, 'routes');
  const reads = await findReads(given);
  progress(3, 'replay');
  const possible = await claimReads(given, reads, problems);
  progress(4, 'missing');
  const { strangers, unnamed } = await claimUnlinked(given, reads, possible, problems);
  progress(5, 'injections');
  const answered = await claimErrors(engine, catalogue, claims, requests, reads.learned, log, given.changes);
  await claimUnobserved(engine, catalogue, claims, {
    requests: requests.length,
    injected: reads.instances.some(i => i.injected),
    logged: !reads.untold,
    unnamed: reads.untold ? unnamed : [],
  });
  await claimInjections(given, reads, answered, problems);
  const deleted = await claimDeleted(engine, catalogue, claims, [...reads.instances, ...reads.direct, ...strangers], given.backlog);
  if (deleted > 0) problems.push(problem('exposure.records-deleted', 'warning', {}, { n: deleted }, deleted));
  await claimRebuilt(given);
  await claims.close();
  await recordProblems(engine, 'exposure', problems);
  progress(6, 'done');
  const summary = { claims: claims.size, requests: requests.length, instances: reads.instances.length + reads.direct.length };
  effects.log('exposure.assessed', summary);
  return summary;
}
