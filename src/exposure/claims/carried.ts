import { groupBy } from '../../base/index.ts';
import type { Statement } from '../replay/statements.ts';
import { showsBody } from '../routes/instances.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { asksPassword } from '../routes/sign-ins.ts';
import type { StatementIndex } from '../routes/statement-index.ts';
import { sentForms } from '../routes/variants.ts';

/** A route is learned from so many requests at least. */
const fewest = 3;

/** Password checks beside a request that sent somebody on from where one signs in: whoever that was, nothing of them was shown. */
export function passwordChecks(requests: readonly Request[], index: StatementIndex, explained: ReadonlySet<number>): Set<number> {
  const posts = requests.filter(r => r.method === 'POST' && showsBody(r) === 'no');
  return nearest(posts, index, explained, () => s => asksPassword(s.read));
}

/**
 * Statements that a request of somebody else explains although its route is used too seldom to be learned: each value of such a statement is one that the request sent in
 * that moment; or all of its kind are the same, as many as requests of the route, one beside each. Had a line been lost whose request asked for the same at the same
 * moment, there would be another statement.
 */
export function carriedStatements(
  others: readonly Request[],
  statements: readonly Statement[],
  index: StatementIndex,
  explained: ReadonlySet<number>,
): Set<number> {
  const seldom = [...groupBy(others, routeOf).values()].filter(list => list.length < fewest);
  const valued = nearest(seldom.flat(), index, explained, r => {
    const sent = sentForms(r);
    return ({ values }) => values.length > 0 && values.every(v => typeof v === 'string' && sent.has(v));
  });
  return new Set([...valued, ...oneForOne(seldom, statements, index)]);
}

/** Statements of kinds that are always the same, where a route has as many requests as there are such statements, each with one beside it. */
function oneForOne(routes: readonly (readonly Request[])[], statements: readonly Statement[], index: StatementIndex): number[] {
  const beside = routes.map(list => list.map(r => index.during(r).filter(s => !s.failed && s.actor === null)));
  const shapes = new Set(beside.flat(2).map(s => s.read.shape));
  const all = groupBy(
    statements.filter(s => shapes.has(s.read.shape)),
    s => s.read.shape,
  );
  const same = (list: readonly Statement[]): boolean => new Set(list.map(s => JSON.stringify(s.values))).size === 1;
  return beside.flatMap(windows =>
    [...new Set(windows.flat().map(s => s.read.shape))].flatMap(shape => {
      const own = windows.map(near => near.filter(s => s.read.shape === shape));
      const fits = all.get(shape)!.length === own.length && own.every(near => near.length === 1) && same(own.flat());
      return fits ? own.flat().map(s => s.eventId) : [];
    }),
  );
}

/** Of each request the nearest statement of a kind that nobody's request explains and that is of it. */
function nearest(
  requests: readonly Request[],
  index: StatementIndex,
  explained: ReadonlySet<number>,
  isOf: (r: Request) => (s: Statement) => boolean,
): Set<number> {
  const out = new Set<number>();
  for (const r of requests) {
    const test = isOf(r);
    const told = new Set<string>();
    const near = index.during(r).filter(s => !s.failed && s.actor === null && !explained.has(s.eventId) && !out.has(s.eventId));
    for (const s of near.sort((a, b) => Math.abs(a.loUs - r.loUs) - Math.abs(b.loUs - r.loUs) || a.eventId - b.eventId)) {
      if (told.has(s.read.shape) || !test(s)) continue;
      told.add(s.read.shape);
      out.add(s.eventId);
    }
  }
  return out;
}
