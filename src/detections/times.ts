import { HOUR, SECOND } from '../base/index.ts';

/** People who read what they open take longer than this from record to record. */
export const readingUs = 2 * SECOND;

/** Without a session id in the log: a session may live as long as it is used, and die of a pause as long as this. */
export const idleSessionUs = 12 * HOUR;

/** So many requests between two times that nobody reads the answers. */
export const isHurried = (requests: number, fromUs: number, toUs: number): boolean => toUs - fromUs < requests * readingUs;

/** From the first to the last of these times, micros; `from` > `to` where none is known. */
export function spanOf(times: Iterable<number | null>): { readonly from: number; readonly to: number } {
  let from = Infinity;
  let to = -Infinity;
  for (const t of times) {
    if (t === null) continue;
    from = Math.min(from, t);
    to = Math.max(to, t);
  }
  return { from, to };
}

/** The middle of the pauses between neighbours of a list in time order, micros; infinite where there is none. */
export function medianGap(inOrder: readonly (number | null)[]): number {
  const times = inOrder.filter(t => t !== null);
  const gaps = times.slice(1).map((t, i) => t - times[i]!);
  return gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? Infinity;
}
