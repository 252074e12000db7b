import type { OpenCase } from '../../case/index.ts';
import { type Sql, sql } from '../../engine/index.ts';
import { comparisons } from './comparisons.ts';
import type { RecordRef } from './decisions.ts';

export type MergeStep = {
  readonly comparison: string;
  readonly level: number;
  /** `unknown` where a side does not know it. */
  readonly label: string;
  /** What this comparison adds, the frequency of the value included. */
  readonly bits: number;
  readonly sum: number;
};
export type MergeExplanation = {
  readonly left: RecordRef;
  readonly right: RecordRef;
  readonly same: { readonly strict: boolean; readonly best: boolean; readonly wide: boolean };
  readonly weight: number;
  readonly probability: number;
  /** From the prior to the weight, one comparison after the other. */
  readonly waterfall: readonly MergeStep[];
};

/**
 * Why two records are or are not taken for one person: the path of pairs that joins them (or the direct pair), each as a waterfall of
 * bits. Empty when they were never compared. Reads match_pair, link_shared, link_attach, link_model, person_record; no values of people in the answer.
 */
export async function explainMerge(kase: OpenCase, left: RecordRef, right: RecordRef): Promise<MergeExplanation[]> {
  const a = await place(kase, left);
  const b = await place(kase, right);
  if (!a || !b) return [];
  const key = (r: { dataset: string; row: number }): string => `${r.dataset}\u0001${r.row}`;
  const reached = new Map<string, { from: string | null; pair: PairRow | null }>([[key(a), { from: null, pair: null }]]);
  let front = [a];
  for (let hop = 0; hop < 8 && front.length > 0 && !reached.has(key(b)); hop++) {
    const next: Place[] = [];
    for (const p of front) {
      for (const pair of await neighbours(kase, p)) {
        const other =
          pair.l_dataset === p.dataset && pair.l_row === p.row ? { dataset: pair.r_dataset, row: pair.r_row } : { dataset: pair.l_dataset, row: pair.l_row };
        if (reached.has(key(other))) continue;
        reached.set(key(other), { from: key(p), pair });
        next.push(other);
      }
    }
    front = next;
  }
  const path: PairRow[] = [];
  for (let at = reached.get(key(b)); at?.pair; at = reached.get(at.from!)) path.unshift(at.pair);
  return Promise.all(path.map(pair => waterfall(kase, pair)));
}

type Place = { dataset: string; row: number };
type PairRow = { l_dataset: string; l_row: number; r_dataset: string; r_row: number; weight: number; probability: number; levels: string };

/** The record that stands for a record's node: exact copies share one; a record that says nothing of anybody stands for itself. */
async function place(kase: OpenCase, ref: RecordRef): Promise<Place | null> {
  const source = await kase.engine.rows<{ src: number }>('explain.source', sql`select src from link_source where dataset_id = ${ref.dataset}`);
  if (source.length === 0) return null;
  const rows = await kase.engine.rows<{ dataset: string; row: number }>(
    'explain.place',
    sql`select s.dataset_id as dataset, n.first_rid - s.base as row from ${sql.id(`data_${ref.dataset}`)} d join link_source o on o.src = ${source[0]!.src}
    join link_member m on m.rid = o.base + d.row_no join link_frequency n using (nid) asof join link_source s on n.first_rid >= s.base where d.key = ${ref.key} order by 1, 2 limit 1`,
  );
  if (rows.length > 0) return rows[0]!;
  const bare = await kase.engine.rows<{ row: number }>(
    'explain.bare',
    sql`select row_no as row from ${sql.id(`data_${ref.dataset}`)} where key = ${ref.key} order by 1 limit 1`,
  );
  return bare.length === 0 ? null : { dataset: ref.dataset, row: bare[0]!.row };
}

