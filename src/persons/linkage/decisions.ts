import { type Effects, problem, type Problem } from '../../base/index.ts';
import type { OpenCase } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import type { Apart } from './cluster.ts';

/** A record as an analyst names it: data set and key. */
export type RecordRef = { readonly dataset: string; readonly key: string };

/** Write down that these records are one human being. Holds for every later run. */
export function mergePersons(kase: OpenCase, by: string, records: readonly RecordRef[], reason: string, effects: Effects): void {
  kase.store.append('person.merged', by, effects.now(), { records: records.map(r => ({ ...r })), reason });
}

/** Write down that records of different sides are different human beings. Holds for every later run. */
export function splitPersons(kase: OpenCase, by: string, sides: readonly (readonly RecordRef[])[], reason: string, effects: Effects): void {
  kase.store.append('person.split', by, effects.now(), { sides: sides.map(s => s.map(r => ({ ...r }))), reason });
}

export type Decisions = { readonly together: readonly (readonly [number, number])[]; readonly apart: Apart; readonly alone: readonly number[]; readonly problems: readonly Problem[] };

/** What people decided, as nodes. A later decision does not undo an earlier one: apart wins over together. */
export async function readDecisions(kase: OpenCase): Promise<Decisions> {
  const together: [number, number][] = [];
  const apart = new Map<number, Map<number, number>>();
  const problems: Problem[] = [];
  const known = async (list: readonly RecordRef[], seq: number): Promise<number[]> => {
    const out: number[] = [];
    for (const ref of list) {
      const rows = await kase.engine.rows<{ nid: number }>('link.decided', sql`select m.nid from link_record r join link_member m using (rid) join link_source s using (src)
        join ${sql.id(`data_${ref.dataset}`)} d on d.row_no = r.row_no where s.dataset_id = ${ref.dataset} and d.key = ${ref.key} order by m.nid`).catch(() => []);
      if (rows.length === 0) problems.push(problem('persons.decision-unknown-record', 'warning', { ref: ref.dataset }, { seq }));
      out.push(...rows.map(r => r.nid));
    }
    return out;
  };
  for (const act of kase.store.acts('person.split')) {
    const sides = (act.body['sides'] ?? []) as RecordRef[][];
    for (const [side, list] of sides.entries()) {
      for (const nid of await known(list, act.seq)) {
        const of = apart.get(nid) ?? new Map<number, number>();
        of.set(act.seq, side);
        apart.set(nid, of);
      }
    }
  }
  for (const act of kase.store.acts('person.merged')) {
    const nids = await known((act.body['records'] ?? []) as RecordRef[], act.seq);
    for (const nid of nids.slice(1)) together.push([nids[0]!, nid]);
  }
  return { together, apart, alone: [], problems };
}

/** Records that decisions name must be nodes of their own, or one decision would speak for their copies: keys by data set. */
export function decidedRecords(kase: OpenCase): RecordRef[] {
  return [...kase.store.acts('person.split'), ...kase.store.acts('person.merged')].flatMap(a => [
    ...((a.body['records'] ?? []) as RecordRef[]), ...((a.body['sides'] ?? []) as RecordRef[][]).flat(),
  ]);
}
