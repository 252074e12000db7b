import type { Engine } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { predictSizes } from '../replay/evaluate.ts';
import { groupInstances } from '../replay/replay-group.ts';
import type { StatementLog } from '../replay/statements.ts';
import { type Instance, instancesOf } from './instances.ts';
import type { RouteRead, StatementIndex } from './link-statements.ts';
import { type Request, routeOf } from './requests.ts';
import { echoOf, fitSizes, type Observation, type SizeModel } from './size-model.ts';

export type RouteModel = { readonly model: SizeModel; readonly reads: readonly RouteRead[] };

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
    if (reads.length === 0) continue;
    const cheap = reads.every(r => r.bindings.every(b => b.from !== 'free'));
    const sample = others.filter(r => routeOf(r) === route && r.status === 200 && r.bytes !== null && r.actor === null).slice(0, cheap ? 240 : 120);
    const { instances } = instancesOf(sample, reads, log, index);
    const byRequest = new Map<Request, Instance[]>();
    for (const i of instances) byRequest.set(i.request!, [...(byRequest.get(i.request!) ?? []), i]);
    const clean = [...byRequest.values()].filter(list => list.length === reads.length && list.every(i => !i.ambiguous && i.values.every(v => v !== undefined)));
    const predicted = await predictSizes(engine, catalogue, groupInstances(clean.flat()));
    const observations: Observation[] = [];
    for (const list of clean) {
      if (!list.every(i => predicted.get(i)?.certain)) continue;
      observations.push({
        size: list[0]!.request!.bytes!,
        echo: echoOf(list[0]!.request!.values),
        features: reads.map(read => {
          const p = predicted.get(list.find(i => i.routeRead === read)!)!;
          return { rows: p.rows, bytes: p.bytes, nulls: p.nulls };
        }),
      });
    }
    out.set(route, { reads, model: fitSizes(observations, reads.length) });
  }
  return out;
}
