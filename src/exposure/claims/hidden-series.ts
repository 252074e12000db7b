import { groupBy, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { claimAnyRecordBy } from './any-record.ts';
import type { Claims } from './claims.ts';
import { eventsOfSteps } from './step-events.ts';

const fewest = 30;
/** Nobody fills in a form anew so fast, again and again. */
const machinePace = 3 * SECOND;
/** Answers that differ by no more say the same. */
const jitterBytes = 8;
const jitterUs = SECOND / 2;

/**
 * A machine of the intruder sends one request over and over: what it varied travelled where the web log does not look (a body, a header), and no database
 * log tells what was run. Attempts at sign-ins are told as such; of the others nobody can say what they asked for: any record (T2).
 */
export async function claimHiddenSeries(engine: Engine, catalogue: Catalogue, claims: Claims, requests: readonly Request[]): Promise<void> {
  const attempts = await eventsOfSteps(engine, sql`kind in ('credential-stuffing', 'password-spray', 'account-takeover')`);
  const series = groupBy(
    requests.filter(r => !attempts.has(r.eventId) && r.status !== null),
    r => JSON.stringify([r.ip, r.method, r.path, [...r.values]]),
  );
  const hidden = [...series.values()].filter(isHiddenSeries);
  for (const [route, list] of groupBy(hidden.flat(), routeOf)) await claimAnyRecordBy(catalogue, claims, 'hidden-parameters', route, list, { hidden: route });
}

/** The same request at a machine's pace, whose answers may have told its sender something. A page that is only looked at again has no body: its answers must differ. */
export function isHiddenSeries(list: readonly Request[]): boolean {
  if (list.length < fewest) return false;
  const starts = list.map(r => r.loUs).sort((a, b) => a - b);
  const gaps = starts
    .slice(1)
    .map((us, i) => us - starts[i]!)
    .sort((a, b) => a - b);
  if (gaps[gaps.length >> 1]! > machinePace) return false;
  const body = !['GET', 'HEAD', 'OPTIONS'].includes(list[0]!.method);
  const differ = new Set(list.map(r => r.status)).size > 1 || spread(list.map(r => r.bytes)) > jitterBytes;
  // Where no time is logged, answers that look alike may still have come late or at once.
  return differ || (body && (list.some(r => r.durationUs === null) || spread(list.map(r => r.durationUs)) > jitterUs));
}

function spread(values: readonly (number | null)[]): number {
  const known = values.filter(v => v !== null);
  return known.length === 0 ? 0 : known.reduce((a, b) => Math.max(a, b)) - known.reduce((a, b) => Math.min(a, b));
}
