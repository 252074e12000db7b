import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../base/index.ts';
import { Engine, sql } from '../../engine/index.ts';

export type FigureChange = { readonly figure: string; readonly before: number; readonly after: number };
export type CellChange = { readonly dataset: string; readonly added: number; readonly removed: number; readonly up: number; readonly down: number };
export type Cause = { readonly kind: 'evidence' | 'dataset' | 'case-file' | 'rules' | 'law' | 'version' | 'other' | 'none'; readonly what: string };
export type Comparison = { readonly figures: readonly FigureChange[]; readonly cells: readonly CellChange[]; readonly causes: readonly Cause[] };

/** Two output folders: which figures and cells changed, and which inputs differ. Only what the folders themselves hold is read. */
export async function compareResults(dirA: string, dirB: string): Promise<Comparison> {
  const a = readResult(dirA);
  const b = readResult(dirB);
  return { figures: changedFigures(a, b), cells: await changedCells(dirA, dirB), causes: causes(dirA, dirB, a, b) };
}

function readResult(dir: string): Record<string, unknown> {
  try {
    return JSON.parse(fs.readFileSync(path.join(dir, 'result.json'), 'utf8')) as Record<string, unknown>;
  } catch {
    throw new UserError('exposure.nothing-to-compare', { dir });
  }
}

function changedFigures(a: Record<string, unknown>, b: Record<string, unknown>): FigureChange[] {
  const before = numbers(a['exposure']);
  const after = numbers(b['exposure']);
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map(figure => ({ figure, before: before.get(figure) ?? 0, after: after.get(figure) ?? 0 }))
    .filter(c => c.before !== c.after);
}

/** Every number below a node by its path; list items go by their id, name, role, element or elements. */
function numbers(node: unknown): Map<string, number> {
  const out = new Map<string, number>();
  const walk = (value: unknown, at: string): void => {
    if (typeof value === 'number') {
      out.set(at, value);
      return;
    }
    if (Array.isArray(value)) {
      value.forEach((v: unknown, i) => {
        const o = (v ?? {}) as Record<string, unknown>;
        const name = o['id'] ?? o['name'] ?? o['role'] ?? o['element'] ?? (Array.isArray(o['elements']) ? (o['elements'] as string[]).join('+') : i);
        walk(v, `${at}.${String(name)}`);
      });
      return;
    }
    if (value !== null && typeof value === 'object') for (const [k, v] of Object.entries(value)) walk(v, at === '' ? k : `${at}.${k}`);
  };
  walk(node, '');
  return out;
}

async function changedCells(dirA: string, dirB: string): Promise<CellChange[]> {
  const fileA = path.join(dirA, 'cells.parquet');
  const fileB = path.join(dirB, 'cells.parquet');
  if (!fs.existsSync(fileA) || !fs.existsSync(fileB)) return [];
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  try {
    return await engine.rows<CellChange>(
      'compare.cells',
      sql`select coalesce(a.dataset, b.dataset) as dataset, count(*) filter (where a.key is null) as added, count(*) filter (where b.key is null) as removed,
      count(*) filter (where b.tier_lower > a.tier_lower or (b.tier_lower = a.tier_lower and b.tier_upper > a.tier_upper)) as up, count(*) filter (where b.tier_lower < a.tier_lower or (b.tier_lower = a.tier_lower and b.tier_upper < a.tier_upper)) as down
      from read_parquet(${fileA}) a full join read_parquet(${fileB}) b on a.dataset = b.dataset and a.key = b.key and a."column" = b."column"
      group by 1 having added + removed + up + down > 0 order by 1`,
    );
  } finally {
    engine.close();
  }
}

function causes(dirA: string, dirB: string, a: Record<string, unknown>, b: Record<string, unknown>): Cause[] {
  const out: Cause[] = [];
  const before = manifestFiles(dirA);
  const after = manifestFiles(dirB);
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [x, y] = [before.get(name), after.get(name)];
    if (x?.hash === y?.hash) continue;
    out.push({ kind: kindOf(x?.kind ?? y?.kind ?? '', name), what: name });
  }
  const version = (r: Record<string, unknown>): string => String((r['run'] as { version?: unknown } | undefined)?.version ?? '');
  if (version(a) !== version(b)) out.push({ kind: 'version', what: `${version(a)} → ${version(b)}` });
  return out.length > 0 ? out : [{ kind: 'none', what: '' }];
}

function manifestFiles(dir: string): Map<string, { hash: string; kind: string }> {
  const out = new Map<string, { hash: string; kind: string }>();
  let manifest: unknown = null;
  try {
    manifest = JSON.parse(fs.readFileSync(path.join(dir, 'manifest.json'), 'utf8'));
  } catch {
    return out;
  }
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== 'object') return;
    const o = value as Record<string, unknown>;
    const name = o['path'] ?? o['file'];
    const hash = o['sha256'] ?? o['hash'];
    if (typeof name === 'string' && typeof hash === 'string') out.set(name, { hash, kind: String(o['role'] ?? o['kind'] ?? '') });
    for (const v of Object.values(o)) walk(v);
  };
  walk(manifest);
  return out;
}

function kindOf(kind: string, name: string): Cause['kind'] {
  if (kind === 'evidence' || kind === 'dataset') return kind;
  if (kind.includes('case') || (/\.ya?ml$/.test(name) && !name.includes('/'))) return 'case-file';
  if (kind.includes('rule') || name.startsWith('rules/')) return 'rules';
  if (kind.includes('law') || name.startsWith('law/')) return 'law';
  return 'other';
}
