import { type Sql, sql } from '../../engine/index.ts';
import { comparisons, type Level } from './comparisons.ts';
import { type Dialect, duckdb, type Steps } from './dialect.ts';
import type { Model } from './estimate.ts';

/** Bits below which a pair is forgotten: nobody would call it one person even in the widest view. */
export const forgetBelow = -12;

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
  return sql.join(
    comparisons.map(
      (c, i) =>
        sql`case ${sql.id(`g_${c.name}`)} ${sql.join(
          c.levels.map(
            x =>
              sql`when ${sql.lit(x.level)} then ${
                x.frequency
                  ? sql`${sql.lit(levelBits(model, i, x))} - least(-1.5, greatest(-17, coalesce(${sql.id(`f_${x.frequency}`)}, -8)))`
                  : sql`${sql.lit(levelBits(model, i, x))}`
              }`,
          ),
          sql` `,
        )} else 0 end`,
    ),
    sql` + `,
  );
}

/** Where the widest view ends, in bits, and the prior that the scored pairs themselves support. */
export type Calibration = { readonly prior: number; readonly wide: number };

/**
 * Write `link_score`: `l, r, weight` (bits, prior included), the level of each comparison `g_*` and `grade`: 3 = certainly one person,
 * 2 = likely, 1 = could be, 0 = no, -1 = not even as a last resort. Two people of one household and twins are kept apart whatever their weight.
 */
export async function writeScores(engine: Steps, model: Model, nodes: number, d: Dialect = duckdb): Promise<Calibration> {
  await engine.run(
    'link.bits',
    d.table(
      'link_bits',
      sql`select * from (select l, r, japanese, latin, same_mobile, ${sql.join(comparisons.map(c => sql.id(`g_${c.name}`)))}, ${weightSql(model)} as bits from link_level) x where bits >= ${sql.lit(-2)}`,
    ),
  );
  await engine.run('link.drop', sql`drop table link_level`);
  const calibration = calibrate(
    model,
    nodes,
    await engine.rows<{ w: number; n: number }>(
      'link.histogram',
      sql`select round(bits * 4) / 4 as w, count(*) as n from link_bits where not ${vetoSql()} group by 1 order by 1`,
    ),
  );
  const prior = Math.log2(calibration.prior / (1 - calibration.prior));
  await engine.run(
    'link.score',
    d.table(
      'link_score',
      sql`select l, r, weight, japanese, ${sql.join(comparisons.map(c => sql.id(`g_${c.name}`)))}, ${gradeSql(calibration.wide)} as grade from (
      select *, ${vetoSql()} as veto, bits + ${sql.lit(prior)} as weight,
        (g_birth = 4)::integer + (g_address >= 4)::integer + (g_phone = 1)::integer + (g_email = 2)::integer + 2 * (g_ident = 2)::integer as firm
      from link_bits) x
    where weight >= ${sql.lit(forgetBelow)}`,
      'kept',
    ),
  );
  await engine.run('link.drop', sql`drop table link_bits`);
  return calibration;
}

/** Prior: the share of pairs that match, iterated until the scores agree with it. Wide: hardly a match is expected below. */
function calibrate(model: Model, nodes: number, histogram: readonly { readonly w: number; readonly n: number }[]): Calibration {
  const possible = Math.max(1, (nodes * (nodes - 1)) / 2);
  let prior = model.prior;
  const matches = (odds: number): number => histogram.reduce((sum, h) => sum + h.n / (1 + 2 ** -(h.w + odds)), 0);
  for (let i = 0; i < 12; i++) prior = Math.min(0.05, Math.max(model.prior, matches(Math.log2(prior / (1 - prior))) / possible));
  const odds = Math.log2(prior / (1 - prior));
  const total = matches(odds);
  let lost = 0;
  let wide = -4;
  for (const h of histogram) {
    lost += h.n / (1 + 2 ** -(h.w + odds));
    if (lost > total * (model.latin ? 0.004 : 0.001)) {
      wide = h.w + odds;
      break;
    }
  }
  return { prior, wide: Math.max(-10, Math.min(-3, wide)) };
}

