import { groupBy } from '../../base/index.ts';
import type { Engine } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { predictColumns, predictSizes } from '../replay/evaluate.ts';
import { groupInstances } from '../replay/replay-group.ts';
import type { StatementLog } from '../replay/statements.ts';
import type { RouteRead } from './binding.ts';
import { type Instance, instancesOf } from './instances.ts';
import { type Request, routeOf } from './requests.ts';
import { type ColumnsTold, fitColumns } from './shown-columns.ts';
import { echoOf, fitSizes, type Observation, type SizeModel } from './size-model.ts';
import type { StatementIndex } from './statement-index.ts';

/** `columns`: what the sizes say of single columns, by read, where it reads one data set. */
export type RouteModel = { readonly model: SizeModel; readonly reads: readonly RouteRead[]; readonly columns: ReadonlyMap<RouteRead, ColumnsTold> };

/** Fit the size of answers for every route the intruder used, from requests of everybody else. */
export async function modelRoutes(
  engine: Engine,
  catalogue: Catalogue,
  routes: readonly RouteRead[],
  used: ReadonlySet<string>,
  others: readonly Request[],
  log: StatementLog,
  index: StatementIndex,
): Promise<Map<string, RouteModel>> {
  const out = new Map<string, RouteModel>();
  for (const route of [...used].sort()) {
    const reads = routes.filter(r => r.route === route);
    // What else such a route runs, the log does not show.
    if (reads.length === 0 || reads.some(r => r.partial)) continue;
    const cheap = reads.every(r => r.bindings.every(b => b.from !== 'free'));
    const sample = others.filter(r => routeOf(r) === route && r.status === 200 && r.bytes !== null && r.actor === null).slice(0, cheap ? 240 : 120);
    const { instances } = instancesOf(sample, reads, log, index);
    const byRequest = groupBy(instances, i => i.request!);
    const clean = [...byRequest.values()].filter(list => list.length === reads.length && list.every(i => !i.ambiguous && i.values.every(v => v !== undefined)));
    const predicted = await predictSizes(engine, catalogue, groupInstances(clean.flat()));
    const observations: Observation[] = [];
    const observed: Instance[][] = [];
    for (const list of clean) {
      if (!list.every(i => predicted.get(i)?.certain)) continue;
      observed.push(list);
      observations.push({
        size: list[0]!.request!.bytes!,
        echo: echoOf(list[0]!.request!.values, reads),
        features: reads.map(read => {
          const p = predicted.get(list.find(i => i.routeRead === read)!)!;
          return { rows: p.rows, bytes: p.bytes, nulls: p.nulls };
        }),
      });
    }
    const columns = new Map<RouteRead, ColumnsTold>();
    for (const [at, read] of reads.entries()) {
      const own = observed.map(list => list.find(i => i.routeRead === read)!);
      const bytes = await predictColumns(engine, catalogue, groupInstances(own));
      const told = fitColumns(
        observations,
        at,
        own.map(i => bytes.get(i) ?? null),
      );
      if (told) columns.set(read, told);
    }
    out.set(route, { reads, model: fitSizes(observations, reads.length), columns });
  }
  return out;
}
