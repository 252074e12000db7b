import { groupBy } from '../../base/index.ts';
import { type Request, routeOf } from './requests.ts';

const fewest = 5;
const spread = 2;

const sizesOf = (sample: readonly Request[]): number[] => sample.filter(r => r.bytes !== null).map(r => r.bytes!);

/** An answer of one size for everybody (give or take `within` bytes) shows nobody's data. */
export function sameAlways(sample: readonly Request[], within: number): boolean {
  const sizes = sizesOf(sample);
  return sizes.length >= fewest && sizes.reduce((a, b) => Math.max(a, b), 0) - sizes.reduce((a, b) => Math.min(a, b), Infinity) <= within;
}

/** Tells of an answer whether it is as long as everybody's on its route, the page that a sign-in turns people away with for one: that its statement returned a row does not show it. */
export function answeredAsAlways(others: readonly Request[]): (r: Request) => boolean {
  const usual = new Map<string, number>();
  for (const [route, list] of groupBy(
    others.filter(r => r.status === 200),
    routeOf,
  ))
    if (sameAlways(list, spread)) usual.set(route, sizesOf(list)[0]!);
  return r => r.bytes !== null && Math.abs(r.bytes - (usual.get(routeOf(r)) ?? Infinity)) <= spread;
}
