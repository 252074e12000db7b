import type { Occurrence } from '../../src/detections/sigma/correlate.ts';

/** Every event that stands in some window of `span` that ends at an event and holds at least `least` events (or distinct values): by trying all. */
export function eventsInWindows(list: readonly Occurrence[], span: number, least: number, distinct: boolean): Set<number> {
  const out = new Set<number>();
  for (const end of list) {
    const inside = list.filter(o => o.group === end.group && o.atUs <= end.atUs && o.atUs >= end.atUs - span);
    const metric = distinct ? new Set(inside.map(o => o.value).filter(v => v !== null)).size : inside.length;
    if (metric >= least) for (const o of inside) out.add(o.event);
  }
  return out;
}
