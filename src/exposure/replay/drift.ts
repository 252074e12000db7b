import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Instance } from '../routes/instances.ts';
import { type Ast, child, constantValue, nodes, text, unwrap } from '../sql/index.ts';
import type { Changes } from './changes.ts';
import { betweenOf } from './epochs.ts';
import { moved, withoutSubqueries } from './rewrite.ts';
import { tablesIn } from './statements.ts';

/**
 * Windows (LIMIT, OFFSET) over a table that lost records between the request and the snapshot: the window may have stood up to `d`
 * rows elsewhere. The rows in every such place stay certain, the rows in any of them are possible. Statements that only fewer conditions make replayable
 * are possible with these.
 */
export function widenWindows(
  instances: readonly Instance[],
  catalogue: Catalogue,
  changes: Changes,
): { readonly kept: Instance[]; readonly possible: Instance[] } {
  const kept: Instance[] = [];
  const possible: Instance[] = [];
  for (const i of instances) {
    const wider = withoutSubqueries(i, catalogue, changes);
    if (wider) {
      possible.push(wider);
      continue;
    }
    const at = i.request?.loUs ?? i.statement?.loUs ?? null;
    const d =
      at === null || (!child(i.read.select, 'limitCount') && !child(i.read.select, 'limitOffset'))
        ? 0
        : Math.max(0, ...[...tablesIn(i.read.select)].map(t => movedBetween(catalogue.byTable(t), at, changes)));
    if (d === 0) {
      kept.push(i);
      continue;
    }
    kept.push({ ...i, ambiguous: true });
    const window = windowOf(i);
    if (!window) continue;
    const skip = Math.max(0, window.offset - d);
    possible.push(moved(i, skip, Math.min(window.limit + (window.offset - skip) + d, everything), true));
    if (window.limit > 2 * d && !i.ambiguous && nodes(i.read.select, 'sortClause').length > 0)
      kept.push(moved(i, window.offset === 0 ? 0 : window.offset + d, window.offset === 0 ? window.limit - d : window.limit - 2 * d, false));
  }
  return { kept, possible };
}

/** May a table that a select cuts a window out of have lost records between a time and its snapshot? Then the window stood elsewhere. */
export function windowMoved(select: Ast, at: number, catalogue: Catalogue, changes: Changes): boolean {
  if (!child(select, 'limitCount') && !child(select, 'limitOffset')) return false;
  return [...tablesIn(select)].some(t => movedBetween(catalogue.byTable(t), at, changes) > 0);
}

/** More than any window holds. */
export const everything = 999_999_999;

/** How many records a data set may have lost on the way. Those it gained are known by their rows (`row_touch`). */
function movedBetween(dataset: Dataset | null, at: number, changes: Changes): number {
  if (!dataset) return 0;
  const between = betweenOf(dataset, at, at);
  return (changes.get(dataset.id)?.removals ?? []).filter(r => between(r.us)).reduce((n, r) => n + r.rows, 0);
}

export function windowOf(i: Instance): { limit: number; offset: number } | null {
  const value = (node: Ast | null): number | null => {
    if (!node) return 0;
    const [tag, body] = unwrap(node);
    const raw = tag === 'A_Const' ? constantValue(body).value : tag === 'ParamRef' ? i.parameters[Number(body['number'] ?? 0) - 1] : null;
    return raw !== null && raw !== undefined && /^\d{1,9}$/.test(raw) ? Number(raw) : null;
  };
  const count = child(i.read.select, 'limitCount');
  const limit = count ? value(count) : everything;
  const offset = value(child(i.read.select, 'limitOffset'));
  return limit === null || offset === null || text(i.read.select, 'op') === '' ? null : { limit, offset };
}
