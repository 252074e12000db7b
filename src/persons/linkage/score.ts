import { type Engine, sql, type Sql } from '../../engine/index.ts';
import { comparisons, type Level, levelSql } from './comparisons.ts';
import type { Model } from './estimate.ts';

/** Bits below which a pair is forgotten: nobody would call it one person even in the widest view. */
export const forgetBelow = -6;

/** The weight in bits of one level before the frequency of the value is known. */
export function levelBits(model: Model, comparison: number, level: Level): number {
  const m = model.m[comparison]!.get(level.level)!;
  const u = model.u[comparison]!.get(level.level)!;
  return level.frequency ? Math.log2(m) : Math.max(-12, Math.min(20, Math.log2(m / u)));
}

/** log2 of the prior odds that a pair matches. */
export function priorBits(model: Model): number {
  return Math.log2(model.prior / (1 - model.prior));
}

function weightSql(model: Model): Sql {
  return sql.join(comparisons.map((c, i) => sql`case ${sql.id(`g_${c.name}`)} ${sql.join(c.levels.map(x => sql`when ${sql.lit(x.level)} then ${x.frequency
    ? sql`${sql.lit(levelBits(model, i, x))} - least(-1.5, greatest(-17, coalesce(greatest(${sql.id(`lf_${x.frequency}`)}, ${sql.id(`rf_${x.frequency}`)}), -8)))` : sql`${sql.lit(levelBits(model, i, x))}`}`), sql` `)} else 0 end`), sql` + `);
}

/**
 * Write `link_score`: `l, r, weight` (bits, prior included), the level of each comparison `g_*`, and two judgements:
 * `grade` 3 = certainly one person, 2 = likely, 1 = could be; `veto` = cannot be (two people of one household, twins).
 */
export async function writeScores(engine: Engine, model: Model): Promise<void> {
  const levels = sql.join(comparisons.map(c => sql`${levelSql(c)} as ${sql.id(`g_${c.name}`)}`));
  const frequencies = [...new Set(comparisons.flatMap(c => c.levels.flatMap(x => (x.frequency ? [x.frequency] : []))))];
  await engine.run('link.score', sql`create or replace table link_score as
    select l, r, weight, ${sql.join(comparisons.map(c => sql`${sql.id(`g_${c.name}`)}::tinyint as ${sql.id(`g_${c.name}`)}`))}, ${gradeSql()} as grade from (
      select *, ${vetoSql()} as veto, ${sql.lit(priorBits(model))} + ${weightSql(model)} as weight,
        (g_birth = 4)::integer + (g_address >= 4)::integer + (g_phone = 1)::integer + (g_email = 2)::integer + 2 * (g_ident = 2)::integer as firm
      from (select p.l, p.r, l.japanese and r.japanese as japanese, l.legal as legal, ${levels}, ${sql.join(frequencies.map(f => sql`l.${sql.id(`f_${f}`)} as ${sql.id(`lf_${f}`)}, r.${sql.id(`f_${f}`)} as ${sql.id(`rf_${f}`)}`))}
        from link_pair p join link_node l on l.nid = p.l join link_node r on r.nid = p.r))
    where weight >= ${sql.lit(forgetBelow)}`);
}

/** Two given names that differ in writing and in reading, or two quite different birth dates, are two people of one house. */
function vetoSql(): Sql {
  return sql`((japanese and g_given = 0) or (g_given = 0 and g_birth in (0, 1, 4) and g_ident < 1 and g_email < 2) or (g_birth = 0 and g_email < 2 and g_ident < 1 and not (g_phone = 1 and g_given >= 2 and g_surname >= 2)))`;
}

function gradeSql(): Sql {
  return sql`case
    when veto and not (g_ident = 2 and g_given >= 1) then (case when weight >= 3 and g_birth <> 0 and not (japanese and g_given = 0) then 1 else 0 end)
    when weight >= 12 and g_given >= 2 and g_surname >= 2 and g_birth in (4, -1, 3, 2) and g_sex <> 0
      and (case when g_birth = 4 then firm >= 2 when g_birth = -1 then firm >= 2 or g_email = 2 or (g_address = 5 and g_phone = -1) else g_ident = 2 or (g_email = 2 and firm >= 2) end) then 3
    when weight >= 0 then 2
    when weight >= -4 then 1
    else 0 end`;
}
