import { groupBy, isoUtc, printable, UserError } from '../../base/index.ts';
import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { placeOfEvent } from '../../events/index.ts';
import { contact } from '../tables.ts';
import { type Premises, readPremises } from './premises.ts';
import { type ProofNode, type ProofPlace, proofNode } from './proof.ts';

type ClaimRow = {
  claim_id: string;
  kind: string;
  dataset_id: string | null;
  must_tier: number;
  may_tier: number;
  rule: string;
  statement: string;
  premises: string;
  assumptions: string[];
};

const shownEvents = 5;
const shownClaims = 8;

/** Why: `claim-…`, a record `customers/1234`, a cell `customers/1234/name`, a data set. Throws UserError when there is nothing of that name. */
export async function explainRef(kase: OpenCase, ref: string): Promise<ProofNode> {
  return decided(await proofOf(kase, ref), readPremises(kase));
}

/** The same proof with what a person has decided about its premises. */
function decided(node: ProofNode, premises: Premises): ProofNode {
  const holds = node.key === 'assumption' ? premises.get(String(node.params['what']).replace('@assumption.', '')) : undefined;
  if (holds !== undefined) return proofNode(holds ? 'assumption-holds' : 'assumption-fails', node.params, node.children, node.place);
  return { ...node, children: node.children.map(c => decided(c, premises)) };
}

async function proofOf(kase: OpenCase, ref: string): Promise<ProofNode> {
  const e = kase.engine;
  if (!(await e.hasTable('claim'))) throw new UserError('exposure.not-assessed');
  if (ref.startsWith('claim-')) {
    const [claim] = await e.rows<ClaimRow>('explain.claim', sql`select * from claim where claim_id = ${ref}`);
    if (!claim) throw new UserError('exposure.unknown-ref', { ref: printable(ref, 80) });
    return explainClaim(e, claim, null);
  }
  const slash = ref.indexOf('/');
  const dataset = slash < 0 ? ref : ref.slice(0, slash);
  const known = await e.rows<{ dataset_id: string }>('explain.dataset', sql`select dataset_id from dataset where dataset_id = ${dataset}`);
  if (known.length === 0) throw new UserError('exposure.unknown-ref', { ref: printable(ref, 80) });
  if (slash < 0) return explainDataset(e, dataset);
  const rest = ref.slice(slash + 1);
  const whole = await findRow(e, dataset, rest);
  if (whole !== null) return explainRecord(e, dataset, rest, whole, null);
  const last = rest.lastIndexOf('/');
  if (last > 0) {
    const row = await findRow(e, dataset, rest.slice(0, last));
    const [column] = await e.rows<{ column_no: number; name: string }>(
      'explain.column',
      sql`select column_no, name from dataset_column where dataset_id = ${dataset} and name = ${rest.slice(last + 1)}`,
    );
    if (row !== null && column) return explainRecord(e, dataset, rest.slice(0, last), row, column);
  }
  throw new UserError('exposure.unknown-ref', { ref: printable(ref, 80) });
}

async function findRow(e: Engine, dataset: string, key: string): Promise<number | null> {
  const rows = await e.rows<{ row_no: number }>('explain.row', sql`select row_no from ${sql.id(`data_${dataset}`)} where key = ${key} order by row_no limit 1`);
  return rows[0]?.row_no ?? null;
}

