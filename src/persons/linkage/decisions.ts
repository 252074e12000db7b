import { type Effects, type Problem, problem } from '../../base/index.ts';
import { type OpenCase, standingDecisions } from '../../case/index.ts';
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

export type Decisions = { readonly together: readonly (readonly [number, number])[]; readonly apart: Apart; readonly problems: readonly Problem[] };

/** What people decided, as nodes. Apart wins over together. */
export async function readDecisions(kase: OpenCase): Promise<Decisions> {
  const together: [number, number][] = [];
  const apart = new Map<number, Map<number, number>>();
  const problems: Problem[] = [];
  const known = async (list: readonly RecordRef[], seq: number): Promise<number[]> => {
    const out: number[] = [];
    for (const ref of list) {
      const rids = await ridsOf(kase, ref);
      if (rids.length === 0) problems.push(problem('persons.decision-unknown-record', 'warning', { ref: ref.dataset }, { seq }));
      for (const rid of rids) out.push((await kase.engine.row<{ nid: number }>('link.decided_node', sql`select nid from link_member where rid = ${rid}`)).nid);
    }
    return out;
  };
  for (const act of standingDecisions(kase.store, 'person.split')) {
    const sides = (act.body['sides'] ?? []) as RecordRef[][];
    for (const [side, list] of sides.entries()) {
      for (const nid of await known(list, act.seq)) {
        const of = apart.get(nid) ?? new Map<number, number>();
        of.set(act.seq, side);
        apart.set(nid, of);
      }
    }
  }
  for (const act of standingDecisions(kase.store, 'person.merged')) {
    const nids = await known((act.body['records'] ?? []) as RecordRef[], act.seq);
    for (const nid of nids.slice(1)) together.push([nids[0]!, nid]);
  }
  return { together, apart, problems };
}

/** Records that decisions name, as `rid`: they must be nodes of their own, or one decision would speak for their exact copies too. */
export async function decidedRecords(kase: OpenCase): Promise<number[]> {
  const out = new Set<number>();
  for (const act of [...standingDecisions(kase.store, 'person.split'), ...standingDecisions(kase.store, 'person.merged')]) {
    for (const ref of [...((act.body['records'] ?? []) as RecordRef[]), ...((act.body['sides'] ?? []) as RecordRef[][]).flat()]) {
      for (const rid of await ridsOf(kase, ref)) out.add(rid);
    }
  }
  return [...out].sort((a, b) => a - b);
}

async function ridsOf(kase: OpenCase, ref: RecordRef): Promise<number[]> {
  const source = await kase.engine.rows('link.decided_source', sql`select 1 as one from link_source where dataset_id = ${ref.dataset}`);
  if (source.length === 0) return [];
  return (
    await kase.engine.rows<{ rid: number }>(
      'link.decided',
      sql`select (s.base + d.row_no)::integer as rid from ${sql.id(`data_${ref.dataset}`)} d, link_source s where s.dataset_id = ${ref.dataset} and d.key = ${ref.key} order by 1`,
    )
  ).map(r => r.rid);
}
