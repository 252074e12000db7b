import { contentId } from '../../base/index.ts';
import type { Engine } from '../../engine/index.ts';
import { columnName, unwrap } from './bind.ts';
import { has } from './code-set.ts';
import type { codeText } from './constraint.ts';
import { evaluate, truth } from './evaluate.ts';
import type { RebuiltCell } from './rebuild.ts';
import { type Candidate, findCandidates, findCase, findWhole, type KnownRow, readRows, type SnapshotTable } from './snapshot.ts';
import type { Answer } from './solve.ts';

/** A row of `recovered_cell` before it knows its step. */
export type Recovered = {
  readonly id: string;
  readonly technique: string;
  readonly table: string | null;
  readonly column: string;
  readonly ordinal: number | null;
  readonly rowQuery: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly status: 'exact' | 'partial' | 'attempted';
  readonly confidence: number;
  readonly eventIds: readonly number[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly datasetId: string | null;
  readonly rowNo: number | null;
};

type Draft = {
  cell: RebuiltCell;
  column: string;
  value: string | null;
  table: SnapshotTable | null;
  name: string | null;
  status: Recovered['status'];
  reason: string | null;
  row: number;
};

/** What blind injections obtained, checked against the snapshot where there is one. */
export async function recoverCells(
  engine: Engine,
  cells: readonly RebuiltCell[],
  tableOf: (name: string | null) => SnapshotTable | null,
): Promise<Recovered[]> {
  const drafts: Draft[] = [];
  const rowIds = new Map<string, number>();
  for (const cell of cells) {
    const b = cell.binding;
    const table = tableOf(b.table);
    const rowKey = JSON.stringify([cell.technique, b.table, b.rowQuery, b.ordinal, b.where]);
    const row = rowIds.get(rowKey) ?? rowIds.size;
    rowIds.set(rowKey, row);
    const decoded = decodeValue(cell);
    const parts = b.parts && decoded !== null && cell.solution.status === 'exact' ? splitParts(b.parts, decoded) : null;
    const status = cell.solution.status;
    if (parts)
      for (const p of parts)
        drafts.push({ cell, column: p.column, value: p.value, table, name: table?.columns.get(p.column.toLowerCase()) ?? null, status, reason: null, row });
    else
      drafts.push({
        cell,
        column: b.column,
        value: status === 'exact' ? decoded : null,
        table,
        name: b.plain ? (table?.columns.get(b.column.toLowerCase()) ?? null) : null,
        status,
        reason: null,
        row,
      });
  }
  await askSnapshot(engine, drafts);
  const placed = await placeRows(engine, drafts);
  return drafts.map(d => finish(d, placed)).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/** What answers leave open of a value and the snapshot tells: the case of its letters, and that it ends where the intruder found no further one. */
async function askSnapshot(engine: Engine, drafts: readonly Draft[]): Promise<void> {
  for (const d of drafts) {
    const { folded, begun } = d.cell.solution;
    if (!d.table || d.name === null || d.cell.binding.coding !== null) continue;
    const value = folded !== null ? await findCase(engine, d.table, d.name, folded) : begun !== null ? await findWhole(engine, d.table, d.name, begun) : null;
    if (value === null || countBroken(d.cell.answers, value, d.cell) > 0) continue;
    d.status = 'exact';
    d.value = value;
    d.reason = folded !== null ? 'case-from-the-snapshot' : 'end-from-the-snapshot';
  }
}

/** The text behind HEX or base64; a blank that NULL was turned into is no value. */
function decodeValue(cell: RebuiltCell): string | null {
  const v = cell.solution.value;
  if (v === null) return null;
  if (cell.binding.coding === 'hex') return /^(?:[0-9a-f]{2})*$/i.test(v) ? Buffer.from(v, 'hex').toString('utf8') : v;
  if (cell.binding.coding === 'base64') return Buffer.from(v, 'base64').toString('utf8');
  return v;
}

const isNullBlank = (d: Draft): boolean =>
  d.value !== null && d.cell.binding.nullAs !== null && (d.value === d.cell.binding.nullAs || (d.value === '' && d.cell.binding.nullAs.trim() === ''));

function splitParts(parts: NonNullable<RebuiltCell['binding']['parts']>, value: string): { column: string; value: string }[] | null {
  let pattern = '^';
  const columns: string[] = [];
  for (const p of parts) {
    const name = columnName(unwrap(p).expr);
    if (name !== null) {
      columns.push(name);
      pattern += '(.*?)';
      continue;
    }
    const v = evaluate(p, { dialect: 'any', vars: new Map() });
    if (v === undefined || v === null || v === '') return null;
    if (value.split(String(v)).length - 1 !== parts.filter(q => q === p || evaluate(q, { dialect: 'any', vars: new Map() }) === v).length) return null;
    pattern += String(v).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  const m = new RegExp(`${pattern}$`, 's').exec(value);
  return m ? columns.map((column, i) => ({ column, value: m[i + 1]! })) : null;
}

type Placed = {
  rowNo: Map<number, Candidate>;
  verified: Set<Draft>;
  many: Map<number, number> /** The snapshot's value of a placed draft. */;
  theirs: Map<Draft, string>;
};

async function placeRows(engine: Engine, drafts: readonly Draft[]): Promise<Placed> {
  const rows = new Map<number, Draft[]>();
  for (const d of drafts) if (d.table && d.name !== null) rows.set(d.row, [...(rows.get(d.row) ?? []), d]);
  const knownOf = (list: readonly Draft[], without?: Draft): Map<string, string> => {
    const m = new Map<string, string>();
    for (const d of list) {
      if (d === without || d.status !== 'exact' || d.value === null) continue;
      m.set(d.name!, isNullBlank(d) ? '' : d.value);
    }
    for (const w of list[0]!.cell.binding.where) {
      const c = list[0]!.table!.columns.get(w.column.toLowerCase());
      if (w.op === '=' && c) m.set(c, w.value);
    }
    return m;
  };
  const found = group(
    await findCandidates(
      engine,
      [...rows].map(([id, list]): KnownRow => ({ id, table: list[0]!.table!, values: knownOf(list) })),
    ),
  );
  const placed: Placed = { rowNo: new Map(), verified: new Set(), many: new Map(), theirs: new Map() };
  const lost: KnownRow[] = [];
  const lostDrafts: { id: number; draft: Draft; list: Draft[] }[] = [];
  for (const [id, list] of rows) {
    const c = found.get(id) ?? [];
    if (c.length > 0) {
      for (const d of list) if (d.status === 'exact' && d.value !== null) placed.verified.add(d);
      if (c.length === 1) placed.rowNo.set(id, c[0]!);
      else placed.many.set(id, c.length);
      continue;
    }
    for (const d of list) {
      if (d.status !== 'exact' || d.value === null) continue;
      const values = knownOf(list, d);
      if (values.size > 0) {
        lost.push({ id: lostDrafts.length, table: d.table!, values });
        lostDrafts.push({ id, draft: d, list });
      }
    }
  }
  const near = group(await findCandidates(engine, lost, 5));
  for (const [i, { id, draft, list }] of lostDrafts.entries()) {
    const c = near.get(i) ?? [];
    if (c.length !== 1 || placed.rowNo.has(id)) continue;
    const theirs = (await readRows(engine, draft.table!, [draft.name!], [c[0]!.rowNo])).get(c[0]!.rowNo)?.get(draft.name!) ?? '';
    const broken = countBroken(draft.cell.answers, theirs === '' ? (draft.cell.binding.nullAs ?? '') : theirs, draft.cell);
    placed.rowNo.set(id, c[0]!);
    for (const d of list) if (d !== draft && d.status === 'exact') placed.verified.add(d);
    if (broken <= 2 && draft.cell.answers.length >= 5) {
      draft.status = 'partial';
      draft.reason = 'one-answer-from-the-snapshot';
      draft.value = null;
    } else draft.reason = 'differs-from-the-snapshot';
  }
  for (const [id, list] of [...rows].sort((a, b) => a[0] - b[0])) {
    const row = placed.rowNo.get(id);
    if (!row) continue;
    const values = (await readRows(engine, list[0]!.table!, [...new Set(list.map(d => d.name!))].sort(), [row.rowNo])).get(row.rowNo);
    for (const d of list) placed.theirs.set(d, values?.get(d.name!) ?? '');
  }
  return placed;
}

function group(list: readonly Candidate[]): Map<number, Candidate[]> {
  const m = new Map<number, Candidate[]>();
  for (const c of list) m.set(c.id, [...(m.get(c.id) ?? []), c]);
  return m;
}

/** The answers of a cell evaluated on the snapshot's value of its row: how many there are to compare, and how many agree. */
function agreementOf(d: Draft, theirs: string | undefined): { readonly answers: number; readonly agree: number } | undefined {
  if (theirs === undefined || d.cell.binding.coding !== null || d.cell.binding.parts !== null) return undefined;
  const compared = d.cell.answers.filter(a => a.constraint.kind === 'char' || a.constraint.kind === 'segment' || a.constraint.kind === 'whole');
  const value = theirs === '' ? (d.cell.binding.nullAs ?? '') : theirs;
  return compared.length === 0 ? undefined : { answers: compared.length, agree: compared.length - countBroken(compared, value, d.cell) };
}

/** How many answers a value would break: few means a flipped answer, many means the value really was another one. */
export function countBroken(answers: readonly Answer[], value: string, cell: RebuiltCell): number {
  const chars = cell.dialect === 'mssql' ? value.split('') : [...value];
  let broken = 0;
  for (const { constraint: c, truth: t } of answers) {
    if (c.kind === 'char') {
      const ch = chars[c.position - 1] ?? '';
      if (c.test.how === 'bit') {
        const code = ch === '' ? 0 : codeIn(ch, c.family);
        if ((Math.floor(code / 2 ** c.test.bit) % 2 === 1) !== (t === c.test.whenSet)) broken++;
        continue;
      }
      const set = t ? c.test.yes : c.test.no;
      if (ch === '' ? !(t ? c.test.endYes : c.test.endNo) : !has(set, codeIn(ch, c.family))) broken++;
    } else if (c.kind === 'whole') {
      const v = truth(c.test(value));
      if (v !== undefined && (v === 1) !== t) broken++;
    } else if (c.kind === 'segment' && (t || !c.yesOnly)) {
      const holds = c.sets.every((s, i) => s.includes(chars[c.position - 1 + i] ?? '')) && (!c.end || chars.length === c.position - 1 + c.sets.length);
      if (holds !== t) broken++;
    }
  }
  return broken;
}

function codeIn(ch: string, family: Parameters<typeof codeText>[1]): number {
  if (family === 'utf16') return ch.charCodeAt(0);
  if (family === 'utf8') return Buffer.from(ch).reduce((n, b) => n * 256 + b, 0);
  return family === 'byte' ? Buffer.from(ch)[0]! : ch.codePointAt(0)!;
}

function finish(d: Draft, placed: Placed): Recovered {
  const { cell } = d;
  const s = cell.solution;
  const verified = placed.verified.has(d);
  const candidate = placed.rowNo.get(d.row) ?? null;
  let { status, value, reason } = d;
  const noise = cell.oracle?.noise ?? 0;
  if (status === 'exact' && !verified && noise > 0.002) {
    status = 'partial';
    reason = 'noisy-answers';
    value = null;
  }
  if (status === 'exact' && s.contradictions > 0 && !verified) {
    status = 'partial';
    reason = 'contradicted-answers';
    value = null;
  }
  const nullBlank = isNullBlank(d);
  if (nullBlank && status === 'exact') {
    value = '';
    if (!verified) {
      status = 'partial';
      reason = 'null-or-blank';
      value = null;
    }
  }
  const margin = cell.oracle?.margin ?? 0;
  const confidence =
    status === 'exact' ? (verified ? 0.9999 : Math.min(0.995, 0.9 + 0.05 * margin + 0.045 * Math.min(1, s.confirmations / 5))) : status === 'partial' ? 0.5 : 0;
  const facts = {
    technique: cell.technique,
    dialect: cell.dialect,
    answers: cell.answers.length,
    requests: cell.eventIds.length,
    bits: Math.round(s.bits * 10) / 10,
    confirmations: s.confirmations,
    contradictions: s.contradictions,
    verified_by: verified ? 'snapshot' : null,
    agreement: agreementOf(d, placed.theirs.get(d)),
    reason: reason ?? cell.unreadable,
    pattern: status === 'partial' ? s.pattern : undefined,
    length: s.length ?? undefined,
    open_positions: status === 'partial' ? s.domains.slice(0, 40) : undefined,
    bounds: s.bounds ?? undefined,
    assumptions: s.assumptions.length > 0 ? s.assumptions : undefined,
    null_rule: nullBlank ? 'null-or-blank' : undefined,
    candidates: placed.many.get(d.row),
    oracle: cell.oracle ?? undefined,
    expression: cell.binding.plain ? undefined : cell.key.slice(0, 500),
    conditions: cell.binding.where.length > 0 ? cell.binding.where : undefined,
  };
  const key = candidate?.key ?? null;
  return {
    id: contentId('recovered', { t: cell.technique, k: cell.key, c: d.column }),
    technique: cell.technique,
    table: d.table?.name ?? cell.binding.table,
    column: d.name ?? d.column,
    ordinal: cell.binding.ordinal,
    rowQuery: cell.binding.rowQuery,
    key,
    value,
    status,
    confidence,
    eventIds: cell.eventIds,
    facts,
    datasetId: d.table?.datasetId ?? null,
    rowNo: candidate?.rowNo ?? null,
  };
}
