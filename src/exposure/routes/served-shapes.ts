import { groupBy, HOUR, MINUTE, type Micros } from '../../base/index.ts';
import type { RouteRead } from './binding.ts';
import { type Request, routeOf } from './requests.ts';
import { type StatementIndex, statementSlackUs } from './statement-index.ts';

const fewest = 3;
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
  const answered = requests.filter(r => r.status !== null && r.status < 400);
  const routes = [...groupBy(answered, routeOf).values()].filter(list => list.length >= fewest).map(list => list.slice(0, 300));
  const share = (list: readonly Request[], shape: string, shift: Micros): number => {
    const has = (r: Request): boolean =>
      index.within(r.loUs + shift - statementSlackUs, r.hiUs + shift + statementSlackUs).some(s => s.read.shape === shape && !s.failed);
    return list.filter(has).length / list.length;
  };
  const serves = (list: readonly Request[], shape: string): boolean => {
    const beside = share(list, shape, 0);
    if (beside < mostly) return false;
    const elsewhere = shifts.reduce((n, shift) => n + share(list, shape, shift), 0) / shifts.length;
    return elsewhere * oftener <= beside;
  };
  return shape => {
    const told = known.get(shape) ?? routes.some(list => serves(list, shape));
    known.set(shape, told);
    return told;
  };
}
