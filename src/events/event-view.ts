import path from 'node:path';
import { contentId } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Engine, type Sql, sql } from '../engine/index.ts';
import { derivedColumns, type EventColumnType, eventColumns, timeKind } from './columns.ts';
import type { CopiedLines } from './copies.ts';
import { idsOfFile, idsOfLine } from './event-id.ts';
import type { EventFile } from './tables.ts';

const duckType = { u8: 'INTEGER', u16: 'INTEGER', u32: 'BIGINT', u64: 'BIGINT', i64: 'BIGINT', str: 'VARCHAR' } as const;

/** Table `event_file` in order of file_no. */
export async function readEventFiles(kase: Pick<OpenCase, 'engine'>): Promise<EventFile[]> {
  return kase.engine.rows<EventFile>('event_file.read', sql`select * from event_file order by file_no`);
}

/** Files of at most so many rows are copied into one table, up to so many rows together: opening hundreds of Parquet files for each query is slow. */
const smallRows = 200_000;
const smallTotal = 4_000_000;
/** Grows when the columns of the view mean something else. */
const viewVersion = 4;

/**
 * Make the view `event` from `event_file`: call it again after clock offsets in that table changed, or when the output folder has moved.
 * Nothing is done when nothing changed. Small files are in table `event_small`; each other one is a branch with what is constant in it as
 * constants, so that filters on times and ids reach the Parquet statistics.
 */
export async function defineEventView(kase: Pick<OpenCase, 'engine' | 'outDir'>): Promise<void> {
  const files = (await readEventFiles(kase)).filter(f => f.parts.length > 0);
  const made = contentId('view', { version: viewVersion, dir: kase.outDir, files: files.map(f => ({ ...f, facts: '' })) });
  await kase.engine.run('event.made', sql`create table if not exists event_view_made (content varchar)`);
  const before = await kase.engine.rows<{ content: string }>(
    'event.made',
    sql`select content from event_view_made where exists (select 1 from duckdb_views() where view_name = 'event')`,
  );
  if (before.length === 1 && before[0]!.content === made) return;
  await kase.engine.run('event.made', sql`delete from event_view_made`);
  const small: EventFile[] = [];
  let rows = 0;
  for (const f of files) {
    if (f.rows > smallRows || rows + f.rows > smallTotal) continue;
    rows += f.rows;
    small.push(f);
  }
  const partsOf = (f: EventFile): string[] => f.parts.map(p => path.join(kase.outDir, 'work', 'events', f.content_key, p));
  await kase.engine.run('event.small', sql`create or replace table event_small as ${emptyBranch()}`);
  for (let i = 0; i < small.length; i += 100) {
    await kase.engine.run(
      'event.small',
      sql`insert into event_small ${sql.join(
        small.slice(i, i + 100).map(f => fileBranch(f, partsOf(f))),
        sql` union all `,
      )}`,
    );
  }
  const big = files.filter(f => !small.includes(f));
  const branches = [sql`select * from event_small`];
  for (const f of big) branches.push(fileBranch(f, partsOf(f), await constantColumns(kase.engine, partsOf(f))));
  await kase.engine.run('event.view', sql`create or replace view event as ${sql.join(branches, sql` union all `)}`);
  await kase.engine.run('event.made', sql`insert into event_view_made values (${made})`);
}

const columns = [...eventColumns, ...derivedColumns];

/** Columns that are the same in every row of a file (most are NULL): as constants they cost nothing, and what asks for another value passes the file by. */
async function constantColumns(engine: Engine, parts: readonly string[]): Promise<ReadonlyMap<string, Sql>> {
  const rows = await engine.rows<{ name: string; value: string | null }>(
    'event.constants',
    sql`
    select path_in_schema as name, any_value(stats_min_value) filter (stats_null_count = 0) as value from parquet_metadata([${sql.join(parts.map(p => sql.lit(p)))}])
    group by name having sum(stats_null_count) = sum(num_values)
      or (sum(stats_null_count) = 0 and any_value(type) <> 'BYTE_ARRAY' and count(distinct stats_min_value) = 1 and count(distinct stats_max_value) = 1 and min(stats_min_value) = max(stats_max_value)) order by name`,
  );
  const typeOf = new Map<string, EventColumnType>([...columns, { name: 'nth', type: 'u8' } as const].map(c => [c.name, c.type]));
  return new Map(rows.map(r => [r.name, constant(typeOf.get(r.name)!, r.value)]));
}

