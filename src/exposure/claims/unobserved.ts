import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';

/**
 * What was reachable while nobody recorded (T1): every data set of a system whose log has a hole inside the intrusion's window, or
 * whose injection worked, or where nothing shows what was read. Widens only "cannot be excluded".
 */
export async function claimUnobserved(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  facts: { readonly requests: number; readonly injected: boolean; readonly logged: boolean; readonly unnamed: readonly string[] },
): Promise<void> {
  const actors = (await engine.hasTable('actor'))
    ? await engine.rows<{ from_us: number | null; to_us: number | null }>(
        'exposure.window',
        sql`select min(first_us) as from_us, max(last_us) as to_us from actor`,
      )
    : [];
  const span = actors[0];
  if (facts.requests === 0 && (span?.from_us ?? null) === null) return;
  const reach = (dataset: Dataset, from: number | null, to: number | null, reason: string): void => {
    const id = claims.add(
      { kind: 'gap', datasetId: dataset.id, mustTier: 0, mayTier: tier.reachable, rule: 'reachable', statement: '', premises: { reason }, assumptions: [] },
      { reason, from, to },
    );
    claims.reach(
      dataset,
      dataset.columns.map(c => c.no),
      from,
      to,
      reason,
      id,
    );
  };
  if (await engine.hasTable('coverage_gap')) {
    const window = (await engine.hasTable('intrusion_window'))
      ? (
          await engine.rows<{ a: number | null; z: number | null }>(
            'exposure.intrusion_window',
            sql`select coalesce(start_earliest_us, start_latest_us) as a, coalesce(end_latest_us, end_earliest_us) as z from intrusion_window`,
          )
        )[0]
      : undefined;
    const from = Math.min(window?.a ?? Infinity, span?.from_us ?? Infinity);
    const to = Math.max(window?.z ?? -Infinity, span?.to_us ?? -Infinity);
    const gaps = await engine.rows<{ system_id: string | null; from_us: number; to_us: number; reason: string }>(
      'exposure.gaps',
      sql`
      select f.system_id, g.from_us, g.to_us, g.reason from coverage_gap g join event_file f using (file_no) where g.to_us >= ${from} and g.from_us <= ${to} order by g.from_us, g.to_us, g.reason, f.system_id`,
    );
    for (const g of gaps)
      for (const d of catalogue.datasets) if (g.system_id === null || d.systemId === null || g.system_id === d.systemId) reach(d, g.from_us, g.to_us, g.reason);
  }
  for (const d of catalogue.datasets) {
    if (facts.injected && !facts.logged) reach(d, span?.from_us ?? null, span?.to_us ?? null, 'injection');
    if (facts.unnamed.length > 0) reach(d, span?.from_us ?? null, span?.to_us ?? null, 'unobserved-route');
  }
}
