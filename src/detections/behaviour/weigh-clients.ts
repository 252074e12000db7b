import { DAY, HOUR, MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { readForeign } from './owners.ts';

/** One thing that sets a client apart, with what the others do. `weight` is a natural logarithm of odds, capped. */
export type Mark = {
  readonly mark: 'records-only' | 'many-records' | 'records-of-others' | 'no-rest' | 'unusual-hours';
  readonly value: number;
  readonly usual: number | null;
  readonly peers: number;
  readonly weight: number;
  readonly detail?: string;
};

export type Weighed = { readonly marks: readonly Mark[]; readonly weight: number; readonly among: number; readonly records: number };

/** What a browser fetches beside a page, by the path in small letters. */
export const pagePart = String.raw`\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|mp[34]|webm)$`;
/** A number, or an id that says nothing, as a segment of a path. */
const record = `/(?:[0-9]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{20,})(?:[/.]|$)`;
const minRecords = 5;
const cap = 5;
const sampleOfPeers = 400;

type Reader = { client: string; pages: number; records: number; others: number };
type Pace = { client: string; first_us: number; last_us: number; pause: number; odd: number; n: number };

/**
 * What the named clients do that others who call up records do not: nothing but records, far more of them, records that belong to others, no
 * rest, hours when nobody else works. Each mark stands by itself and says against whom it was measured; together they make odds.
 * `people` are the clients to measure against (those who sign in), all when null.
 */
export async function weighClients(engine: Engine, clients: readonly string[], people: readonly string[] | null): Promise<Map<string, Weighed>> {
  const named = new Set(clients);
  await engine.load(
    'detection_people',
    [{ name: 'client', type: 'VARCHAR' }],
    [...new Set([...clients, ...(people ?? [])])].sort().map(c => [c]),
  );
  const readers = await engine.rows<Reader>(
    'detection.readers',
    sql`
    select client, count(*)::integer as pages, count(distinct path) filter (regexp_matches(path, ${sql.lit(record)}))::integer as records,
      count(*) filter (method = 'GET' and not regexp_matches(path, ${sql.lit(record)}))::integer as others
    from detection_request ${people === null ? sql`` : sql`join detection_people using (client)`} where not regexp_matches(lower(path), ${sql.lit(pagePart)}) and status < 400
    group by client having count(distinct path) filter (regexp_matches(path, ${sql.lit(record)})) >= ${minRecords} order by client`,
  );
  const of = new Map(readers.map(r => [r.client, r]));
  const foreign = new Map((await readForeign(engine)).map(f => [f.client, f]));
  const paces = new Map((await readPaces(engine, readers, named)).map(p => [p.client, p]));
  const out = new Map<string, Weighed>();
  for (const client of clients) {
    const own = of.get(client);
    if (!own) continue;
    const peers = readers.filter(r => !named.has(r.client));
    const marks: Mark[] = [];
    const onlyRecords = (r: Reader): boolean => r.others <= 0.05 * r.records;
    if (own.records >= 2 * minRecords && onlyRecords(own))
      marks.push(byPeers('records-only', own.others, median(peers.map(p => p.others)), peers.length, peers.filter(onlyRecords).length));
    const z = robustZ(
      own.records,
      peers.map(p => p.records),
    );
    if (z !== null && z >= 2)
      marks.push({ mark: 'many-records', value: own.records, usual: median(peers.map(p => p.records)), peers: peers.length, weight: Math.min(cap, z) });
    const f = foreign.get(client);
    if (f && f.foreign >= 3 && f.foreign >= 0.2 * f.records)
      marks.push({ ...byPeers('records-of-others', f.foreign, 0, f.peers, f.peersBeyond), detail: `${f.dataset}.${f.column}` });
    const pace = paces.get(client);
    if (pace)
      marks.push(
        ...paceMarks(
          pace,
          [...paces.values()].filter(p => !named.has(p.client)),
        ),
      );
    out.set(client, { marks, weight: round(marks.reduce((n, m) => n + m.weight, 0)), among: peers.length + 1, records: own.records });
  }
  return out;
}

/** A yes that `beyond` of the peers share: the odds that one more of them would say it. */
function byPeers(mark: Mark['mark'], value: number, usual: number | null, peers: number, beyond: number): Mark {
  return { mark, value, usual, peers, weight: round(Math.min(cap, Math.max(0, Math.log((peers + 2) / (beyond + 1))))) };
}

function paceMarks(own: Pace, peers: readonly Pace[]): Mark[] {
  const out: Mark[] = [];
  const long = (p: Pace): boolean => p.last_us - p.first_us >= 0.75 * DAY;
  const restless = peers.filter(p => long(p) && p.pause <= Math.max(own.pause, 5 * HOUR)).length;
  if (own.n >= 10 && long(own) && own.pause <= 5 * HOUR) out.push(byPeers('no-rest', Math.round(own.pause / MINUTE), null, peers.length, restless));
  const odd = (p: Pace): boolean => p.odd >= 0.2 * p.n && p.odd >= 3;
  if (odd(own)) out.push(byPeers('unusual-hours', own.odd, 0, peers.length, peers.filter(odd).length));
  return out;
}

/** Rhythm of the named clients and of a fixed sample of the others. `odd` counts requests in hours of the day when all others together send next to nothing. */
async function readPaces(engine: Engine, readers: readonly Reader[], named: ReadonlySet<string>): Promise<Pace[]> {
  const peers = readers.filter(r => !named.has(r.client)).slice(0, sampleOfPeers);
  await engine.load(
    'detection_paced',
    [
      { name: 'client', type: 'VARCHAR' },
      { name: 'named', type: 'BOOLEAN' },
    ],
    [...peers.map(r => [r.client, false]), ...[...named].sort().map(c => [c, true])],
  );
  return engine.rows<Pace>(
    'detection.paces',
    sql`
    with page as (select client, named, at_us, (at_us // ${HOUR}::bigint) % 24 as h from detection_request join detection_paced using (client)
        where at_us is not null and not regexp_matches(lower(path), ${sql.lit(pagePart)})),
      visits as (select count(distinct (client, at_us // ${DAY}::bigint)) as v from page where not named),
      hours as (select h, count(distinct (client, at_us // ${DAY}::bigint)) as v from page where not named group by h),
      ring as (select a.h, coalesce(sum(b.v), 0) as near from (select unnest(range(24)) as h) a left join hours b on (b.h - a.h + 24) % 24 in (0, 1, 23) group by a.h),
      gap as (select client, at_us, h, at_us - lag(at_us) over (partition by client order by at_us) as pause from page)
    select client, min(at_us) as first_us, max(at_us) as last_us, coalesce(max(pause), 0) as pause, count(*)::integer as n,
      count(*) filter (near = 0 and (select v from visits) >= 10)::integer as odd
    from gap left join ring using (h) group by client order by client`,
  );
}

/** (ln(1+x) − median) over 1.4826 MAD of the peers on the same scale, at least 0.3; null with fewer than three peers. */
export function robustZ(x: number, peers: readonly number[]): number | null {
  if (peers.length < 3) return null;
  const logs = peers.map(p => Math.log1p(p));
  const middle = median(logs)!;
  const spread = median(logs.map(v => Math.abs(v - middle)))!;
  return round((Math.log1p(x) - middle) / Math.max(0.3, 1.4826 * spread));
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  return n === 0 ? null : n % 2 === 1 ? sorted[n >> 1]! : (sorted[n / 2 - 1]! + sorted[n / 2]!) / 2;
}

const round = (x: number): number => Math.round(x * 100) / 100;
