import { DAY, HOUR } from '../base/index.ts';
import type { DetectionRow } from './tables.ts';

/** What somebody did that a method noticed. */
type Doing = { readonly detections: readonly DetectionRow[] };

/** Requests of no more weight than this may be words that only look like an attack, answered as any page is. */
const weakScore = 5;
/** More who only try than so many are the noise of the internet. */
const fewLoners = 5;

/**
 * Of `all`, those who tried and got nothing, and whom nothing ties to an intrusion: a link checker that follows odd links, a scanner that passes by. They
 * are possible, never certain. Certain are those few who tried in the day before somebody else got in (in the hour before, where many try): they prepared it.
 */
export function strayAttempts<T extends Doing>(all: readonly T[]): Set<T> {
  const tried = all.filter(a => a.detections.length > 0 && a.detections.every(isAttempt));
  const entries = all.filter(a => !tried.includes(a)).flatMap(a => a.detections.filter(d => d.outcome === 'succeeded').map(d => d.first_us));
  const before = tried.length <= fewLoners ? DAY : HOUR;
  const prepares = (a: T): boolean => {
    const from = Math.min(...a.detections.map(d => d.first_us));
    const to = Math.max(...a.detections.map(d => d.last_us));
    return entries.some(entry => to <= entry && from >= entry - before);
  };
  return new Set(tried.filter(a => !prepares(a)));
}

/** To look around obtains nothing, whatever was found. */
function isAttempt(d: DetectionRow): boolean {
  if (d.outcome === 'attempted' || d.outcome === 'blocked' || (d.kind === 'scan' && d.outcome !== 'succeeded')) return true;
  const { best_score: best } = JSON.parse(d.facts) as { best_score?: unknown };
  return d.outcome === 'unknown' && typeof best === 'number' && best <= weakScore;
}
