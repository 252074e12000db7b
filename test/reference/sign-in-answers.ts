import { groupBy, MINUTE } from '../../src/base/index.ts';
import type { SignIn } from '../../src/detections/behaviour/sign-in-answers.ts';
import { count } from '../../src/detections/requests/judge.ts';

const denied = new Set([400, 401, 403, 404, 422, 423, 429]);

/**
 * Which answers of a login route mean "in" and which "refused": by status where the route uses several, else by size: the size that
 * repeats for clients who try again and again is the refusal, others are not. Where neither tells, the outcome stays unknown; so it does where
 * nobody was let in, but for clients with at least ten tries and half as many requests elsewhere (`elsewhere`, by client) at most, that do not try like clockwork.
 */
export function classifyAnswers(attempts: readonly SignIn[], elsewhere: ReadonlyMap<string, number>): SignIn[] {
  const out: SignIn[] = [];
  for (const [, list] of groupBy(attempts, a => a.route)) {
    const refusal = refusalOf(list);
    const judged = list.map(a => ({ ...a, outcome: refusal(a) }));
    const open = refusedSize(list) !== null && !byStatus(list) && judged.every(a => a.outcome !== 'success');
    for (const own of groupBy(judged, clientOf).values()) {
      const insists = !isClockwork(own) && own.length >= 10 && own.length >= 2 * (elsewhere.get(clientOf(own[0]!)) ?? 0);
      out.push(...own.map(a => (open && !insists ? { ...a, outcome: 'unknown' as const } : a)));
    }
  }
  return out.sort((a, b) => (a.atUs ?? -1) - (b.atUs ?? -1) || (a.eventId < b.eventId ? -1 : 1));
}

/** Tries at one distance in time, a minute or more: nine of ten pauses differ by a fifth at most. */
function isClockwork(own: readonly SignIn[]): boolean {
  const times = own.map(a => a.atUs!).sort((a, b) => a - b);
  const pauses = times.slice(1).map((t, i) => t - times[i]!);
  const sorted = pauses.sort((a, b) => a - b);
  const at = (q: number): number => {
    const place = q * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low]! + (place - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
  };
  return sorted.length > 0 && at(0.5) >= MINUTE && at(0.9) - at(0.1) <= 0.2 * at(0.5);
}

export const clientOf = (a: SignIn): string => `${a.srcIp} ${a.agent}`;

const isDenied = (a: SignIn): boolean => a.status !== null && denied.has(a.status);
const answersWith = (list: readonly SignIn[], hundreds: number): boolean => list.some(a => a.status !== null && Math.floor(a.status / 100) === hundreds);
const byStatus = (list: readonly SignIn[]): boolean => list.some(isDenied) || (answersWith(list, 2) && answersWith(list, 3));

function refusalOf(list: readonly SignIn[]): (a: SignIn) => SignIn['outcome'] {
  const hasDenied = list.some(isDenied);
  if (byStatus(list)) {
    return a => {
      if (a.status === null || a.status >= 500) return 'unknown';
      if (isDenied(a)) return 'failure';
      if (hasDenied) return 'success';
      return a.status >= 300 ? 'success' : 'failure';
    };
  }
  const sizes = refusedSize(list);
  return a => (a.status === null || a.status >= 500 || sizes === null || a.bytes === null ? 'unknown' : Math.abs(a.bytes - sizes) <= 2 ? 'failure' : 'success');
}

/** The size most often seen by the clients who try most, when it is at least two thirds of what they see; null when there are none. */
function refusedSize(list: readonly SignIn[]): number | null {
  const clients = [...groupBy(list, clientOf).values()].filter(c => c.length >= 10).flat();
  const sizes = count(clients.map(a => String(a.bytes)));
  const top = sizes[0];
  return top && top[0] !== 'null' && top[1] >= (2 / 3) * clients.length ? Number(top[0]) : null;
}
