import { DAY, groupBy, HOUR, MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { clientKey, episodeGapUs, episodes, requestsWhere } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { idleSessionUs, medianGap, spanOf } from '../times.ts';
import { type Continued, continuations, openedSessions } from './continuations.ts';
import { type DoorSize, type Entry, type Judged, judgeEntries, mayBeJudged, minPeers } from './judge-entries.ts';
import { programAgent } from './program-agent.ts';
import { afterResumptions } from './resumptions.ts';
import { classifyTable } from './sign-in-answers.ts';
import { pagePart, type Weighed, weighClients } from './weigh-clients.ts';

const arrivalUs = HOUR;
/** A stamp that is so uncertain stands in an hour that came twice. */
const foldUs = HOUR / 2;
const mostForms = 20;
const somePeers = 4;
const firmPeers = 10;
/** Among so few sign-ins a few lost lines hide what is usual: what people ask for right after theirs is looked at as well. */
const fewEntries = 200;
const landingUs = MINUTE;
const fewestPages = 4;
const mostly = 0.9;

/** A page that a client saw (`page` from 1), or a sign-in (0 and below: the number of its door). */
type Visit = { no: number; at_us: number; event_id: number | null; page: number };
type Use = {
  event_id: number;
  at_us: number | null;
  session: string | null;
  method: string | null;
  status: number | null;
  client: string;
  part: boolean;
};

/**
 * Sign-ins of somebody who never looked at the page where one signs in, where everybody else does: a program, or a person with another's
 * password and a tool. What that client did is the detection. With a program's agent or a machine's pace it is certain that no person sat
 * there; otherwise it is a doubt only (`doubtful`), and so it is where others use the same address and agent.
 */
export async function detectColdSignIns(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const entries = await readEntries(engine);
  const judged = judgeEntries(entries);
  if (judged.length === 0) return [];
  const entrants = await readEntrants(engine);
  const unseen = await afterResumptions(
    engine,
    judged.flatMap(c => c.entries),
  );
  const cold = judged.map(c => ({ ...c, client: entrants.get(c.no)! })).sort((a, b) => (a.client < b.client ? -1 : 1));
  const known = new Set(found.filter(d => d.kind === 'account-takeover').flatMap(d => d.events.map(e => Number(e.eventId))));
  await engine.load(
    'detection_cold',
    [{ name: 'client', type: 'VARCHAR' }],
    cold.map(c => [c.client]),
  );
  const uses = await engine.rows<Use>(
    'detection.cold-events',
    sql`
    select event_id, at_us, session, method, status, client, coalesce(regexp_matches(lower(path), ${sql.lit(pagePart)}), false) as part from ${requestsWhere(sql`client_key in (select client_key from detection_client semi join detection_cold using (client))`)} order by at_us nulls first, event_id`,
  );
  const byClient = groupBy(uses, u => u.client);
  const weighed = await weighClients(
    engine,
    cold.filter(c => c.alone).map(c => c.client),
    [...entrants.values()].sort(),
  );
  const [span] = await engine.rows<Span>('detection.cold-span', sql`select min(at_us) as from_us, max(at_us) as to_us from detection_request`);
  let browse: Promise<boolean> | null = null;
  const doOthersBrowse = (): Promise<boolean> => (browse ??= othersBrowse(engine));
  const out: Detection[] = [];
  for (const c of cold) {
    const all = byClient.get(c.client) ?? [];
    const own = c.alone ? all : following(all, c.entries, idleSessionUs);
    const used = own.filter(u => u.method !== 'POST' && u.status !== null && u.status < 300);
    const told = c.alone ? own : following(all, c.entries, episodeGapUs);
    if (used.length === 0 || told.some(u => known.has(u.event_id)) || isHabit(own)) continue;
    const agent = c.client.slice(c.client.indexOf('|') + 1);
    const pace = medianGap(own.map(u => u.at_us));
    const program = agent !== '' && (programAgent.test(agent) || (c.alone && isDisguised(own) && (await doOthersBrowse())));
    const machine = own.length >= 10 && pace < SECOND;
    // Without an agent the address alone is the client, and an address may be a whole office, unless all it ever did is one run of a machine; a
    // client of the log's first and last days is part of the place unless more speaks against it.
    const oneHand = agent !== '' || (machine && c.entries.length === 1 && episodes(all.map(u => ({ ...u, atUs: u.at_us }))).length === 1);
    const strange = (c.peers >= somePeers && (program || machine)) || (c.peers >= firmPeers && own.length >= 10);
    const firm = isFirm(c, weighed.get(c.client));
    if (c.entries.every(e => unseen.has(e.eventId)) && !program && !machine && !firm) continue;
    const doubtful = !c.alone || !oneHand || !((strange && !isSettled(all, span)) || firm);
    const more = c.alone ? await movedOn(engine, c.client, own) : [];
    const events = [...own, ...more].sort((a, b) => (a.at_us ?? -1) - (b.at_us ?? -1) || a.event_id - b.event_id);
    out.push({
      ruleId: 'cold-sign-in',
      kind: 'account-takeover',
      family: 'session',
      level: 'high',
      outcome: doubtful ? 'unknown' : 'succeeded',
      groupKey: `cold|${c.client}`,
      facts: {
        requests: events.length,
        answered_ok: used.length,
        sign_ins_without_form: c.entries.length,
        others_with_form: c.share,
        other_sign_ins: c.peers,
        program,
        median_gap_seconds: Number.isFinite(pace) ? Math.round(pace / (SECOND / 1000)) / 1000 : null,
        alone: c.alone,
        from_elsewhere: more.length,
        ...(weighed.has(c.client) && { marks: weighed.get(c.client)!.marks, weight: weighed.get(c.client)!.weight, among: weighed.get(c.client)!.among }),
        ...(doubtful && { doubtful }),
      },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
    });
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

/** Several pages, none of their parts, and no time to read any: no browser, whatever it calls itself. Where the others' browsers load parts and none is as fast. */
function isDisguised(own: readonly Use[]): boolean {
  const { from, to } = spanOf(own.map(u => u.at_us));
  return own.length >= fewestPages && !own.some(u => u.part) && own.every(u => u.at_us !== null) && to - from < own.length * SECOND;
}

/**
 * Do nearly all others who signed in load parts of pages, and does none of them ever get pages as fast as that? Browsers that kept the parts from last time, and pages
 * that fetch others by themselves, would show among them. Reads `detection_entrant`, `detection_cold`.
 */
async function othersBrowse(engine: Engine): Promise<boolean> {
  const { n, loading, fast } = await engine.row<{ n: number; loading: number; fast: number }>(
    'detection.cold-others',
    sql`
    with other as (select who from detection_entrant join detection_client on client_key = who anti join detection_cold using (client)),
      sent as (select ${clientKey} as who, at_us, regexp_matches(lower(path), ${sql.lit(pagePart)}) as part, method = 'GET' and status < 300 as answered from event semi join other on client_key = who where class = 1 and path is not null),
      page as (select who, at_us - lag(at_us, ${fewestPages - 2}) over (partition by who order by at_us) as us from sent where answered and not part)
    select (select count(*) from other) as n, (select count(distinct who) from sent where part) as loading, (select count(distinct who) from page where us < ${(fewestPages - 1) * SECOND}::bigint) as fast`,
  );
  return n >= somePeers && loading >= mostly * n && fast === 0;
}

/**
 * With few other sign-ins the missing page alone is little: the odds that one of so many has it, times the odds of what the client then did
 * with records. At least two such marks; together better than fifty to one that it is nobody's everyday use.
 */
function isFirm(c: Judged, w: Weighed | undefined): boolean {
  if (w === undefined || w.marks.filter(m => m.weight >= 1).length < 2) return false;
  return Math.min(4, Math.log(c.peers + 2)) + w.weight - Math.log(w.among) >= Math.log(50);
}

/** Successful sign-ins with the pages (of those that people see before they sign in) that the same client had asked for. Reads `detection_sign_in`. */
async function readEntries(engine: Engine): Promise<Entry[]> {
  await classifyTable(engine, 'detection_sign_in_keyed', sql`form and at_us is not null`, 'detection_entry_answer');
  await engine.run(
    'detection.entry',
    sql`create or replace temp table detection_entrant as
    select row_number() over (order by who)::integer as no, who from (select distinct who from detection_entry_answer where outcome <> 'failure' and status < 400)`,
  );
  // Local time that came twice in a night: which page came before which is not told there, nor just after it.
  await engine.run(
    'detection.entry-folds',
    sql`create or replace temp table detection_fold as
    select min(at_us) as lo, max(at_us + time_span_us) + ${arrivalUs}::bigint as hi from event where class = 1 and time_span_us >= ${foldUs}::bigint group by at_us // ${DAY}::bigint`,
  );
  await engine.run(
    'detection.entry',
    sql`create or replace temp table detection_entry as
    select event_id, at_us, no, who, 1 - dense_rank() over (order by route) as door from detection_entry_answer join detection_entrant using (who)
    where outcome <> 'failure' and status < 400 and not exists (select 1 from detection_fold where at_us between lo and hi)`,
  );
  const { n, people } = await engine.row<{ n: number; people: number }>(
    'detection.entries-count',
    sql`select (select count(*) from detection_entry) as n, (select count(*) from detection_entrant) as people`,
  );
  if (n < minPeers + 1) return [];
  const shown = await readForms(engine, people);
  if (shown.length === 0) return [];
  if (n <= fewEntries) return readMet(engine, shown, sql`true`, landingUs);
  // Most logs are told by a part of their clients: no page is brought by nearly all.
  const some = await readMet(engine, shown, sql`who % ${parts} = 0`);
  const doors = await engine.rows<DoorSize>(
    'detection.cold-doors',
    sql`select door, sum(n)::bigint as n, max(n) as most from (select door, who, count(*) as n from detection_entry group by door, who) group by door order by door`,
  );
  if (!mayBeJudged(doors, some)) return [];
  return [...some, ...(await readMet(engine, shown, sql`who % ${parts} <> 0`))].sort((a, b) => a.no - b.no);
}

/** One client of so many is looked at first. */
const parts = 4;

/** Sign-ins of some clients, each with the pages before it and so long after it. */
async function readMet(engine: Engine, shown: readonly Page[], clients: Sql, afterUs = 0): Promise<Entry[]> {
  // What lies further back than an hour before a sign-in of the same client plays no part, nor what comes later after the last one.
  const visits = engine.stream<Visit>(
    'detection.cold-visits',
    sql`
    with entry as (select * from detection_entry where ${clients}),
      entered as (select who, at_us // ${HOUR}::bigint as h, min(at_us) - ${arrivalUs}::bigint as from_us, max(at_us) + ${afterUs}::bigint as to_us from entry group by all),
      hour as (select who, unnest([h, h - 1, to_us // ${HOUR}::bigint]) as h, from_us, to_us from entered),
      near as (select event_id, at_us, who, page from (select * from (${viewsOf(shown, sql`event_id, at_us, at_us // ${HOUR}::bigint as h, ${clientKey} as who`, sql`at_us is not null`)}) where ${clients})
        v semi join hour on hour.who = v.who and hour.h = v.h and v.at_us >= from_us and v.at_us <= to_us),
      visit as (select no, at_us, event_id, page from near join detection_entrant using (who)
        union all select no, at_us, event_id, door from entry)
    select no, at_us::double as at_us, case when page <= 0 then event_id end::double as event_id, page::integer as page from visit order by visit.no, visit.at_us, visit.event_id`,
  );
  const met: (Entry & { readonly landings: Set<string> })[] = [];
  const open = new Map<number, number[]>();
  let current = -1;
  // There are as many visits as pages: they pass by, client after client, and are not held.
  for await (const batch of visits) {
    for (const v of batch) {
      if (v.no !== current) open.clear();
      current = v.no;
      if (v.page > 0) {
        const last = met.at(-1);
        if (last?.no === v.no && v.at_us - last.atUs <= afterUs) last.landings.add(shown[v.page - 1]!.path);
        const times = open.get(v.page);
        if (times) times.push(v.at_us);
        else open.set(v.page, [v.at_us]);
        continue;
      }
      const seen = new Set<string>();
      for (const [page, times] of open) {
        // Each page that was seen stands for one sign-in: people behind one address bring one each.
        const last = times.pop();
        if (last !== undefined && v.at_us - last <= arrivalUs) seen.add(shown[page - 1]!.path);
        else open.delete(page);
      }
      met.push({ no: v.no, atUs: v.at_us, eventId: v.event_id!, door: v.page, forms: seen, landings: new Set() });
    }
  }
  return met;
}

/** The clients of `detection_entrant` as texts. */
async function readEntrants(engine: Engine): Promise<Map<number, string>> {
  const rows = await engine.rows<{ no: number; client: string }>(
    'detection.entrants',
    sql`select no, client from detection_entrant join detection_client on client_key = who order by no`,
  );
  return new Map(rows.map(r => [r.no, r.client]));
}

/** A page, its route, and whether that route has no other page: it then stands for it, and paths need not be read. */
type Page = { readonly path: string; readonly route: string; readonly alone: boolean };

/** Pages that at least half of those who signed in asked for, as they are or by no number in a segment of its own; the commonest first. */
async function readForms(engine: Engine, people: number): Promise<Page[]> {
  const routes = await engine.rows<{ route: string }>(
    'detection.cold-pages',
    sql`select route from detection_traffic join detection_route using (route_no) where got group by route having coalesce(sum(n) filter (status < 400), 0) >= 0.5 * ${people} order by route`,
  );
  const general = routes.map(r => r.route).filter(r => !/\/#(?:\/|$)/.test(r));
  const numbered = general.filter(r => r.includes('#'));
  const pages: Page[] = general.filter(r => !r.includes('#')).map(route => ({ path: route, route, alone: true }));
  if (numbered.length > 0)
    pages.push(
      ...(await engine.rows<Page>(
        'detection.cold-numbered',
        sql`
        with page as (select path, any_value(route) as route, count(*) filter (status < 400) as n from event where class = 1 and method = 'GET' and ${isIn('route', numbered)} group by path),
          several as (select route from page group by route having count(*) > 1)
        select path, route, route not in (select route from several) as alone from page where n >= 0.5 * ${people} order by path`,
      )),
    );
  if (pages.length === 0) return [];
  const seenBy = new Map<Page, number>();
  const look = async (of: readonly Page[], seen: Sql): Promise<void> => {
    if (of.length === 0) return;
    const rows = await engine.rows<{ page: number; n: number }>(
      'detection.cold-forms',
      sql`
      with seen as (select distinct page, who from (${seen}) semi join detection_entrant using (who))
      select page, count(*) as n from seen group by page having n >= 0.5 * ${people}`,
    );
    for (const r of rows) seenBy.set(of[r.page - 1]!, r.n);
  };
  const byTraffic = pages.filter(p => p.alone);
  await look(
    byTraffic,
    sql`select ${placeIn(byTraffic, 'route')} as page, client as who from detection_traffic join detection_route using (route_no) where got and status < 400 and ${isIn(
      'route',
      byTraffic.map(p => p.route),
    )}`,
  );
  const byPath = pages.filter(p => !p.alone);
  const viewed = (of: readonly Page[], test: Sql): Promise<void> => look(of, viewsOf(of, sql`${clientKey} as who`, sql`status < 400 and ${test}`));
  // Pages that half of all asked for at the beginning of the log already need no more; which are the commonest matters where there are many.
  if (pages.length <= mostForms && byPath.length > 0) {
    const { lines } = await engine.row<{ lines: number }>(
      'detection.cold-lines',
      sql`select coalesce(max(line_no), 0)::bigint as lines from event where class = 1`,
    );
    await viewed(byPath, sql`line_no <= ${Math.floor(lines / 4)}`);
  }
  await viewed(
    byPath.filter(p => !seenBy.has(p)),
    sql`true`,
  );
  return [...seenBy]
    .sort(([a, n], [b, m]) => m - n || (a.path < b.path ? -1 : 1))
    .slice(0, mostForms)
    .map(([p]) => p);
}

/** Views of these pages: `page`, its place in the list from 1, and some columns. */
function viewsOf(pages: readonly Page[], columns: Sql, test: Sql): Sql {
  const views = (key: 'path' | 'route', of: readonly Page[]): Sql => {
    const keys = of.map(p => p[key]);
    const narrowed = key === 'path' ? sql`${isIn('route', [...new Set(of.map(p => p.route))])} and ` : sql``;
    return sql`select ${placeIn(pages, key, of)} as page, ${columns}
      from event where class = 1 and method = 'GET' and ${test} and ${narrowed}${isIn(key, keys)}`;
  };
  const alone = pages.filter(p => p.alone);
  const others = pages.filter(p => !p.alone);
  return sql.join([...(alone.length > 0 ? [views('route', alone)] : []), ...(others.length > 0 ? [views('path', others)] : [])], sql` union all `);
}

/** The place of a page in the list, from 1. */
function placeIn(pages: readonly Page[], key: 'path' | 'route', among: readonly Page[] = pages): Sql {
  const places = among.map(p => sql.lit(pages.indexOf(p) + 1));
  return sql`list_extract([${sql.join(places)}], list_position(${listOf(among.map(p => p[key]))}, ${sql.id(key)}))`;
}

const listOf = (texts: readonly string[]): Sql => sql`[${sql.join(texts.map(t => sql.lit(t)))}]`;
const isIn = (column: 'path' | 'route', texts: readonly string[]): Sql => sql`list_contains(${listOf(texts)}, ${sql.id(column)})`;

/** What followed the sign-ins, by session where there is one, else until the client pauses so long that a session dies of it; sessions open before are others'. */
function following(all: readonly Use[], entries: readonly Entry[], pauseUs: number): Use[] {
  const keep = new Set<Use>();
  for (const e of entries) {
    const at = all.findIndex(u => u.event_id === e.eventId);
    if (at < 0) continue;
    const before = new Set(all.slice(0, at).flatMap(u => u.session ?? []));
    const fresh = all.slice(at).filter(u => u.session === null || !before.has(u.session));
    const session = all[at]!.session ?? fresh.slice(1).find(u => u.session !== null && (u.at_us ?? 0) <= e.atUs + MINUTE)?.session ?? null;
    if (session !== null) for (const u of all) if (u.session === session) keep.add(u);
    keep.add(all[at]!);
    if (session === null)
      for (const u of episodes(
        fresh.map(x => ({ ...x, atUs: x.at_us, row: x })),
        pauseUs,
      )[0] ?? [])
        keep.add(u.row);
  }
  return all.filter(u => keep.has(u));
}

/** The same hands at other addresses. */
async function movedOn(engine: Engine, client: string, own: readonly Use[]): Promise<Continued[]> {
  const found = [...(await continuations(engine, client, own)), ...(await openedSessions(engine, own))];
  return [...new Map(found.map(e => [e.event_id, e])).values()];
}

type Span = { from_us: number | null; to_us: number | null };

/** There from the first twentieth of the log to the last: whether it came with the log or before it cannot be seen. */
function isSettled(all: readonly Use[], span: Span | undefined): boolean {
  const times = all.map(u => u.at_us).filter(t => t !== null);
  if (!span || span.from_us === null || span.to_us === null || times.length === 0) return false;
  const margin = (span.to_us - span.from_us) / 20;
  return times[0]! <= span.from_us + margin && times.at(-1)! >= span.to_us - margin;
}

/** A job: every visit of several days begins at the same hour. */
function isHabit(own: readonly Use[]): boolean {
  const starts = episodes(own.map(u => ({ ...u, atUs: u.at_us })))
    .map(p => p[0]!.atUs)
    .filter(t => t !== null);
  const days = new Set(starts.map(t => Math.floor(t / DAY))).size;
  const first = starts[0] ?? 0;
  return (
    days >= 3 &&
    starts.every(t => {
      const d = Math.abs(t - first) % DAY;
      return Math.min(d, DAY - d) <= HOUR;
    })
  );
}
