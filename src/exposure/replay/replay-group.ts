import { sha256Hex } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { type Folded, foldConstants } from '../routes/fold.ts';
import type { Instance } from '../routes/instances.ts';
import { type Ast, shapeOf } from '../sql/index.ts';
import type { Changes } from './changes.ts';
import { catalogueAt, type Epoch, epochsOf } from './epochs.ts';
import { failed, type Replay, replay } from './replay.ts';
import { parametrised, type ReadableStatement } from './statements.ts';

/** Instances of one shape: replayed together. */
export type Group = {
  readonly key: string;
  readonly read: ReadableStatement;
  readonly folded: Folded;
  readonly members: readonly Member[];
  readonly varying: readonly number[];
  /** What was changed between these executions and the snapshot, where it matters. */
  readonly epoch: Epoch | null;
};
export type Member = { readonly instance: Instance; readonly values: readonly (string | null | undefined)[]; readonly constants: readonly Ast[] };

/** Put instances of one shape together; conditions that do not look at rows are folded away first. */
export function groupInstances(instances: readonly Instance[], catalogue: Catalogue | null = null, changes: Changes = new Map()): Group[] {
  const shapes = new Map<string, Instance[]>();
  for (const i of instances) {
    const list = shapes.get(i.read.shape);
    if (list) list.push(i);
    else shapes.set(i.read.shape, [i]);
  }
  const out = [...shapes.values()].flatMap(list =>
    (catalogue ? epochsOf(list, catalogue, changes) : [{ epoch: null, members: list }]).flatMap(({ epoch, members }, n) =>
      groupsIn(members).map(g => ({ ...g, key: epoch ? `${g.key}\u0001${String(n).padStart(3, '0')}` : g.key, epoch })),
    ),
  );
  return out.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function groupsIn(instances: readonly Instance[]): Omit<Group, 'epoch'>[] {
  const groups = new Map<string, { read: ReadableStatement; folded: Folded; members: Member[] }>();
  for (const instance of instances) {
    const folded = instance.injected ? foldConstants(instance.read.select) : { select: instance.read.select, constants: [] };
    let read = instance.read;
    let values = instance.values;
    if (folded.constants.length > 0) {
      const { shape, slots } = shapeOf(folded.select);
      read = { ...read, select: folded.select, shape: sha256Hex(shape).slice(0, 16), slots };
      values = slots.map(s => (s.kind === 'literal' ? s.value : instance.parameters[s.number - 1]));
    }
    const key = `${read.shape}${instance.routeRead?.route ?? ''}`;
    const member: Member = { instance, values, constants: folded.constants };
    const known = groups.get(key);
    if (known) known.members.push(member);
    else groups.set(key, { read, folded, members: [member] });
  }
  return [...groups]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([key, g]) => {
      // The tree is one statement of the shape: every slot in which a member has another literal than the tree must be given.
      const varying = g.read.slots
        .map((_, i) => i)
        .filter(i => g.read.slots[i]!.kind === 'parameter' || g.members.some(m => m.values[i] !== g.read.slots[i]!.value));
      return { key, ...g, varying };
    });
}

/** The members of a group by their values, the smallest event first: what has to be replayed once each. */
function distinctMembers(g: Group): { values: readonly (string | null | undefined)[]; members: Member[] }[] {
  const out = new Map<string, { values: readonly (string | null | undefined)[]; members: Member[] }>();
  for (const m of g.members) {
    const key = JSON.stringify(m.values.map(v => (v === undefined ? { u: 1 } : v)));
    const known = out.get(key);
    if (known) known.members.push(m);
    else out.set(key, { values: m.values, members: [m] });
  }
  return [...out.values()];
}

/** Where the instances of a batch stand: `n, g, p0…`. */
export const instanceTable = sql.id('replay_batch');
const classTable = sql.id('replay_class');
/** Rows a batch should give, about: more in one piece would not fit. */
const batchRows = 4_000_000;

type Tuple = { readonly values: readonly (string | null | undefined)[]; readonly members: Member[] };
type Use = (replayed: { replay: Replay | null; failure: string | null; tuples: readonly { members: readonly Member[] }[]; batch: boolean }) => Promise<void>;

/**
 * Replay a group and hand each replayed set to `use`: the distinct value tuples in order with their members, and the batch
 * table when all were replayed at once. A replay that failed comes with `replay` null.
 */
export async function replayGroup(engine: Engine, known: Catalogue, g: Group, use: Use): Promise<void> {
  const catalogue = g.epoch ? await catalogueAt(engine, known, g.epoch, g.read.select) : known;
  if (!catalogue) return use({ replay: null, failure: 'snapshot-changed', tuples: distinctMembers(g), batch: false });
  return replayMembers(engine, catalogue, g, use);
}

