import { MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { alignOrders } from './align.ts';

/** Injected statements (event ids) with the request that ran each. */
export type AnswerLinks = ReadonlyMap<number, number>;

type Seed = { event_id: number; at_us: number; sql_text: string };
type Run = { event_id: number; lo: number; hi: number; conn_id: string | null; sql_text: string; failed: boolean };
/** `at` … `until`: as the requests' own log has it, without the doubt between two clocks. */
type Request = {
  event_id: number;
  lo: number;
  hi: number;
  at: number;
  until: number;
  doubt: number;
  /** Duration, 0 where the log gives none. */
  lasted: number;
  kind: number;
  client: string;
  status: number | null;
  bytes: number | null;
};

/** Pairs of statement and request. `left`: how many of one side found nobody on the other. */
type Linked = { readonly pairs: readonly (readonly [number, number])[]; readonly left: number; readonly name: string };

const episodeUs = 30 * MINUTE;
const fewest = 8;
const mostHeads = 40;
const mostRoutes = 6;
/** A statement starts at most this long after its request did, whatever the request does afterwards. */
const lagUs = SECOND;
/** Of the injected statements that many must have one request and no other, else nothing is linked. */
const leastLinked = 0.7;

/**
 * Injections whose text no log of requests holds (a body, a cookie, a header): their statements are put beside the requests of one page, one to one. The page is the
 * one that was asked for as often as statements of that beginning ran. `pattern`: what an injected statement looks like (RE2).
 */
export async function linkAnswers(engine: Engine, pattern: string): Promise<AnswerLinks> {
  const seeds = await engine.rows<Seed>(
    'intrusion.unlogged_statements',
    sql`
    with traced as (select distinct sql_text from event semi join detection_traced using (event_id) where sql_text is not null)
    select event_id, at_us, left(sql_text, 2000) as sql_text from event
    where class = 2 and at_us is not null and sql_text is not null and regexp_matches(sql_text, ${pattern}) and sql_text not in (select sql_text from traced) order by at_us, event_id`,
  );
  const found: Linked[] = [];
  for (const [head, list] of groupByHead(seeds))
    for (const run of episodesOf(list)) if (run.length >= fewest) found.push(...(await linkRun(engine, head, run)));
  // the beginning of which as many statements ran as there were requests is what the application wrote
  const out = new Map<number, number>();
  const used = new Set<number>();
  for (const { pairs } of found.sort(
    (a, b) => a.left / a.pairs.length - b.left / b.pairs.length || b.pairs.length - a.pairs.length || (a.name < b.name ? -1 : 1),
  )) {
    if (pairs.some(([statement, request]) => out.has(statement) || used.has(request))) continue;
    for (const [statement, request] of pairs) {
      out.set(statement, request);
      used.add(request);
    }
  }
  return out;
}

/** The statement up to its first, second … value: the part that the application wrote, as long as possible first. */
function headsOf(text: string): string[] {
  const out: string[] = [];
  for (const m of text.matchAll(/'[^']*'?|(?<![\w$.])\d+/g)) {
    out.push(text.slice(0, m[0].startsWith("'") ? m.index + 1 : m.index));
    if (out.length === 3) break;
  }
  return out.filter(h => h.length >= 12).reverse();
}

function groupByHead(seeds: readonly Seed[]): [string, Seed[]][] {
  const groups = new Map<string, Seed[]>();
  for (const s of seeds) {
    for (const h of headsOf(s.sql_text)) {
      const list = groups.get(h);
      if (list) list.push(s);
      else groups.set(h, [s]);
    }
  }
  return [...groups]
    .filter(([, list]) => list.length >= fewest)
    .sort((a, b) => b[1].length - a[1].length || b[0].length - a[0].length || (a[0] < b[0] ? -1 : 1))
    .slice(0, mostHeads);
}

function episodesOf(list: readonly Seed[]): Seed[][] {
  const out: Seed[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const s of list) {
    if (s.at_us - last > episodeUs) out.push([]);
    out.at(-1)!.push(s);
    last = s.at_us;
  }
  return out;
}

async function linkRun(engine: Engine, head: string, seeds: readonly Seed[]): Promise<Linked[]> {
  const from = seeds[0]!.at_us - MINUTE;
  const to = seeds.at(-1)!.at_us + MINUTE;
  // Where most payloads of this beginning stand in logged requests, the others do too: only nobody found them there.
  const { traced } = await engine.row<{ traced: number }>(
    'intrusion.unlogged_traced',
    sql`select count(*) as traced from event semi join detection_traced using (event_id) where class = 2 and at_us between ${from} and ${to} and starts_with(sql_text, ${head})`,
  );
  if (traced > seeds.length) return [];
  const wanted = new Set(seeds.map(s => s.event_id));
  const runs = await engine.rows<Run>(
    'intrusion.unlogged_run',
    sql`
    select event_id, coalesce(start_lo_us, end_lo_us, at_us) as lo, coalesce(start_hi_us, end_hi_us, at_us) as hi, conn_id, md5(sql_text) as sql_text, err_code is not null as failed from event
    where class = 2 and at_us between ${from} and ${to} and starts_with(sql_text, ${head}) order by at_us, event_id`,
  );
  const pages = await engine.rows<{ host: string | null; method: string | null; path: string; n: number }>(
    'intrusion.unlogged_pages',
    sql`
    select host, method, path, count(*) as n from event where class = 1 and at_us between ${from} and ${to} and path is not null group by all
    having count(*) between ${Math.floor(runs.length * 0.4)} and ${Math.ceil(runs.length * 1.5) + 2} order by abs(count(*) - ${runs.length}), path, method, host limit ${mostRoutes}`,
  );
  const linked: Linked[] = [];
  for (const p of pages) {
    const requests = await engine.rows<Request>(
      'intrusion.unlogged_requests',
      sql`
      select e.event_id, coalesce(e.start_lo_us, e.end_lo_us - coalesce(e.duration_us, 2000000), e.at_us) as lo, coalesce(e.end_hi_us, e.start_hi_us, e.at_us) as hi,
        (e.at_us - case when coalesce(f.time_kind, 0) in (1, 4) then 0 else coalesce(e.duration_us, 0) end) as "at",
        (e.at_us + coalesce(f.resolution_us, 0) + case when coalesce(f.time_kind, 0) in (1, 4) then coalesce(e.duration_us, 0) else 0 end) as until,
        greatest(coalesce(f.resolution_us, 0), 1000) as doubt, coalesce(e.duration_us, 0) as lasted, coalesce(f.time_kind, 0) as kind, concat_ws(chr(1), e.src_ip, e.user_agent) as client, e.status, e.bytes_out as bytes from event e left join event_file f using (file_no)
      where e.class = 1 and e.at_us between ${from} and ${to} and e.path = ${p.path} and e.method is not distinct from ${p.method} and e.host is not distinct from ${p.host}
      order by case when coalesce(f.resolution_us, 0) > 100000 or coalesce(f.time_kind, 0) in (0, 3) then e.at_us else e.at_us - case when coalesce(f.time_kind, 0) in (1, 4) then 0 else coalesce(e.duration_us, 0) end end, e.event_id`,
    );
    const { pairs, left, ran } = bestAlignment(requests, runs);
    if (pairs.filter(([statement]) => wanted.has(statement)).length >= Math.max(fewest, leastLinked * ran.filter(id => wanted.has(id)).length))
      linked.push({ pairs, left, name: `${p.method} ${p.path} ${head}` });
  }
  // two pages that are asked for together: either may have run it
  const [best, other] = linked.sort((a, b) => a.left - b.left || b.pairs.length - a.pairs.length || (a.name < b.name ? -1 : 1));
  return !best || (other && other.left <= 2 * best.left + 2) ? [] : [best];
}

/** With and without what does not run a statement, and with what a log says twice once: the pairing that leaves the fewest without a partner. */
function bestAlignment(requests: readonly Request[], runs: readonly Run[]): Pick<Linked, 'pairs' | 'left'> & { readonly ran: readonly number[] } {
  let among: readonly number[] = [];
  let best: Linked['pairs'] = [];
  let fewestLeft = Number.POSITIVE_INFINITY;
  const kinds: ((r: Request) => boolean)[] = [
    () => true,
    r => r.status === null || r.status < 300 || r.status === 404 || r.status >= 500,
    r => r.status === null || r.status < 300 || r.status === 404,
  ];
  const once = (r: Run, before: Run | undefined): boolean => before === undefined || before.sql_text !== r.sql_text;
  const said: ((r: Run, before: Run | undefined) => boolean)[] = [() => true, (r, before) => once(r, before) || !r.failed, once, r => !r.failed];
  for (const asks of kinds) {
    const asked = requests.filter(asks);
    for (const told of said) {
      const last = new Map<string, Run>();
      let latest: Run | undefined;
      const ran = runs.filter(r => {
        const before = last.get(r.conn_id ?? '');
        // a statement of its own may be logged by another worker, at the same moment
        const same = latest !== undefined && latest.sql_text === r.sql_text ? latest : before;
        last.set(r.conn_id ?? '', r);
        latest = r;
        return told(r, same);
      });
      const left = Math.abs(asked.length - ran.length);
      if (left >= fewestLeft) continue;
      fewestLeft = left;
      best = pairsOf(asked, ran);
      among = ran.map(r => r.event_id);
    }
  }
  return { pairs: best, left: fewestLeft, ran: among };
}

function pairsOf(requests: readonly Request[], runs: readonly Run[]): [number, number][] {
  // where there are as many of both, order says more than the clocks of two machines
  const slack = requests.length === runs.length ? 1.5 * SECOND : 0.02 * SECOND;
  const timed = (x: { lo: number; hi: number }): { loUs: number; hiUs: number } => ({ loUs: x.lo - slack / 2, hiUs: x.hi + slack / 2 });
  const of = alignOrders(requests.map(timed), runs.map(timed));
  const open = concurrent(requests);
  const out: [number, number][] = [];
  for (let j = 0; j < runs.length; j++) {
    const i = of[j]!;
    if (i >= 0 && !open[i]) out.push([runs[j]!.event_id, requests[i]!.event_id]);
  }
  return out;
}

/** Stamps of unknown meaning, as the starts of their requests. */
const asStarts = (requests: readonly Request[]): Request[] =>
  requests.map(r => (r.kind === 0 || r.kind === 3 ? { ...r, at: r.at + r.lasted, until: r.until + r.lasted } : r));

/** How often a client asked again before he had his answer. */
function countOverlaps(requests: readonly Request[]): number {
  const last = new Map<string, Request>();
  let n = 0;
  for (const r of [...requests].sort((a, b) => a.at - b.at || a.event_id - b.event_id)) {
    const before = last.get(r.client);
    if (before && r.at < before.until - 3 * r.doubt) n++;
    if (!before || r.until > before.until) last.set(r.client, r);
  }
  return n;
}

/** Requests beside which another one with another answer began, so that order does not say whose statement came first. */
function concurrent(given: readonly Request[]): boolean[] {
  // of two meanings the one under which clients wait for their answers
  const started = asStarts(given);
  const requests = countOverlaps(started) < countOverlaps(given) ? started : given;
  const out = requests.map(() => false);
  const order = requests.map((_, i) => i).sort((a, b) => requests[a]!.at - requests[b]!.at || a - b);
  for (let x = 0; x < order.length; x++) {
    const a = requests[order[x]!]!;
    const end = Math.min(a.until, a.at + lagUs);
    for (let y = x + 1; y < order.length && requests[order[y]!]!.at < end; y++) {
      const b = requests[order[y]!]!;
      // who waits for one answer before he asks again overlaps with himself by what stamps are rounded only
      // a stamp of unknown meaning may be the start as well
      const inOrder = (a.kind === 0 || a.kind === 3) && b.until >= 2 * a.until - a.at - 3 * a.doubt;
      const waits = a.client === b.client && (b.at >= end - 3 * a.doubt || inOrder);
      if (waits || (a.status === b.status && a.bytes === b.bytes)) continue;
      out[order[x]!] = true;
      out[order[y]!] = true;
    }
  }
  return out;
}