/** Pairs of a record that were weighed, and those that one number in both makes one person. */
async function neighbours(kase: OpenCase, p: Place): Promise<PairRow[]> {
  const rid = (side: Sql): Sql => sql`(select max_by(s.dataset_id, s.base) from link_source s where s.base <= ${side})`;
  const own = await kase.engine.row<{ rid: number }>(
    'explain.rid',
    sql`select (base + ${p.row})::bigint as rid from link_source where dataset_id = ${p.dataset}`,
  );
  const shared = await kase.engine.rows<{ a: number; z: number; by: string }>(
    'explain.shared',
    sql`select a.first_rid as a, z.first_rid as z, x."by" from link_shared x join link_frequency a on a.nid = x.l join link_frequency z on z.nid = x.r
      where x.grade >= 1 and (a.first_rid = ${own.rid} or z.first_rid = ${own.rid})
    union all select x.rid, coalesce(n.first_rid, x.to_rid), 'same-number' from link_attach x left join link_member m on m.rid = x.to_rid left join link_frequency n using (nid) where x.rid = ${own.rid} or x.to_rid = ${own.rid}
    order by 1, 2 limit 200`,
  );
  const pairs: PairRow[] = [];
  for (const x of shared) {
    const at = await kase.engine.row<{ ld: string; lr: number; rd: string; rr: number }>(
      'explain.shared_records',
      sql`select d.l as ld, ${x.a} - (select base from link_source where dataset_id = d.l) as lr, d.r as rd, ${x.z} - (select base from link_source where dataset_id = d.r) as rr
      from (select ${rid(sql`${x.a}`)} as l, ${rid(sql`${x.z}`)} as r) d`,
    );
    pairs.push({
      l_dataset: at.ld,
      l_row: Number(at.lr),
      r_dataset: at.rd,
      r_row: Number(at.rr),
      weight: certainBits,
      probability: 1,
      levels: JSON.stringify({ [x.by]: 1 }),
    });
  }
  const weighed = await kase.engine.rows<PairRow>(
    'explain.neighbours',
    sql`select * from match_pair where (l_dataset = ${p.dataset} and l_row = ${p.row}) or (r_dataset = ${p.dataset} and r_row = ${p.row})
    order by weight desc, l_dataset, l_row, r_dataset, r_row limit 200`,
  );
  return [...pairs, ...weighed];
}

/** Bits of a number that says who it is: more than all comparisons together can say. */
const certainBits = 1000;
const numbers = ['policy-number', 'reference', 'same-number'];

async function waterfall(kase: OpenCase, pair: PairRow): Promise<MergeExplanation> {
  const model = await kase.engine.rows<{ comparison: string; level: number; label: string; bits: number; frequency: string | null }>(
    'explain.model',
    sql`select * from link_model order by comparison, level`,
  );
  const levels = JSON.parse(pair.levels) as Record<string, number>;
  const sides = await kase.engine.rows<Record<string, number | null>>(
    'explain.frequencies',
    sql`select n.f_surname, n.f_given, n.f_birth, n.f_address, n.f_phone, n.f_email, n.f_ident
    from link_frequency n asof join link_source s on n.first_rid >= s.base
    where (s.dataset_id = ${pair.l_dataset} and n.first_rid - s.base = ${pair.l_row}) or (s.dataset_id = ${pair.r_dataset} and n.first_rid - s.base = ${pair.r_row}) order by n.nid`,
  );
  let sum = model.find(x => x.comparison === 'prior')?.bits ?? 0;
  const steps: MergeStep[] = [{ comparison: 'prior', level: 0, label: 'prior', bits: round(sum), sum: round(sum) }];
  for (const c of comparisons) {
    const level = levels[c.name] ?? -1;
    const row = model.find(x => x.comparison === c.name && x.level === level);
    let bits = row?.bits ?? 0;
    if (row?.frequency) {
      const known = sides.map(s => s[`f_${row.frequency}`]).filter((x): x is number => x !== null && x !== undefined);
      bits -= Math.min(-1.5, Math.max(-17, known.length > 0 ? Math.max(...known) : -8));
    }
    sum += bits;
    steps.push({ comparison: c.name, level, label: row?.label ?? 'unknown', bits: round(bits), sum: round(sum) });
  }
  const number = numbers.find(n => levels[n] === 1);
  if (number !== undefined) steps.splice(0, steps.length, { comparison: number, level: 1, label: 'same', bits: pair.weight, sum: pair.weight });
  const left = await refOf(kase, pair.l_dataset, pair.l_row);
  const right = await refOf(kase, pair.r_dataset, pair.r_row);
  return {
    left: left.ref,
    right: right.ref,
    weight: pair.weight,
    probability: pair.probability,
    waterfall: steps,
    same: { strict: left.strict === right.strict, best: left.best === right.best, wide: left.wide === right.wide },
  };
}

const round = (x: number): number => Math.round(x * 1000) / 1000;

async function refOf(kase: OpenCase, dataset: string, row: number): Promise<{ ref: RecordRef; strict: string; best: string; wide: string }> {
  const r = await kase.engine.row<{ key: string; s: string; b: string; w: string }>(
    'explain.ref',
    sql`select coalesce(key, '') as key, person_strict as s, person_best as b, person_wide as w from person_record where dataset_id = ${dataset} and row_no = ${row}`,
  );
  return { ref: { dataset, key: r.key }, strict: r.s, best: r.b, wide: r.w };
}
