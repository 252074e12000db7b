import { episodes } from '../requests/request.ts';
import { medianGap, readingUs } from '../times.ts';

type Step = { readonly atUs: number | null; readonly object: number };

const minObjects = 10;
const smallStep = 5;
const mostOfSteps = 0.6;

/**
 * A walk that is told by its address alone: several people may sit behind it, and their ordinary work lies on the same route. Sure is a stretch that walks by
 * itself (in small steps, or faster than anybody reads), and in it what has its neighbour in the walk; all else may be anybody's. Of one `line` from end to
 * end every stretch is sure, however short.
 */
export function splitRun<T extends Step>(run: readonly T[], line: boolean): { sure: T[][]; doubtful: T[] } {
  const sure: T[][] = [];
  const doubtful: T[] = [];
  for (const part of episodes(run).map(untangled)) {
    const inside = line ? part : part.filter(onTheWalk(part));
    if (inside.length > 0) sure.push(inside);
    const kept = new Set(inside);
    doubtful.push(...part.filter(e => !kept.has(e)));
  }
  return { sure, doubtful };
}

/** Within one stamp (logs that tell no more than the second) the lines may stand in any order: they are put in that of the walk. */
function untangled<T extends Step>(part: readonly T[]): T[] {
  const middle = part.length >> 1;
  const mean = (list: readonly T[]): number => list.reduce((n, e) => n + e.object, 0) / Math.max(1, list.length);
  const upward = mean(part.slice(0, middle)) <= mean(part.slice(middle)) ? 1 : -1;
  return [...part].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || upward * (a.object - b.object));
}

function onTheWalk<T extends Step>(part: readonly T[]): (e: T, i: number) => boolean {
  if (new Set(part.map(e => e.object)).size < minObjects) return () => false;
  const beside = (near: (a: T, b: T) => boolean) => (e: T, i: number) => (i > 0 && near(part[i - 1]!, e)) || (i < part.length - 1 && near(e, part[i + 1]!));
  const isNext = (a: T, b: T): boolean => Math.abs(b.object - a.object) <= smallStep;
  const moves = part.slice(1).filter((e, i) => e.object !== part[i]!.object);
  const steps = part.slice(1).filter((e, i) => e.object !== part[i]!.object && isNext(part[i]!, e));
  if (steps.length >= mostOfSteps * moves.length) return beside(isNext);
  const gap = medianGap(part.map(e => e.atUs));
  if (!(gap < readingUs)) return () => false;
  return beside((a, b) => a.atUs !== null && b.atUs !== null && b.atUs - a.atUs < readingUs);
}
