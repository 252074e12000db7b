import { HOUR, MINUTE } from '../../base/index.ts';
import type { Statement, StatementLog } from '../replay/statements.ts';
import { aloneInstance, type Instance } from '../routes/instances.ts';
import type { Request, Span } from '../routes/requests.ts';
import type { StatementIndex } from '../routes/statement-index.ts';

/** So many times as far as the next trace of the intruder is, it may have done more: little beside a burst, long beside somebody who comes now and then. */
const pauses = 3;
const leastUs = 10 * MINUTE;
const mostUs = 3 * HOUR;
/** A kind of statement that nobody's requests explain and that runs more often at other times is the application's own. */
const rare = 5;

/** The times in which statements may be the intruder's although their request is missing: around its requests and statements that are left. */
export function activeTimes(requests: readonly Request[], log: StatementLog): Span[] {
  const traces = [...requests, ...log.statements.filter(s => s.actor !== null)].sort((a, b) => a.loUs - b.loUs);
  const apart = (i: number): number => (i <= 0 || i >= traces.length ? Infinity : traces[i]!.loUs - traces[i - 1]!.hiUs);
  const times: Span[] = [];
  for (const [i, t] of traces.entries()) {
    const around = Math.min(mostUs, Math.max(leastUs, pauses * Math.min(apart(i), apart(i + 1))));
    const last = times.at(-1);
    if (last && t.loUs - around <= last.toUs)
      times[times.length - 1] = { fromUs: Math.min(last.fromUs, t.loUs - around), toUs: Math.max(last.toUs, t.hiUs + around) };
    else times.push({ fromUs: t.loUs - around, toUs: t.hiUs + around });
  }
  return times;
}

/**
 * Statements in the intruder's time that no request of anybody explains although requests run such: the line of their request is lost, and nobody
 * can say whose it was. Also kinds that hardly ever run at other times. `explained` are statements of that time which a request explains, `served` tells the
 * kinds that requests run at any time.
 */
export function orphansOf(
  log: StatementLog,
  index: StatementIndex,
  instances: readonly Instance[],
  explained: ReadonlySet<number>,
  times: readonly Span[],
  served: (shape: string) => boolean = () => false,
): Instance[] {
  const near = new Set(times.flatMap(t => index.within(t.fromUs, t.toUs)));
  const shapes = new Set(instances.map(i => i.read.shape));
  const injected = new Set(instances.filter(i => i.injected).map(i => i.read.shape));
  const elsewhere = new Map<string, number>();
  const serving = new Set<string>();
  for (const s of log.statements) {
    const told = explained.has(s.eventId) || s.actor !== null;
    if (told) {
      shapes.add(s.read.shape);
      serving.add(s.program);
    }
    if (!near.has(s)) elsewhere.set(s.read.shape, (elsewhere.get(s.read.shape) ?? 0) + 1);
  }
  // A program none of whose statements is for a request serves none (a backup, a report).
  const serves = (s: Statement): boolean => serving.size === 0 || serving.has(s.program);
  const runs = (shape: string): boolean => shapes.has(shape) || served(shape);
  const again = repeats(instances);
  return log.statements
    .filter(s => near.has(s) && !s.failed && s.actor === null && !explained.has(s.eventId) && serves(s))
    .filter(s => runs(s.read.shape) || (elsewhere.get(s.read.shape) ?? 0) < rare)
    .filter(s => !again(s))
    .map(s => aloneInstance(s, { certainty: 'wide', ambiguous: true, injected: injected.has(s.read.shape) || !runs(s.read.shape) }));
}

/** Requests that were sent twice within one tick of the web log's clock are linked to one of two equal statements: the other one is explained as well. */
function repeats(instances: readonly Instance[]): (s: Statement) => boolean {
  const spare = new Map<string, number>();
  const linked = new Set<number>();
  for (const { statement } of instances) {
    if (!statement) continue;
    if (linked.has(statement.eventId)) spare.set(contentOf(statement), (spare.get(contentOf(statement)) ?? 0) + 1);
    linked.add(statement.eventId);
  }
  return s => {
    const left = spare.get(contentOf(s)) ?? 0;
    if (left > 0) spare.set(contentOf(s), left - 1);
    return left > 0;
  };
}

const contentOf = (s: Statement): string => JSON.stringify([s.text, s.values]);