/**
 * Cannot be one person: in Japanese, given names that differ in writing and in reading; with any names, a different given name and a
 * different birth date; quite different birth dates without anything personal that agrees.
 */
function vetoSql(): Sql {
  return sql`((japanese and g_given = 0)
    or (japanese and g_birth = 0 and g_email < 2 and g_ident < 1 and not (g_phone = 1 and g_given >= 2 and g_surname >= 2))
    or (not japanese and g_given = 0 and g_birth in (0, 1) and g_ident < 1 and g_email < 1))`;
}

/** Twins: one birth date, one surname, one home, two given names. */
const twins = sql`(g_given = 0 and g_birth = 4 and g_surname >= 1 and g_ident < 1 and g_email < 2)`;

/** Other given names where a home, its telephone or its e-mail agrees and no birth date says more: in Latin letters rather two of one family. */
const family = sql`(not japanese and g_given = 0 and g_birth = -1 and g_ident < 1 and (g_address >= 4 or g_phone = 1 or g_email = 2))`;

/**
 * Certain is what could not be two people of one household: their given names and readings differ, or their birth dates do. So a surname
 * that changed by marriage does not matter where given name, birth date and two ways to reach somebody agree. Where no birth date is known,
 * something of the person's own has to agree: father and son may share a name, a home and its telephone. Where names are handed down as they
 * are (in Latin letters) they may share an e-mail address too, so that it makes nobody one person by itself (docs/decisions/0009).
 */
const certain = sql`(weight >= 12 and g_given >= 2 and g_surname >= 2 and (g_birth in (4, -1, 3, 2) or (g_ident = 2 and not japanese)) and g_sex <> 0
    and case when g_birth = 4 then firm >= 2 and not (g_email = 0 and g_phone <> 1)
      when g_birth = -1 then (g_email = 2 and (not latin or same_mobile)) or g_ident = 2 or (same_mobile and g_given = 4 and g_surname = 4 and g_address >= 4)
      else g_ident = 2 or (g_email = 2 and firm >= 2) end)`;
const certainDespiteMarriage = sql`(weight >= 12 and g_given = 4 and g_birth = 4 and g_sex <> 0 and japanese
    and (g_address >= 4)::integer + (g_phone = 1)::integer + (g_email = 2)::integer >= 2 and not (g_email = 0 and g_phone <> 1))`;

/**
 * In Latin letters slips are common, so agreement is measured by weight; yet couples with one e-mail, twins with alike names and a father and
 * son of one name stay apart: given names that are only alike are one person's where a number of life agrees.
 */
const certainDespiteSlips = sql`(not japanese and weight >= 14 and g_sex <> 0 and case
    when g_ident = 2 then g_birth >= 2 and (g_given >= 1 or g_surname >= 1)
    when g_email = 2 then g_given >= 2 and (g_birth = 4 or (g_surname >= 1 and (g_birth in (2, 3) or (g_birth = -1 and (not latin or same_mobile)))))
    else g_given >= 2 and g_surname >= 1 and g_birth = 4 and g_email <> 0 and g_address <> 0 end)`;

/** Another given name and another birth date in one home: two of one family, and not even the last resort of a lone record. */
const twoOfOneHome = sql`(not japanese and veto and g_given = 0 and (g_address >= 4 or g_phone = 1))`;

function gradeSql(wide: number): Sql {
  return sql`case
    when ${twoOfOneHome} then -1
    when veto then (case when g_ident = 2 and g_given >= 1 and weight >= 0 then 2 when weight >= 3 and g_birth <> 0 and not (japanese and g_given = 0) then 1 else 0 end)
    when ${certain} or ${certainDespiteMarriage} or ${certainDespiteSlips} then 3
    when weight >= 0 and not ${twins} and not ${family} then 2
    when weight >= (case when japanese then ${sql.lit(Math.max(wide, -4.25))} else ${sql.lit(wide)} end) then 1
    else 0 end`;
}
