import { MINUTE, SECOND } from '../../base/index.ts';
import { decodeStages } from '../signatures/stages.ts';
import type { EventId, Outcome } from '../tables.ts';
import type { RequestScore } from './score-request.ts';
import type { StatementFate } from './statement-trace.ts';

/** One request with its best score. */
export type Scored = {
  readonly eventId: EventId;
  readonly atUs: number | null;
  readonly path: string | null;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly durationUs: number | null;
  readonly srcIp: string | null;
  readonly actor: string;
  readonly score: RequestScore;
};

const refused = new Set([403, 405, 406, 418, 429, 444, 501]);

/**
 * How far a group of attacks came. `facts.basis` says by what: the database ran the text, answers fell into two classes, the clock
 * answered, answers of many sizes. Nothing is called succeeded for a 200 alone.
 */
export function judge(
  technique: string,
  events: readonly Scored[],
  seen: ReadonlyMap<EventId, StatementFate | null>,
): { outcome: Outcome; facts: Record<string, unknown> } {
  const fates = events.map(e => seen.get(e.eventId) ?? null);
  const executed = fates.filter(f => f === 'executed').length;
  const told = fates.filter(f => f === 'told').length;
  const failed = fates.filter(f => f === 'failed').length + told;
  const bound = fates.filter(f => f === 'bound').length;
  const statuses = count(events.map(e => String(e.status ?? '-')));
  const facts: Record<string, unknown> = { statuses: Object.fromEntries(statuses) };
  if (executed + failed + bound > 0) facts['database'] = { executed, failed, bound };
  if (events.every(e => e.status !== null && refused.has(e.status))) return { outcome: 'blocked', facts };
  if (technique.startsWith('sqli-')) {
    const basis = sqlBasis(technique, events, executed, told);
    if (basis.length > 0)
      return {
        outcome: 'succeeded',
        facts: { ...facts, basis, certainty: basis[0]!.startsWith('database-') ? 'confirmed' : 'plausible' },
      };
    if (executed === 0 && bound > 0) return { outcome: 'attempted', facts: { ...facts, basis: ['bound-as-parameter'] } };
  }
  return { outcome: events.some(e => e.status !== null && e.status >= 200 && e.status < 300) ? 'unknown' : 'attempted', facts };
}

function sqlBasis(technique: string, events: readonly Scored[], executed: number, told: number): string[] {
  const basis: string[] = [];
  if (executed >= 1) basis.push('database-log');
  if (technique === 'sqli-error' && told >= 1) basis.push('database-message');
  if (technique === 'sqli-time' && slowAnswers(events)) basis.push('timing');
  if (technique === 'sqli-boolean' && twoClasses(events)) basis.push('two-answer-classes');
  if ((technique === 'sqli-union' || technique === 'sqli-error') && manySizes(events, technique)) basis.push('answer-sizes');
  return basis;
}

/** Some answers took at least a second and ten times the median of the rest. */
function slowAnswers(events: readonly Scored[]): boolean {
  const times = events
    .map(e => e.durationUs)
    .filter(d => d !== null)
    .sort((a, b) => a - b);
  if (times.length < 6) return false;
  const slow = times.filter(d => d >= 0.9 * SECOND && d < 5 * MINUTE);
  const fast = times[Math.floor(times.length / 4)]!;
  return slow.length >= 3 && slow[0]! >= 10 * Math.max(fast, 1000);
}

/** The two commonest (status, size) classes share nearly all answers on one route, and neither is rare. */
function twoClasses(events: readonly Scored[]): boolean {
  return perRoute(events, 20).some(route => {
    const classes = count(route.map(e => `${e.status}/${e.bytes}`));
    const [first, second] = classes.map(([, n]) => n);
    return first !== undefined && second !== undefined && second >= Math.max(3, route.length * 0.05) && first + second >= route.length * 0.6;
  });
}

/** At least four answers of distinct sizes, also after what a page that repeats the request owes to its length. */
function manySizes(events: readonly Scored[], technique: string): boolean {
  return perRoute(events, 5).some(route => {
    const shown = route.filter(
      e => e.status !== null && e.bytes !== null && (technique === 'sqli-union' ? e.status < 300 : e.status < 600 && e.status !== 404),
    );
    return count(shown.map(e => String(e.bytes))).length >= 4 && !isEcho(shown);
  });
}

/** Whether the sizes are a few when the value's own length (as sent, decoded, with HTML escapes) is taken off once, twice or three times. */
function isEcho(events: readonly Scored[]): boolean {
  const forms = events.map(e => {
    const text = decodeStages(e.score.value, true).texts.at(-1)!;
    const escaped = text
      .replace(/[<>]/g, '&lt;')
      .replace(/["']/g, '&#39;')
      .replace(/&(?!lt;|#39;)/g, '&amp;');
    return [e.score.value, text, escaped].map(t => Buffer.byteLength(t));
  });
  return [1, 2, 3].some(times => [0, 1, 2].some(form => count(events.map((e, i) => String(e.bytes! - times * forms[i]![form]!))).length < 4));
}

function perRoute(events: readonly Scored[], min: number): Scored[][] {
  const routes = new Map<string, Scored[]>();
  for (const e of events) {
    const key = `${e.path}|${e.score.name}`;
    const list = routes.get(key);
    if (list) list.push(e);
    else routes.set(key, [e]);
  }
  return [...routes.values()].filter(r => r.length >= min);
}

/** Values with how often they occur, commonest first. */
export function count(values: readonly string[]): [string, number][] {
  const n = new Map<string, number>();
  for (const v of values) n.set(v, (n.get(v) ?? 0) + 1);
  return [...n].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
