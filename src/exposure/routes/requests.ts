import type { Micros } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** One web request with what it asked for. `shape` is the path with variable segments as `{}`; `values` are its path and query parameters, decoded. */
export type Request = {
  readonly eventId: number;
  readonly loUs: Micros;
  readonly hiUs: Micros;
  readonly systemId: string | null;
  readonly method: string;
  readonly shape: string;
  readonly values: ReadonlyMap<string, string>;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly durationUs: number | null;
  readonly ip: string | null;
  readonly session: string | null;
  readonly account: string | null;
  readonly actor: 'strict' | 'wide' | null;
  readonly path: string;
};

/** A time from … to, both included. */
export type Span = { readonly fromUs: Micros; readonly toUs: Micros };

type Row = {
  event_id: number;
  lo: number | null;
  hi: number | null;
  system_id: string | null;
  method: string | null;
  path: string | null;
  query: string | null;
  status: number | null;
  bytes_out: number | null;
  duration_us: number | null;
  src_ip: string | null;
  session: string | null;
  account: string | null;
  certainty: 'strict' | 'wide' | null;
  extra: string | null;
  total: number;
};

const uuid = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
/** A number, a date, a hash, or a code that holds a longer number: `BK300123`, `ORD-2025-0017`. */
const variable = `[0-9]+|${uuid}|[0-9a-fA-F]{16,}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[A-Za-z0-9_~-]*[0-9]{3}[A-Za-z0-9_~-]*`;
/** A word with a year is a name: `campaign2025`. */
const named = '[A-Za-z_-]+(?:19|20)[0-9]{2}';
/** What a page is called after the record's code: `2025-0017.pdf`. */
const ending = '\\.(?:json|xml|pdf|csv|html?|txt)';

/** `/customers/12/bank` → `/customers/{}/bank`, in SQL. */
export const pathShape: Sql = sql`array_to_string(list_transform(string_split(coalesce(path, ''), '/'), lambda x: case
  when not regexp_full_match(x, ${sql.lit(`(?:${variable})(?:${ending})?`)}) or regexp_full_match(x, ${sql.lit(`${named}(?:${ending})?`)}) then x
  when contains(x, '.') then '{}' || substr(x, strpos(x, '.')) else '{}' end), '/')`;

/** When a request of the table `event e` began at the earliest and had ended at the latest. */
export const requestStart = sql`coalesce(e.start_lo_us, e.end_lo_us - 2000000, e.at_us)`;
export const requestEnd = sql`coalesce(e.end_hi_us, e.start_hi_us, e.at_us)`;
const selected = sql`e.event_id, ${requestStart} as lo, ${requestEnd} as hi, e.system_id, e.method, e.path, e.query, e.status, e.bytes_out, e.duration_us, e.src_ip, e.session, e.account, a.certainty, e.extra`;

/** Who the intruder is, one row an event: strict wins over wide. */
export const actorOf: Sql = sql`(select event_id, case when bool_or(certainty = 'strict') then 'strict' else 'wide' end as certainty from actor_event group by event_id)`;

/** All requests of the intruder, in order. */
export async function readActorRequests(engine: Engine): Promise<Request[]> {
  const rows = await engine.rows<Row>(
    'exposure.actor_requests',
    sql`select ${selected} from event e join ${actorOf} a using (event_id) where e.class = 1 order by e.at_us, e.event_id`,
  );
  return rows.map(toRequest);
}

const during = (span: Span | null): Sql => (span === null ? sql`true` : sql`e.at_us between ${span.fromUs}::bigint and ${span.toUs}::bigint`);

/** Requests of everybody else to learn from, of a time or of all: at most `most` a method and shape, chosen by a hash of the event id. */
export async function readOtherRequests(engine: Engine, most: number, span: Span | null = null): Promise<Request[]> {
  const rows = await engine.rows<Row>(
    'exposure.other_requests',
    // Chosen by the few columns that decide, read in full afterwards: whole lines of a long log need not be sorted.
    sql`with chosen as (
      select event_id from (select e.event_id, e.method, ${pathShape} as shape, e.status from event e anti join actor_event a using (event_id)
        where e.class = 1 and e.path is not null and e.status is not null and (e.status < 400 or e.status = 404) and ${during(span)})
      qualify row_number() over (partition by method, shape, status order by hash(event_id), event_id) <= ${most})
    select ${selected} from event e semi join chosen using (event_id) left join ${actorOf} a using (event_id) order by e.event_id`,
  );
  return rows.map(toRequest);
}

/** What may break out of a literal once it is decoded, or a body that may hold it. */
const breaking = String.raw`(?i)['"\\;]|%2[27]|%5c|%3b|(?:-|%2d){2}|(?:/|%2f)(?:\*|%2a)`;