const constant = (type: EventColumnType, value: string | null): Sql => sql`${value === null ? sql`null` : sql.lit(value)}::${sql.raw(duckType[type])}`;

function emptyBranch(): Sql {
  return sql`select null::bigint as event_id, null::integer as file_no, null::varchar as evidence_id, null::varchar as system_id,
    null::varchar as source_kind, ${sql.join(columns.map(c => sql`${constant(c.type, null)} as ${sql.id(c.name)}`))}, null::bigint as nth, null::bigint as at_us, null::bigint as start_lo_us, null::bigint as start_hi_us,
    null::bigint as end_lo_us, null::bigint as end_hi_us where false`;
}

/** Views cannot bind parameters; `lit` quotes. */
function fileBranch(file: EventFile, files: readonly string[], constants: ReadonlyMap<string, Sql> = new Map()): Sql {
  const lit = (v: string | number | null): Sql => (v === null ? sql`null::varchar` : sql`${sql.lit(v)}`);
  const parts = sql.join(files.map(lit));
  const nth = constants.get('nth') ?? sql`nth`;
  const named = columns.map(c => sql`${constants.get(c.name) ?? sql.id(c.name)} as ${sql.id(c.name)}`);
  return sql`select ${sql.lit(file.file_no)}::bigint * ${sql.lit(idsOfFile)} + line_no * ${sql.lit(idsOfLine)} + ${nth} as event_id, ${sql.lit(file.file_no)}::integer as file_no,
    ${lit(file.evidence_id)} as evidence_id, ${lit(file.system_id)} as system_id, ${lit(file.source_kind)} as source_kind, ${sql.join(named)}, ${nth} as nth,
    time_us - ${sql.lit(file.clock_offset_us)}::bigint as at_us, ${intervals(file)}
    from read_parquet([${parts}])${withoutCopies(file)}`;
}

/** Lines that stand in another file too are taken from there. */
function withoutCopies(file: EventFile): Sql {
  const ranges = JSON.parse(file.copies) as CopiedLines[];
  return ranges.length === 0
    ? sql``
    : sql` where not (${sql.join(
        ranges.map(([from, to]) => sql`line_no between ${sql.lit(from)} and ${sql.lit(to)}`),
        sql` or `,
      )})`;
}

/**
 * When a request or statement started and ended, as bounds (methods §1.5): the stamp's resolution, its own doubt, the clock's error and the
 * duration's resolution are in them. NULL means that nothing bounds this side: a start stamp without duration says nothing about the end.
 */
function intervals(file: EventFile): Sql {
  const lo = sql`(time_us - ${sql.lit(file.clock_offset_us + file.clock_error_us)}::bigint)`;
  const hi = sql`(time_us + coalesce(time_span_us, 0) + ${sql.lit(file.resolution_us - 1 + file.clock_error_us - file.clock_offset_us)}::bigint)`;
  const slack = sql`${sql.lit(file.duration_resolution_us)}::bigint`;
  const shortest = sql`coalesce(greatest(duration_us - ${slack}, 0), 0)`;
  const longest = sql`(duration_us + ${slack})`;
  const named = (startLo: Sql, startHi: Sql, endLo: Sql, endHi: Sql): Sql =>
    sql`${startLo} as start_lo_us, ${startHi} as start_hi_us, ${endLo} as end_lo_us, ${endHi} as end_hi_us`;
  if (file.time_kind === timeKind.start || file.time_kind === timeKind.receive) {
    return named(lo, hi, sql`(${lo} + ${shortest})`, sql`(${hi} + ${longest})`);
  }
  if (file.time_kind === timeKind.end) return named(sql`(${lo} - ${longest})`, sql`(${hi} - ${shortest})`, lo, hi);
  return named(sql`(${lo} - ${longest})`, hi, lo, sql`(${hi} + ${longest})`);
}