async function explainRecord(e: Engine, dataset: string, key: string, rowNo: number, column: { column_no: number; name: string } | null): Promise<ProofNode> {
  const where = column ? sql`and s.column_no = ${column.column_no}` : sql``;
  const claims = await e.rows<ClaimRow & { lower: number; upper: number; columns: string[] }>(
    'explain.record_claims',
    sql`
    select c.*, max(r.tier_lower) as lower, max(r.tier_upper) as upper, list_sort(list(distinct d.name)) as columns
    from claim_row r join colset s using (colset_id) join claim c using (claim_id) join dataset_column d on d.dataset_id = s.dataset_id and d.column_no = s.column_no
    where s.dataset_id = ${dataset} and r.row_no = ${rowNo} ${where} group by all order by lower desc, upper desc, c.claim_id limit ${shownClaims}`,
  );
  const lower = Math.max(0, ...claims.map(c => c.lower));
  const upper = Math.max(0, ...claims.map(c => c.upper));
  const children: ProofNode[] = [];
  for (const c of claims) children.push(await explainClaim(e, c, rowNo, c.columns.join(', ')));
  children.push(...(await contactNodes(e, dataset, rowNo, column?.column_no ?? null)));
  children.push(await snapshotNode(e, dataset, rowNo));
  if (claims.length === 0) {
    const open = await e.rows<{ reason: string }>(
      'explain.reachable',
      sql`select distinct reason from reachable where dataset_id = ${dataset} order by reason`,
    );
    for (const r of open) children.unshift(proofNode(`reachable.${r.reason}`));
    return proofNode(open.length > 0 ? 'record-reachable' : 'record-untouched', { ref: `${dataset}/${key}` }, children);
  }
  return proofNode(
    column ? 'cell' : 'record',
    { ref: `${dataset}/${key}${column ? `/${column.name}` : ''}`, lower: `@tier.${lower}`, upper: `@tier.${upper}` },
    children,
  );
}

/** What a record or a value had to do with answers without being shown in them. */
async function contactNodes(e: Engine, dataset: string, rowNo: number, columnNo: number | null): Promise<ProofNode[]> {
  if (!(await e.hasTable('contact_row'))) return [];
  const of = columnNo === null ? sql`` : sql`and (s.column_no = ${columnNo} or x.row_no is null)`;
  const found = await e.rows<ClaimRow & { lower: number; upper: number }>(
    'explain.contacts',
    sql`select c.*, max(x.contact_lower) as lower, max(x.contact_upper) as upper from contact_row x join claim c using (claim_id)
      left join colset s on s.colset_id = x.colset_id where c.dataset_id = ${dataset} and (x.row_no = ${rowNo} or x.row_no is null) ${of}
      group by all order by lower desc, upper desc, c.claim_id limit ${shownClaims}`,
  );
  const names = new Map(Object.entries(contact).map(([name, rank]) => [rank as number, name]));
  return found.map(c =>
    proofNode(c.lower > 0 ? 'contact' : 'contact-possible', { contact: `@contact.${names.get(c.lower > 0 ? c.lower : c.upper)}`, id: c.claim_id }),
  );
}

async function snapshotNode(e: Engine, dataset: string, rowNo: number): Promise<ProofNode> {
  const files = await e.rows<{ path: string; sha256: string }>(
    'explain.snapshot',
    sql`select f.path, f.sha256 from source_file f where f.role = 'dataset' and f.evidence_id = ${dataset} order by f.path`,
  );
  const [d] = await e.rows<{ as_of_us: number | null }>('explain.as_of', sql`select as_of_us from dataset where dataset_id = ${dataset}`);
  const where = files.map(f => proofNode('snapshot-file', { file: f.path, hash: f.sha256 }));
  return proofNode(d?.as_of_us ? 'snapshot-row' : 'snapshot-row-undated', { row: rowNo + 1, at: d?.as_of_us ? isoUtc(d.as_of_us) : '' }, where);
}

