import { type Sql, sql } from '../../engine/index.ts';
import { type Batch, type Block, type Compilation, type Keyed, NotBatchable, type Relation, type Scope } from './relation.ts';

const rank: Record<Keyed, number> = { none: 0, class: 1, instance: 2 };

/** The finer of two ways rows can belong to the statements of a batch. */
export function finer(a: Keyed, b: Keyed): Keyed {
  return rank[a] >= rank[b] ? a : b;
}

/** Note that something in a scope belongs to single classes or instances: the outermost scope gets the table of the batch. */
export function need(scope: Scope, keyed: Keyed): void {
  let root = scope;
  while (root.outer) root = root.outer;
  root.keyed = finer(root.keyed, keyed);
}

/** The column of the batch that the numbers of a keyed relation are equal to. */
export function numberIn(keyed: Keyed): Sql {
  return keyed === 'instance' ? sql`b.n` : sql`b.g`;
}

/** The table of the batch that stands in FROM as `b`. */
export function batchTable(batch: Batch, keyed: Keyed): Sql {
  return keyed === 'instance' ? batch.instances : batch.classes;
}

/** The same rows, said for each class or instance. */
export function raise(r: Relation, keyed: Keyed, c: Compilation): Relation {
  if (rank[r.keyed] >= rank[keyed]) return r;
  if (!c.batch) throw new NotBatchable('shape');
  const rows =
    r.keyed === 'none'
      ? sql`select q.*, ${numberIn(keyed)} as n from (${r.sql}) q cross join ${batchTable(c.batch, keyed)} as b`
      : sql`select q.* exclude (n), b.n as n from (${r.sql}) q join ${c.batch.instances} as b on b.g = q.n`;
  return { ...r, sql: rows, keyed };
}

/** Conditions that hold the keyed names of FROM to the row of the batch beside them. */
export function keyConditions(b: Block): Sql[] {
  return b.scope.items.filter(i => i.keyed !== 'none').map(i => sql`${i.n!} = ${numberIn(i.keyed)}`);
}
