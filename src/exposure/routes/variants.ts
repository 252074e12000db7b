import type { ReadableStatement, Statement } from '../replay/statements.ts';
import { nodes, shapeOf } from '../sql/index.ts';
import { type RouteRead, slotValue } from './binding.ts';
import { formOf, type Request } from './requests.ts';
import type { StatementIndex } from './statement-index.ts';

/** Statements that show the same columns of the same tables as a learned read, under conditions made of the request's own parameters. */
export type Variants = {
  readonly statements: readonly Statement[];
  /** One statement only, made of every parameter of a request whose set of parameters nobody else sends: nothing else can be its own. */
  readonly sole: boolean;
};

const outputs = new WeakMap<ReadableStatement, string>();

/** What a read shows and from where, without its conditions. */
function outputOf(read: ReadableStatement): string {
  const known = outputs.get(read);
  if (known !== undefined) return known;
  const shape = shapeOf({ list: nodes(read.select, 'targetList'), from: nodes(read.select, 'fromClause') }).shape;
  outputs.set(read, shape);
  return shape;
}

/** The values of a request as a statement may hold them: bare, or in a pattern. */
export const sentForms = (request: Request): ReadonlySet<string> =>
  new Set([...request.values.values()].filter(v => v !== '').flatMap(v => [v, `%${v}%`, `${v}%`, `%${v}`]));

/**
 * Applications compose conditions from the parameters they get: a request with other parameters than usual runs another statement than the
 * learned one. Its values must all come from the request or be constants written in the text of the learned read.
 */
export function variantsOf(request: Request, route: RouteRead, index: StatementIndex): Variants {
  const given = [...request.values.values()].filter(v => v !== '');
  const constants = route.bindings
    .map((b, n) => (b.from === 'constant' && route.read.slots[n]?.kind === 'parameter' ? undefined : slotValue(b, request)))
    .filter((v): v is string => typeof v === 'string');
  const own = sentForms(request);
  const output = outputOf(route.read);
  const found = new Map<string, { statement: Statement; used: number }>();
  for (const s of index.during(request)) {
    if (s.failed || outputOf(s.read) !== output) continue;
    if (!s.values.every(v => v === null || (v !== undefined && (own.has(v) || constants.includes(v))))) continue;
    const used = given.filter(v => s.values.some(x => x === v || x === `%${v}%` || x === `${v}%` || x === `%${v}`)).length;
    found.set(JSON.stringify([s.read.shape, s.values]), { statement: s, used });
  }
  const most = Math.max(0, ...[...found.values()].map(f => f.used));
  const best = [...found.values()].filter(f => f.used === most).map(f => f.statement);
  return { statements: best, sole: best.length === 1 && most === given.length && route.forms !== undefined && !route.forms.has(formOf(request)) };
}