/** The proof of one claim; with a row, the events that gave that very row. */
export async function explainClaim(e: Engine, c: ClaimRow, rowNo: number | null, columns = ''): Promise<ProofNode> {
  const p = JSON.parse(c.premises) as Record<string, unknown>;
  const number = (v: unknown): number => (typeof v === 'number' ? v : 0);
  const children: ProofNode[] = [];
  if (columns !== '') children.push(proofNode('columns', { columns }));
  if (typeof p['route'] === 'string') children.push(proofNode('route', { route: printable(p['route'], 120), requests: number(p['requests']) }));
  if (p['source'] === 'log')
    children.push(proofNode('binding', { from: number(p['learned_from']), support: `${Math.round(number(p['support']) * 1000) / 10} %` }));
  if (c.statement !== '') children.push(proofNode('statement', { sql: printable(c.statement, 400) }));
  const size = p['size_check'] as { valid?: boolean; tolerance?: number; agreed?: number } | null | undefined;
  if (size?.valid) children.push(proofNode('size', { agreed: number(size.agreed), tolerance: number(size.tolerance) }));
  if (p['in_message'] === true) children.push(proofNode('in-message'));
  if (p['size_agrees'] === true) children.push(proofNode('error-size'));
  if (typeof p['row_identity'] === 'string') children.push(proofNode(`row-identity.${p['row_identity']}`));
  if (typeof p['reason'] === 'string') children.push(proofNode('reason', { reason: printable(p['reason'], 80) }));
  for (const w of Array.isArray(p['widened']) ? (p['widened'] as string[]) : []) children.push(proofNode('widened', { construct: printable(w, 60) }));
  for (const n of await e.rows<{ least: number; most: number; rows: number }>(
    'explain.counts',
    sql`select max(k.lower) as least, sum(k.upper)::bigint as most, (select n.possible from claim_total n where n.claim_id = ${c.claim_id}) as rows
      from claim_count k where k.claim_id = ${c.claim_id} and k.scope = 'rows' having count(*) > 0`,
  ))
    children.push(proofNode('count', { least: n.least, most: n.most, rows: n.rows }));
  for (const place of await claimPlaces(e, c.claim_id, rowNo)) children.push(proofNode('event', { file: place.file, line: place.line }, [], place));
  for (const a of c.assumptions ?? []) children.push(proofNode('assumption', { what: `@assumption.${a}` }));
  return proofNode('claim', { id: c.claim_id, rule: `@rule.${c.rule}`, lower: `@tier.${c.must_tier}` }, children);
}

async function claimPlaces(e: Engine, claimId: string, rowNo: number | null): Promise<ProofPlace[]> {
  const own =
    rowNo === null
      ? sql`select event_id, request_id from claim_row_source where claim_id = ${claimId} order by row_no limit ${shownEvents}`
      : sql`select event_id, request_id from claim_row_source where claim_id = ${claimId} and row_no = ${rowNo} order by event_id limit ${shownEvents}`;
  const places = await placesOf(e, own);
  if (places.length > 0) return places;
  return placesOf(e, sql`select event_id, request_id from claim_source where claim_id = ${claimId} order by event_id, request_id limit ${shownEvents}`);
}

/** The lines of some events and requests. Their ids are asked for first: by its line an event is found without looking through all. */
async function placesOf(e: Engine, sources: Sql): Promise<ProofPlace[]> {
  const ids = await e.rows<{ id: number }>(
    'explain.sources',
    sql`with s as (${sources}) select event_id as id from s where event_id is not null union select request_id from s where request_id is not null`,
  );
  if (ids.length === 0) return [];
  const known = (numbers: readonly number[]): Sql => sql.join([...new Set(numbers)].map(n => sql.lit(n)));
  return e.rows<ProofPlace>(
    'explain.places',
    sql`select f.path as file, e.line_no as line, e.byte_off as byte, e.byte_len as bytes, f.sha256 from event e join source_file f using (file_no)
      where e.event_id in (${known(ids.map(i => i.id))}) and e.line_no in (${known(ids.map(i => placeOfEvent(i.id).line))}) order by e.event_id limit ${2 * shownEvents}`,
  );
}

async function explainDataset(e: Engine, dataset: string): Promise<ProofNode> {
  const claims = await e.rows<ClaimRow & { rows: number }>(
    'explain.claims',
    sql`select c.*, n.not_excluded as rows from claim c join claim_total n using (claim_id)
    where c.dataset_id = ${dataset} and n.not_excluded > 0 order by n.not_excluded desc, c.claim_id limit ${shownClaims}`,
  );
  const children: ProofNode[] = [];
  for (const c of claims) children.push(proofNode('claim-rows', { rows: c.rows, rule: `@rule.${c.rule}` }, [await explainClaim(e, c, null)]));
  return proofNode('dataset', { dataset }, children);
}

/** Data sets of which records cannot be excluded although nothing shows that they were read, with the reasons. */
export async function explainReachable(e: Engine): Promise<ProofNode[]> {
  const open = await e.rows<{ dataset_id: string; reason: string }>(
    'explain.open',
    sql`select distinct dataset_id, reason from reachable order by dataset_id, reason`,
  );
  return [...groupBy(open, o => o.dataset_id)].map(([dataset, list]) =>
    proofNode(
      'open-dataset',
      { dataset },
      list.map(o => proofNode(`reachable.${o.reason}`)),
    ),
  );
}
