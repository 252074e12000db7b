import { type Engine, sql } from '../../engine/index.ts';
import type { Dataset } from '../catalogue.ts';
import type { Replay } from '../replay/replay.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';

/** One execution of a replayed statement: what it may have shown, and how many rows the log says it gave. */
export type Execution = { readonly must: number; readonly may: number; readonly rowsOut: number | null };

/**
 * How many rows were shown is often known where it is not known which: a window without an order, a row count in the audit log. Writes it
 * as a constraint: at least the most that one execution must have shown, at most what all of them together can have.
 */
export async function recordCounts(
  engine: Engine,
  claims: Claims,
  r: Replay,
  size: { readonly rows: number; readonly certain: boolean },
  executions: readonly Execution[],
  claimOf: (dataset: Dataset) => string,
): Promise<void> {
  const ran = executions.filter(x => x.may >= tier.possible);
  if (ran.length === 0) return;
  const datasets = new Map(r.relation.occurrences.map(o => [o.dataset.id, o.dataset]));
  for (const dataset of datasets.values()) {
    if (r.relation.certain || size.certain) {
      claims.uncounted(claimOf(dataset));
      continue;
    }
    const uses = r.relation.occurrences.filter(o => o.dataset.id === dataset.id);
    const shown = (o: { id: number }): number[] =>
      r.relation.columns.flatMap(c => c.origins.filter(x => x.occurrence === o.id && x.display !== 'derived').map(x => x.column));
    const columns = [...new Set(uses.flatMap(shown))];
    if (columns.length === 0) continue;
    let upper = 0;
    for (const o of uses.filter(u => shown(u).length > 0)) {
      // Equal rows of a union are one row of the answer and stand for several records.
      const width = o.list
        ? (await engine.row<{ n: number }>('exposure.count_width', sql`select coalesce(max(len(list_distinct(${sql.id(o.ref)}))), 0) as n from replay_result`))
            .n
        : 1;
      const cap = r.caps.get(o.id) ?? Infinity;
      for (const x of ran) upper += width * Math.min(cap, x.rowsOut ?? Infinity, size.rows);
    }
    const sole = uses.length === 1 && r.relation.occurrences.length === 1 && !uses[0]!.list && r.counted;
    const window = r.relation.cut;
    const fits = r.widened.every(w => w === 'limit-without-order' || w === 'collation');
    const certain = ran.filter(x => x.must >= tier.executed);
    const least =
      !sole || certain.length === 0
        ? 0
        : Math.max(
            ...certain.map(x => x.rowsOut ?? (window && fits ? Math.min(window.most, Math.max(0, size.rows - (r.widened.length > 0 ? window.skip : 0))) : 0)),
          );
    const possible = Math.min(upper, dataset.rows);
    if (possible >= dataset.rows && least === 0) claims.uncounted(claimOf(dataset));
    else claims.count(claimOf(dataset), dataset, claims.colset(dataset, columns), Math.min(least, possible), possible, 'rows');
  }
}