/**
 * Requests of everybody else on these routes (`routeOf`) that overlap a span, and those at any time that may break out of a literal: their
 * statement is known by its text alone. In batches, in no order.
 */
export async function* streamOtherRequests(engine: Engine, routes: readonly string[], span: Span): AsyncGenerator<Request[]> {
  const names = sql.join(routes.map(r => sql`${r}`));
  if (routes.length === 0) return;
  for await (const rows of engine.stream<Row>(
    'exposure.all_other_requests',
    sql`select ${selected} from event e left join ${actorOf} a using (event_id) where e.class = 1 and a.event_id is null and e.path is not null
      and (coalesce(${requestStart} <= ${span.toUs}::bigint and ${requestEnd} >= ${span.fromUs}::bigint, true) or contains(coalesce(e.extra, ''), 'body')
        or regexp_matches(e.path || '?' || coalesce(e.query, ''), ${sql.lit(breaking)}))
      and coalesce(e.method, '') || ' ' || ${pathShape} in (${names})`,
  ))
    yield rows.map(toRequest);
}

/** How many requests there were of each method and shape, in a time or at all: all, and the successful ones of everybody but the intruder. */
export async function countRoutes(engine: Engine, span: Span | null = null): Promise<Map<string, { readonly all: number; readonly others: number }>> {
  const rows = await engine.rows<{ called: string; n: number; others: number }>(
    'exposure.route_counts',
    sql`select e.method || ' ' || ${pathShape} as called, count(*) as n, count(*) filter (where a.event_id is null and e.status < 400) as others
      from event e left join ${actorOf} a using (event_id) where e.class = 1 and e.method is not null and ${during(span)} group by called having count(*) > 1 order by called`,
  );
  return new Map(rows.map(r => [r.called, { all: r.n, others: r.others }]));
}

/** From the first of these requests to the last answer; empty (`fromUs` after `toUs`) when there is none. */
export const spanOf = (requests: readonly Request[]): Span => ({
  fromUs: requests.reduce((a, r) => Math.min(a, r.loUs), Infinity),
  toUs: requests.reduce((a, r) => Math.max(a, r.hiUs), -Infinity),
});

export function routeOf(r: Request): string {
  return `${r.method} ${r.shape}`;
}

/** The names of a request's parameters, path segments aside: the form in which a route is called. */
export function formOf(r: Request): string {
  return JSON.stringify(
    [...r.values]
      .filter(([k, v]) => v !== '' && !k.startsWith('path.'))
      .map(([k]) => k)
      .sort(),
  );
}

const isVariable = new RegExp(`^(${variable})(${ending})?$`);
const isNamed = new RegExp(`^${named}(?:${ending})?$`);

function toRequest(r: Row): Request {
  const path = r.path ?? '';
  const values = new Map<string, string>();
  const segments = path.split('/');
  const shape = segments
    .map((s, i) => {
      const m = isVariable.exec(s);
      if (!m || isNamed.test(s)) return s;
      values.set(`path.${i}`, m[1]!);
      return `{}${m[2] ?? ''}`;
    })
    .join('/');
  for (const [k, v] of formValues(r.query ?? '')) if (!values.has(k)) values.set(k, v);
  for (const [k, v] of bodyValues(r.extra)) if (!values.has(k)) values.set(k, v);
  return {
    eventId: r.event_id,
    loUs: r.lo ?? 0,
    hiUs: r.hi ?? r.lo ?? 0,
    systemId: r.system_id,
    method: r.method ?? '',
    shape,
    values,
    status: r.status,
    bytes: r.bytes_out,
    durationUs: r.duration_us,
    ip: r.src_ip,
    session: r.session,
    account: r.account,
    actor: r.certainty,
    path,
  };
}

/** `a=1&b=%20` → pairs, decoded; what cannot be decoded stays as it is. */
export function formValues(query: string): [string, string][] {
  if (query === '') return [];
  return query
    .split('&')
    .slice(0, 64)
    .map(pair => {
      const eq = pair.indexOf('=');
      return eq < 0 ? [decodeForm(pair), ''] : [decodeForm(pair.slice(0, eq)), decodeForm(pair.slice(eq + 1))];
    });
}

function decodeForm(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function bodyValues(extra: string | null): [string, string][] {
  if (!extra || !extra.includes('body')) return [];
  try {
    const body = JSON.parse(extra) as { body?: unknown; request_body?: unknown };
    const value = body.body ?? body.request_body;
    if (typeof value === 'string') {
      const trimmed = value.trim();
      if (!trimmed.startsWith('{')) return formValues(trimmed);
      return Object.entries(JSON.parse(trimmed) as Record<string, unknown>)
        .filter((p): p is [string, string | number] => typeof p[1] === 'string' || typeof p[1] === 'number')
        .map(([k, v]) => [k, String(v)]);
    }
  } catch {
    /* not a body we can read: the parameters stay unknown */
  }
  return [];
}
