import { type Micros, SECOND } from '../base/index.ts';

/** A request with the texts it brought, and a statement; both as intervals of corrected time. */
export type LinkedRequest = { readonly eventId: number; readonly loUs: Micros; readonly hiUs: Micros; readonly literals: readonly string[] };
export type LinkedStatement = { readonly eventId: number; readonly loUs: Micros; readonly hiUs: Micros; readonly text: string };

const slack = 1.5 * SECOND;
const telling = 6;

/**
 * Requests joined to the statements they caused: a text of the request stands in the statement, and their intervals meet. One statement goes to the nearest request
 * in time among those with the longest text. Both lists in any order; pairs come sorted by statement.
 */
export function linkStatements(
  requests: readonly LinkedRequest[],
  statements: readonly LinkedStatement[],
): { readonly requestId: number; readonly statementId: number }[] {
  const byStart = [...requests].sort((a, b) => a.loUs - b.loUs || a.eventId - b.eventId);
  const longest = byStart.reduce((n, r) => Math.max(n, r.hiUs - r.loUs), 0);
  const out: { requestId: number; statementId: number }[] = [];
  for (const s of [...statements].sort((a, b) => a.eventId - b.eventId)) {
    let lo = 0;
    for (let hi = byStart.length; lo < hi; ) {
      const mid = (lo + hi) >> 1;
      if (byStart[mid]!.loUs < s.loUs - slack - longest) lo = mid + 1;
      else hi = mid;
    }
    let best: { id: number; length: number; distance: number } | null = null;
    for (let i = lo; i < byStart.length && byStart[i]!.loUs <= s.hiUs + slack; i++) {
      const r = byStart[i]!;
      if (r.hiUs + slack < s.loUs) continue;
      const length = r.literals.reduce((n, l) => (l.length >= telling && l.length > n && s.text.includes(l) ? l.length : n), 0);
      const distance = Math.max(0, s.loUs - r.hiUs, r.loUs - s.hiUs);
      if (length > 0 && (!best || length > best.length || (length === best.length && distance < best.distance))) best = { id: r.eventId, length, distance };
    }
    if (best) out.push({ requestId: best.id, statementId: s.eventId });
  }
  return out;
}
