import { groupBy, MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { episodes } from '../requests/request.ts';
import type { Detection } from '../tables.ts';

/** Requests and their statements lie within two such stretches, clocks of machines included. */
const besideUs = 4 * SECOND;
const visitUs = 10 * MINUTE;
/** Values in a text: what stands in quotes, and numbers. */
const values = String.raw`'(?:[^']|'')*'|\b[0-9]+\b`;
const reads = String.raw`^\s*select\b`;
const fewest = 30;
/** Where more reads than this come without a request, something else than requests makes them. */
const mostAlone = 0.1;
const mostHeld = 200_000;
/** A kind of statement that requests make has one beside it nearly always, and was seen often. */
const nearlyAlways = 0.98;
const leastSeen = 50;

type Alone = { event_id: number; at_us: number; program: string; shape: string };

/**
 * Many reads of the kinds that requests make, in a short time and without a single request beside them: the lines of those requests are gone from the web log (deleted
 * by an intruder, or lost), since at other times these kinds come with requests only. Who asked is told by nothing, so it is a doubt. Times in which the web log is known to
 * lack lines are left out.
 */
export async function detectUnaskedStatements(engine: Engine): Promise<Detection[]> {
  const { logged } = await engine.row<{ logged: boolean }>(
    'detection.statements',
    sql`select exists (select 1 from event where class = 2 and sql_text is not null) as logged`,
  );
  if (!logged) return [];
  await engine.run(
    'detection.asked-times',
    sql`create or replace temp table detection_asked as select distinct at_us // ${besideUs}::bigint as t from event where class = 1 and at_us is not null`,
  );
  if (await engine.hasTable('coverage_gap'))
    await engine.run(
      'detection.asked-gaps',
      sql`insert into detection_asked select unnest(range(from_us // ${besideUs}::bigint, to_us // ${besideUs}::bigint + 1)) from coverage_gap
        where reason <> 'thin' and from_us is not null and to_us is not null and evidence_id in (select evidence_id from source_file where kind = 'web-access')`,
    );
  const alone = sql`not exists (select 1 from detection_asked a where a.t = at_us // ${besideUs}::bigint) and not exists (select 1 from detection_asked a where a.t = at_us // ${besideUs}::bigint - 1)
    and not exists (select 1 from detection_asked a where a.t = at_us // ${besideUs}::bigint + 1)`;
  const shape = sql`regexp_replace(left(sql_text, 2000), ${sql.lit(values)}, '?', 'g')`;
  const read = sql`select event_id, at_us, concat_ws('|', db_user, app_name) as program, sql_text from event where class = 2 and at_us is not null and sql_text is not null and err_code is null
    and regexp_matches(left(sql_text, 40), ${sql.lit(reads)}, 'i') and at_us between (select min(t) * ${besideUs}::bigint from detection_asked) and (select max(t) * ${besideUs}::bigint from detection_asked)`;
  const counted = await engine.row<{ n: number; alone: number }>(
    'detection.unasked-count',
    sql`select count(*) as n, count(*) filter (${alone}) as alone from (${read})`,
  );
  if (counted.alone < fewest || counted.alone > mostAlone * counted.n || counted.alone > mostHeld) return [];
  const rows = await engine.rows<Alone>(
    'detection.unasked',
    sql`select event_id, at_us, program, ${shape} as shape from (${read}) where ${alone} order by at_us, event_id`,
  );
  const visits = [...groupBy(rows, r => r.program)].flatMap(([program, list]) =>
    episodes(
      list.map(r => ({ ...r, atUs: r.at_us })),
      visitUs,
    )
      .filter(part => part.length >= fewest)
      .map(part => ({ program, part })),
  );
  if (visits.length === 0) return [];
  const shapes = [...new Set(visits.flatMap(v => v.part.map(r => r.shape)))].sort();
  await engine.load(
    'detection_unasked_shape',
    [{ name: 'shape', type: 'VARCHAR' }],
    shapes.map(s => [s]),
  );
  const asked = await engine.rows<{ shape: string }>(
    'detection.unasked-shapes',
    sql`with visit as (select unnest(${sql.lit(JSON.stringify(visits.map(v => v.part[0]!.at_us)))}::json::bigint[]) as lo, unnest(${sql.lit(JSON.stringify(visits.map(v => v.part.at(-1)!.at_us)))}::json::bigint[]) as hi)
    select shape from (select at_us, ${shape} as shape, ${alone} as alone from (${read})) s semi join detection_unasked_shape using (shape)
    where not exists (select 1 from visit where s.at_us between lo and hi) group by shape having count(*) >= ${leastSeen} and count(*) filter (not alone) >= ${nearlyAlways} * count(*) order by shape`,
  );
  const isAsked = new Set(asked.map(r => r.shape));
  return visits.flatMap(({ program, part }) => {
    const own = part.filter(r => isAsked.has(r.shape));
    return own.length < fewest ? [] : [detectionOf(program, own)];
  });
}

function detectionOf(program: string, own: readonly Alone[]): Detection {
  return {
    ruleId: 'statements-without-requests',
    kind: 'other',
    family: 'unasked',
    level: 'high',
    outcome: 'unknown',
    groupKey: `unasked|${program}|${own[0]!.at_us}`,
    facts: { statements: own.length, kinds: new Set(own.map(r => r.shape)).size, doubtful: true },
    events: own.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
  };
}
