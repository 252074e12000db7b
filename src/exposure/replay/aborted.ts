import type { Engine } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Premises } from '../claims/premises.ts';
import type { Instance } from '../routes/instances.ts';
import { formOf } from '../routes/requests.ts';
import type { RouteModel } from '../routes/route-models.ts';
import { echoOf, predict } from '../routes/size-model.ts';
import type { Changes } from './changes.ts';
import { everything, windowOf } from './drift.ts';
import { epochsOf } from './epochs.ts';
import { predictSizes } from './evaluate.ts';
import type { OutputSize } from './replay.ts';
import { groupInstances } from './replay-group.ts';
import { moved } from './rewrite.ts';

/** Each is replayed about forty times. */
const mostCut = 200;

/**
 * Answers that the client broke off: the bytes that had been sent hold the first rows of the statement. Rows whose bytes were sent in any case are
 * certain (`sent`), rows of which some byte may have been sent are possible; the rest was not shown. Only where the sizes of the route's whole answers follow
 * what they show, and nothing changed what the statement gave.
 */
export async function cutAborted(
  engine: Engine,
  catalogue: Catalogue,
  instances: readonly Instance[],
  models: ReadonlyMap<string, RouteModel>,
  changes: Changes,
  premises: Premises,
): Promise<{ readonly kept: Instance[]; readonly possible: Instance[] }> {
  const kept: Instance[] = [];
  const possible: Instance[] = [];
  let cut = 0;
  for (const i of instances) {
    const model = i.routeRead && models.get(i.routeRead.route);
    const window = model && premises.get('sent-in-order') !== false && cuttable(i, model) ? windowOf(i) : null;
    if (!window || cut >= mostCut || epochsOf([i], catalogue, changes).some(e => e.epoch !== null)) {
      kept.push(i);
      continue;
    }
    cut++;
    const bounds = await rowsWithin(engine, catalogue, i, window, model!, changes);
    if (!bounds) {
      kept.push(i);
      continue;
    }
    if (bounds.most > 0) possible.push(moved(i, window.offset, Math.min(window.limit, bounds.most), true));
    if (bounds.least > 0) kept.push({ ...moved(i, window.offset, Math.min(window.limit, bounds.least), false), sent: true });
  }
  return { kept, possible };
}

const brokenOff: ReadonlySet<number> = new Set([499, 460, 0]);

function cuttable(i: Instance, { model, reads }: RouteModel): boolean {
  const r = i.request;
  if (!r || !brokenOff.has(r.status ?? -1) || r.bytes === null || r.bytes <= 0 || r.method === 'HEAD') return false;
  if (i.certainty !== 'strict' || i.ambiguous || i.injected || i.conditional || i.statement?.failed || i.values.some(v => v === undefined)) return false;
  // Another form of the request may be answered by another page.
  if (i.routeRead!.forms !== undefined && !i.routeRead!.forms.has(formOf(r))) return false;
  return model.valid && reads.length === 1 && model.displayed[0] === 'yes' && model.coefficients[0]!.bytes > 0.7;
}

/** How many rows the bytes sent hold at least, and of how many they may hold something; null when the replay does not say. */
async function rowsWithin(
  engine: Engine,
  catalogue: Catalogue,
  i: Instance,
  window: { readonly limit: number; readonly offset: number },
  { model, reads }: RouteModel,
  changes: Changes,
): Promise<{ least: number; most: number } | null> {
  const sizeOf = async (rows: number): Promise<OutputSize | null> => {
    const prefix = moved(i, window.offset, Math.min(window.limit, rows), false);
    return (await predictSizes(engine, catalogue, groupInstances([prefix]), changes)).get(prefix) ?? null;
  };
  const whole = await sizeOf(everything);
  if (!whole?.certain) return null;
  const echo = model.echo * echoOf(i.request!.values, reads);
  const sent = i.request!.bytes!;
  // What stands around the rows may all stand before them, or all after them.
  const around = Math.max(0, predict(model, [{ rows: 0, bytes: 0, nulls: 0 }])) + echo;
  const spread = (own: number): number => 3 * model.tolerance + 0.005 * own;
  const own = (s: OutputSize): number => predict(model, [s]) - predict(model, [{ rows: 0, bytes: 0, nulls: 0 }]);
  let least = 0;
  let most = whole.rows;
  for (let low = 0, high = whole.rows; low < high; ) {
    const mid = (low + high + 1) >> 1;
    const s = await sizeOf(mid);
    // Where the order leaves open which rows come first, the bytes do not tell how many they are.
    if (!s?.certain) return null;
    if (around + own(s) + spread(own(s)) <= sent) low = mid;
    else high = mid - 1;
    least = low;
  }
  for (let low = least, high = whole.rows; low < high; ) {
    const mid = (low + high) >> 1;
    const s = await sizeOf(mid);
    if (!s?.certain) return null;
    // The row after these is possible when their bytes were sent, perhaps with nothing before them.
    if (own(s) - spread(own(s)) > sent) high = mid;
    else low = mid + 1;
    most = low;
  }
  return { least, most };
}
