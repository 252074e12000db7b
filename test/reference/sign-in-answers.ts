import { groupBy } from '../../src/base/index.ts';
import type { SignIn } from '../../src/detections/behaviour/sign-in-answers.ts';
import { count } from '../../src/detections/requests/judge.ts';

const denied = new Set([400, 401, 403, 404, 422, 423, 429]);

/**
 * Which answers of a login route mean "in" and which "refused": by status where the route uses several, else by size: the size that
 * repeats for clients who try again and again is the refusal, others are not. Where neither tells, the outcome stays unknown.
 */
export function classifyAnswers(attempts: readonly SignIn[]): SignIn[] {
  const out: SignIn[] = [];
  for (const [, list] of groupBy(attempts, a => a.route)) {
    const refusal = refusalOf(list);
    for (const a of list) out.push({ ...a, outcome: refusal(a) });
  }
  return out.sort((a, b) => (a.atUs ?? -1) - (b.atUs ?? -1) || (a.eventId < b.eventId ? -1 : 1));
}

function refusalOf(list: readonly SignIn[]): (a: SignIn) => SignIn['outcome'] {
  const statuses = new Set(list.map(a => a.status));
  const hasDenied = [...statuses].some(s => s !== null && denied.has(s));
  const hasRedirect = [...statuses].some(s => s !== null && s >= 300 && s < 400);
  const hasOk = [...statuses].some(s => s !== null && s >= 200 && s < 300);
  if (hasDenied || (hasRedirect && hasOk)) {
    return a => {
      if (a.status === null || a.status >= 500) return 'unknown';
      if (denied.has(a.status)) return 'failure';
      if (hasDenied) return 'success';
      return a.status >= 300 ? 'success' : 'failure';
    };
  }
  const sizes = refusedSize(list);
  return a => (a.status === null || a.status >= 500 || sizes === null || a.bytes === null ? 'unknown' : Math.abs(a.bytes - sizes) <= 2 ? 'failure' : 'success');
}

/** The size most often seen by the clients who try most, when it is at least two thirds of what they see; null when there are none. */
function refusedSize(list: readonly SignIn[]): number | null {
  const clients = [...groupBy(list, a => `${a.srcIp}\u0000${a.agent}`).values()].filter(c => c.length >= 10).flat();
  const sizes = count(clients.map(a => String(a.bytes)));
  const top = sizes[0];
  return top && top[0] !== 'null' && top[1] >= (2 / 3) * clients.length ? Number(top[0]) : null;
}
