import { groupBy, HOUR, MINUTE, type Micros } from '../../base/index.ts';
import type { RouteRead } from './binding.ts';
import { type Request, routeOf } from './requests.ts';
import { type StatementIndex, statementSlackUs } from './statement-index.ts';

const fewest = 3;
const mostRequests = 300;
const mostly = 0.8;
/** Beside requests a kind of statement runs at least so many times as often as at other times. */
const oftener = 2;
const shifts: readonly Micros[] = [-HOUR, -10 * MINUTE, -MINUTE, MINUTE, 10 * MINUTE, HOUR];

/**
 * Tells of a shape whether requests run statements of it: those of a learned route, or of one whose requests nearly all have one beside them, and far
 * fewer would by chance. Less than what binds a statement to its request, but enough to tell it from the application's own.
 */
export function servedShapes(requests: readonly Request[], learned: readonly RouteRead[], index: StatementIndex): (shape: string) => boolean {
  const known = new Map(learned.map(r => [r.read.shape, true]));
  let near: ReadonlyMap<string, readonly Beside[]> | null = null;
  return shape => {
    const told = known.get(shape);
    if (told !== undefined) return told;
    near ??= shapesBeside(requests, index);
    const serves = near.get(shape)?.some(({ list, share }) => shareElsewhere(list, shape, index) * oftener <= share) ?? false;
    known.set(shape, serves);
    return serves;
  };
}

/** Requests of one route, and how many of them have a statement of some shape beside them. */
type Beside = { readonly list: readonly Request[]; readonly share: number };

/** By shape, the routes whose requests nearly all have one beside them. */
function shapesBeside(requests: readonly Request[], index: StatementIndex): Map<string, Beside[]> {
  const answered = requests.filter(r => r.status !== null && r.status < 400);
  const out = new Map<string, Beside[]>();
  for (const all of groupBy(answered, routeOf).values()) {
    if (all.length < fewest) continue;
    const list = all.slice(0, mostRequests);
    const counts = new Map<string, number>();
    for (const r of list) for (const shape of shapesAt(r, 0, index)) counts.set(shape, (counts.get(shape) ?? 0) + 1);
    for (const [shape, n] of counts) {
      if (n < mostly * list.length) continue;
      const beside = { list, share: n / list.length };
      const known = out.get(shape);
      if (known) known.push(beside);
      else out.set(shape, [beside]);
    }
  }
  return out;
}

function shareElsewhere(list: readonly Request[], shape: string, index: StatementIndex): number {
  const hits = shifts.reduce((n, shift) => n + list.filter(r => shapesAt(r, shift, index).has(shape)).length, 0);
  return hits / (list.length * shifts.length);
}

const shapesAt = (r: Request, shift: Micros, index: StatementIndex): Set<string> =>
  new Set(index.within(r.loUs + shift - statementSlackUs, r.hiUs + shift + statementSlackUs).flatMap(s => (s.failed ? [] : s.read.shape)));