async function replayMembers(engine: Engine, catalogue: Catalogue, g: Group, use: Use): Promise<void> {
  const tuples = distinctMembers(g);
  const whole = new Set(
    g.varying.filter(slot => g.read.slots[slot]!.whole && tuples.every(t => t.values[slot] === undefined || /^-?\d{1,18}$/.test(t.values[slot] ?? ''))),
  );
  const tree = parametrised(g.read, g.varying, whole);
  const one = async (t: Tuple, members: readonly Member[]): Promise<void> => {
    const r = await replay(engine, catalogue, { select: tree, parameters: g.varying.map(slot => t.values[slot]), batch: null, foreign: g.read.foreign });
    await use(
      failed(r) ? { replay: null, failure: r.failure, tuples: [{ members }], batch: false } : { replay: r, failure: null, tuples: [{ members }], batch: false },
    );
  };
  const known = tuples.filter(t => t.values.every(v => v !== undefined));
  for (const t of tuples) if (t.values.some(v => v === undefined)) await one(t, t.members);
  if (known.length === 0) return;
  if (known.length === 1) return one(known[0]!, known[0]!.members);
  const windows = windowParameters(tree);
  const outcome = await replayBatch(engine, catalogue, g, known, tree, windows, use);
  if (outcome === 'done') return;
  if (outcome === 'unordered') {
    // Any row may stand in a window without an order: windows of one length are alike, whether they start at the first row or later.
    for (const alike of byWindow(known, g, windows))
      await one(
        alike[0]!,
        alike.flatMap(t => t.members),
      );
    return;
  }
  for (const t of known) await one(t, t.members);
}

/** All tuples at once, in pieces that fit. Says why when they have to be run one by one. */
async function replayBatch(
  engine: Engine,
  catalogue: Catalogue,
  g: Group,
  tuples: readonly Tuple[],
  tree: Ast,
  windows: ReadonlySet<number>,
  use: Use,
): Promise<'done' | 'unordered' | 'one-by-one'> {
  let size = Math.min(tuples.length, 2_000);
  for (let from = 0; from < tuples.length; ) {
    const part = tuples.slice(from, from + size);
    await loadBatch(engine, g, part, windows);
    const r = await replay(engine, catalogue, {
      select: tree,
      parameters: g.varying.map((_, i) => sql`b.${sql.id(`p${i}`)}`),
      batch: { classes: classTable, instances: instanceTable },
      windowParameters: windows,
      foreign: g.read.foreign,
    });
    if (failed(r)) {
      if (from === 0 && r.failure.startsWith('not-batchable')) return r.failure.endsWith('unordered') ? 'unordered' : 'one-by-one';
      if (from === 0 && r.failure === 'engine') return 'one-by-one';
      await use({ replay: null, failure: r.failure, tuples: part, batch: true });
    } else await use({ replay: r, failure: null, tuples: part, batch: true });
    from += part.length;
    const { n } = await engine.row<{ n: number }>('exposure.batch_rows', failed(r) ? sql`select 0 as n` : sql`select count(*) as n from replay_result`);
    size = Math.max(200, Math.min(100_000, Math.floor((batchRows * part.length) / Math.max(n, 1))));
  }
  return 'done';
}

async function loadBatch(engine: Engine, g: Group, part: readonly Tuple[], windows: ReadonlySet<number>): Promise<void> {
  const columns = g.varying.map((_, i) => ({ name: `p${i}`, type: 'VARCHAR' as const }));
  const classes = new Map<string, { g: number; values: (string | null)[] }>();
  const rows = part.map((t, n) => {
    const values = g.varying.map((slot, i) => (windows.has(i + 1) ? null : (t.values[slot] ?? null)));
    const key = JSON.stringify(values);
    let known = classes.get(key);
    if (!known) classes.set(key, (known = { g: classes.size, values }));
    return [n, known.g, ...g.varying.map(slot => t.values[slot] ?? null)];
  });
  await engine.load('replay_batch', [{ name: 'n', type: 'BIGINT' }, { name: 'g', type: 'BIGINT' }, ...columns], rows);
  await engine.load(
    'replay_class',
    [{ name: 'g', type: 'BIGINT' }, ...columns],
    [...classes.values()].map(c => [c.g, ...c.values]),
  );
}

/** Numbers of the parameters of a tree that stand in LIMIT or OFFSET and nowhere else. */
function windowParameters(tree: Ast): Set<number> {
  const inside = new Set<number>();
  const outside = new Set<number>();
  const walk = (value: unknown, window: boolean): void => {
    if (Array.isArray(value)) for (const v of value) walk(v, window);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const [key, v] of Object.entries(value)) {
      if (key === 'ParamRef') (window ? inside : outside).add((v as { number?: number }).number ?? 0);
      else walk(v, window || key === 'limitCount' || key === 'limitOffset');
    }
  };
  walk(tree, false);
  return new Set([...inside].filter(n => !outside.has(n)));
}

/** Tuples that differ only in where their windows start, the one that starts first before the others. */
function byWindow(tuples: readonly Tuple[], g: Group, windows: ReadonlySet<number>): Tuple[][] {
  const offsets = new Set(g.varying.filter((slot, i) => windows.has(i + 1) && g.read.slots[slot]!.place === 'offset'));
  const start = (t: Tuple): number => [...offsets].reduce((sum, slot) => sum + Number(t.values[slot] ?? 0), 0);
  const out = new Map<string, Tuple[]>();
  for (const t of tuples) {
    const key = JSON.stringify(g.varying.map(slot => (offsets.has(slot) ? Number(t.values[slot] ?? 0) > 0 : (t.values[slot] ?? null))));
    const known = out.get(key);
    if (known) known.push(t);
    else out.set(key, [t]);
  }
  return [...out.values()].map(list => [...list].sort((a, b) => start(a) - start(b)));
}
