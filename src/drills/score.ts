import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../base/index.ts';
import { Engine, sql } from '../engine/index.ts';

export type DatasetScore = {
  readonly dataset: string;
  readonly truth: number;
  readonly lower: number;
  readonly upper: number;
  readonly over: number;
  readonly under: number;
};
export type Score = DatasetScore & {
  readonly datasets: readonly DatasetScore[];
  /** |lower| ÷ |truth| and |truth| ÷ |upper|; 1 when both are empty. */
  readonly tightLower: number;
  readonly tightUpper: number;
  /** A few cells (`dataset/key/column`) that are in the lower bound but were not obtained, and obtained ones outside the upper bound. */
  readonly overExamples: readonly string[];
  readonly underExamples: readonly string[];
};

/**
 * Hold the exposure of a finished investigation against the truth of its drill: lower ⊆ truth ⊆ upper, cell by cell. Rows that
 * are no longer in the snapshot cannot be named and are left out. Throws UserError when there is nothing to compare.
 */
export async function scoreDrill(drillDir: string, resultDir: string): Promise<Score> {
  const cells = path.join(resultDir, 'cells.parquet');
  const truth = path.join(drillDir, 'truth', 'cells.csv');
  for (const file of [cells, truth]) if (!fs.existsSync(file)) throw new UserError('drills.nothing-to-score', { file });
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  try {
    await engine.run('score.present', sql`create table present (dataset varchar, key varchar)`);
    for (const file of fs
      .readdirSync(path.join(drillDir, 'data'))
      .filter(f => f.endsWith('.csv'))
      .sort()) {
      await engine.run(
        'score.present',
        sql`insert into present select ${file.slice(0, -4)}, id from read_csv(${path.join(drillDir, 'data', file)}, all_varchar = true, header = true)`,
      );
    }
    await engine.run(
      'score.truth',
      // A copy of a table from before the incident is called after it.
      sql`create table truth as select distinct p.dataset, key, "column" as col from read_csv(${truth}, all_varchar = true, header = true) t
        join present p using (key) where p.dataset in (t.dataset, t.dataset || '_before')`,
    );
    await engine.run(
      'score.cells',
      sql`create table claimed as select dataset, key, "column" as col, max(tier_lower) >= 3 as low, max(tier_upper) >= 2 as high from read_parquet(${cells}) group by all`,
    );
    await engine.run(
      'score.both',
      sql`create table compared as select dataset, key, col, coalesce(t.seen, false) as seen, coalesce(c.low, false) as low, coalesce(c.high, false) as high
      from (select *, true as seen from truth) t full join claimed c using (dataset, key, col)`,
    );
    const datasets = await engine.rows<DatasetScore>(
      'score.datasets',
      sql`select dataset, count(*) filter (seen)::bigint as truth, count(*) filter (low)::bigint as lower, count(*) filter (high)::bigint as upper,
      count(*) filter (low and not seen)::bigint as over, count(*) filter (seen and not high)::bigint as under from compared group by dataset order by dataset`,
    );
    const examples = async (which: 'over' | 'under'): Promise<string[]> =>
      (
        await engine.rows<{ cell: string }>(
          `score.${which}`,
          sql`select dataset || '/' || key || '/' || col as cell from compared
      where ${which === 'over' ? sql`low and not seen` : sql`seen and not high`} order by cell limit 5`,
        )
      ).map(r => r.cell);
    const sum = (pick: (d: DatasetScore) => number): number => datasets.reduce((n, d) => n + pick(d), 0);
    const all = {
      dataset: '*',
      truth: sum(d => d.truth),
      lower: sum(d => d.lower),
      upper: sum(d => d.upper),
      over: sum(d => d.over),
      under: sum(d => d.under),
    };
    return {
      ...all,
      datasets,
      tightLower: all.truth === 0 ? (all.lower === 0 ? 1 : 0) : all.lower / all.truth,
      tightUpper: all.upper === 0 ? (all.truth === 0 ? 1 : 0) : all.truth / all.upper,
      overExamples: await examples('over'),
      underExamples: await examples('under'),
    };
  } finally {
    engine.close();
  }
}
