import { DAY, HOUR, MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { groupBy } from '../group.ts';
import { clientKey, episodes, requestsWhere } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { medianGap } from '../times.ts';
import { type Continued, continuations, openedSessions } from './continuations.ts';
import { classifyTable } from './sign-in-answers.ts';
import { type Weighed, weighClients } from './weigh-clients.ts';

/** Programs that fetch pages without showing them. People sign in with browsers. */
const scriptAgent =
  /^$|python|curl|wget|go-http|java\/|okhttp|libwww|lwp|axios|node-fetch|undici|httpclient|http_request|aiohttp|httpx|scrapy|ruby|perl|php\/|guzzle|powershell|postman|insomnia|headless|phantomjs|mechanize|restsharp|winhttp/i;

const arrivalUs = HOUR;
const mostForms = 20;
const minPeers = 2;
const somePeers = 4;
const firmPeers = 10;
const minShare = 0.9;

type Visit = { no: number; at_us: number; event_id: number | null; door: string | null; form: number | null };
/** `door`: the path that the sign-in was sent to. */
type Entry = { readonly client: string; readonly door: string; readonly atUs: number; readonly eventId: number; readonly forms: ReadonlySet<string> };
type Use = {
  event_id: number;
  at_us: number | null;
  session: string | null;
  method: string | null;
  status: number | null;
  client: string;
};

/**
 * Sign-ins of somebody who never looked at the page where one signs in, where everybody else does: a program, or a person with another's
 * password and a tool. What that client did is the detection. With a program's agent or a machine's pace it is certain that no person sat
 * there; otherwise it is a doubt only (`doubtful`), and so it is where others use the same address and agent.
 */
export async function detectColdSignIns(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const entries = await readEntries(engine);
  const cold = judgeEntries(entries);
  if (cold.length === 0) return [];
  const known = new Set(found.filter(d => d.kind === 'account-takeover').flatMap(d => d.events.map(e => Number(e.eventId))));
  await engine.load(
    'detection_cold',
    [{ name: 'client', type: 'VARCHAR' }],
    cold.map(c => [c.client]),
  );
  const uses = await engine.rows<Use>(
    'detection.cold-events',
    sql`
    select event_id, at_us, session, method, status, client from ${requestsWhere(sql`client_key in (select client_key from detection_client semi join detection_cold using (client))`)} order by at_us nulls first, event_id`,
  );
  const byClient = groupBy(uses, u => u.client);
  const weighed = await weighClients(
    engine,
    cold.filter(c => c.alone).map(c => c.client),
    [...new Set(entries.map(e => e.client))].sort(),
  );
  const [span] = await engine.rows<Span>('detection.cold-span', sql`select min(at_us) as from_us, max(at_us) as to_us from detection_request`);
  const out: Detection[] = [];
  for (const c of cold) {
    const all = byClient.get(c.client) ?? [];
    const own = c.alone ? all : following(all, c.entries);
    const used = own.filter(u => u.method !== 'POST' && u.status !== null && u.status < 300);
    if (used.length === 0 || own.some(u => known.has(u.event_id)) || isHabit(own)) continue;
    const agent = c.client.slice(c.client.indexOf('|') + 1);
    const pace = medianGap(own.map(u => u.at_us));
    const program = agent !== '' && scriptAgent.test(agent);
    const machine = own.length >= 10 && pace < SECOND;
    // Without an agent the address alone is the client, and an address may be a whole office, unless all it ever did is one run of a machine; a
    // client of the log's first and last days is part of the place unless more speaks against it.
    const oneHand = agent !== '' || (machine && c.entries.length === 1 && episodes(all.map(u => ({ ...u, atUs: u.at_us }))).length === 1);
    const strange = (c.peers >= somePeers && (program || machine)) || (c.peers >= firmPeers && own.length >= 10);
    const doubtful = !c.alone || !oneHand || !((strange && !isSettled(all, span)) || isFirm(c, weighed.get(c.client)));
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

/**
 * With few other sign-ins the missing page alone is little: the odds that one of so many has it, times the odds of what the client then did
 * with records. At least two such marks; together better than fifty to one that it is nobody's everyday use.
 */
function isFirm(c: Cold, w: Weighed | undefined): boolean {
  if (w === undefined || w.marks.filter(m => m.weight >= 1).length < 2) return false;
  return Math.min(4, Math.log(c.peers + 2)) + w.weight - Math.log(w.among) >= Math.log(50);
}

/** Successful sign-ins with the pages (of those that people see before they sign in) that the same client had asked for. Reads `detection_sign_in`. */
async function readEntries(engine: Engine): Promise<Entry[]> {
  await classifyTable(engine, 'detection_sign_in_keyed', sql`form and at_us is not null`, 'detection_entry_answer');
  await engine.run(
    'detection.entry',
    sql`create or replace temp table detection_entrant as
    select row_number() over (order by client) as no, client_key as who, client from detection_client
      semi join (select who from detection_entry_answer where outcome <> 'failure' and status < 400) on who = client_key`,
  );
  await engine.run(
    'detection.entry',
    sql`create or replace temp table detection_entry as
    select event_id, at_us, no, who, client, route from detection_entry_answer join detection_entrant using (who)
    where outcome <> 'failure' and status < 400`,
  );
  const { n, people } = await engine.row<{ n: number; people: number }>(
    'detection.entries-count',
    sql`select (select count(*) from detection_entry) as n, (select count(*) from detection_entrant) as people`,
  );
  if (n < minPeers + 1) return [];
  const shown = await readForms(engine, people);
  if (shown.length === 0) return [];
  const forms = new Map(shown.map(r => [r.form, r.path]));
  // What lies further back than an hour before a sign-in of the same client plays no part, nor what comes after the last one.
  const visits = engine.stream<Visit>(
    'detection.cold-visits',
    sql`
    with entered as (select who, at_us // ${HOUR}::bigint as h, min(at_us) - ${arrivalUs}::bigint as from_us, max(at_us) as to_us from detection_entry group by all),
      hour as (select who, unnest([h, h - 1]) as h, from_us, to_us from entered),
      near as (select event_id, at_us, who, form from (${viewsOf(shown, sql`event_id, at_us, at_us // ${HOUR}::bigint as h, ${clientKey} as who`, sql`at_us is not null`)})
        v semi join hour on hour.who = v.who and hour.h = v.h and v.at_us >= from_us and v.at_us <= to_us join detection_form using (path)),
      visit as (select no, at_us, event_id, form, null as door from near join detection_entrant using (who)
        union all select no, at_us, event_id, null, route from detection_entry)
    select no::integer as no, at_us::double as at_us, case when form is null then event_id end as event_id, door, form::integer as form from visit order by visit.no, visit.at_us, visit.event_id`,
  );
  const met: { no: number; at_us: number; event_id: number; door: string; forms: ReadonlySet<string> }[] = [];
  const open = new Map<number, number[]>();
  let current = -1;
  // There are as many visits as pages: they pass by, client after client, and are not held.
  for await (const batch of visits) {
    for (const v of batch) {
      if (v.no !== current) open.clear();
      current = v.no;
      if (v.form !== null) {
        const times = open.get(v.form);
        if (times) times.push(v.at_us);
        else open.set(v.form, [v.at_us]);
        continue;
      }
      const seen = new Set<string>();
      for (const [form, times] of open) {
        // Each page that was seen stands for one sign-in: people behind one address bring one each.
        const last = times.pop();
        if (last !== undefined && v.at_us - last <= arrivalUs) seen.add(forms.get(form)!);
        else open.delete(form);
      }
      met.push({ no: v.no, at_us: v.at_us, event_id: v.event_id!, door: v.door!, forms: seen });
    }
  }
  const names = new Map(
    (await engine.rows<{ no: number; client: string }>('detection.entrants', sql`select no, client from detection_entrant order by no`)).map(r => [
      r.no,
      r.client,
    ]),
  );
  return met.map(e => ({ client: names.get(e.no)!, door: e.door, atUs: e.at_us, eventId: e.event_id, forms: e.forms }));
}

type Form = { form: number; path: string; route: string };

/** Pages that at least half of those who signed in asked for, as they are or by no number in a segment of its own; the commonest first. */
async function readForms(engine: Engine, people: number): Promise<Form[]> {
  const shown = sql`class = 1 and method = 'GET' and status < 400 and path is not null`;
  const pages = await engine.rows<Omit<Form, 'form'>>(
    'detection.cold-pages',
    sql`
    with often as (select route from event where ${shown} group by route having count(*) >= 0.5 * ${people}),
      general as (select route from often where not regexp_matches(route, '/#(/|$)'))
    select route as path, route from general where not contains(route, '#')
    union all select path, any_value(route) as route from event semi join (select route from general where contains(route, '#')) using (route) where ${shown}
      group by path having count(*) >= 0.5 * ${people} order by 1`,
  );
  if (pages.length === 0) return [];
  await engine.run(
    'detection.cold-forms',
    sql`create or replace temp table detection_form as
    with seen as (select path, who from (${viewsOf(pages, sql`${clientKey} as who`, sql`status < 400`)}) semi join detection_entrant using (who) group by path, who)
    select path, row_number() over (order by count(*) desc, path) as form from seen group by path having count(*) >= 0.5 * ${people} order by count(*) desc, path limit ${mostForms}`,
  );
  const routes = new Map(pages.map(p => [p.path, p.route]));
  const rows = await engine.rows<{ form: number; path: string }>('detection.forms', sql`select form, path from detection_form order by form`);
  return rows.map(r => ({ ...r, route: routes.get(r.path)! }));
}

/** Views of these pages: `path` and some columns. Of a route without numbers the path need not be read. */
function viewsOf(pages: readonly { readonly path: string; readonly route: string }[], columns: Sql, test: Sql): Sql {
  const list = (texts: Iterable<string>): Sql => sql`[${sql.join([...new Set(texts)].map(t => sql.lit(t)))}]`;
  const plain = pages.filter(p => !p.route.includes('#'));
  const numbered = pages.filter(p => p.route.includes('#'));
  const views = (path: Sql, of: typeof pages): Sql =>
    sql`select ${path} as path, ${columns} from event where class = 1 and method = 'GET' and ${test} and list_contains(${list(of.map(p => p.route))}, route)`;
  return sql.join(
    [
      ...(plain.length > 0 ? [views(sql`route`, plain)] : []),
      ...(numbered.length > 0 ? [sql`${views(sql`path`, numbered)} and list_contains(${list(numbered.map(p => p.path))}, path)`] : []),
    ],
    sql` union all `,
  );
}

type Cold = { readonly client: string; readonly entries: readonly Entry[]; readonly alone: boolean; readonly peers: number; readonly share: number };

/** What people bring to one door: the pages that are usual before it, and the commonest of them. */
type Door = { readonly entries: readonly Entry[]; readonly usual: ReadonlySet<string>; readonly top: string | null };

function readDoor(entries: readonly Entry[]): Door {
  const byClient = groupBy(entries, e => e.client);
  // Pages that people see before they sign in, and not only afterwards.
  const before = new Map<string, number>();
  for (const own of byClient.values()) for (const f of own[0]!.forms) before.set(f, (before.get(f) ?? 0) + 1);
  const usual = new Set([...before].filter(([, n]) => n >= 0.5 * byClient.size).map(([f]) => f));
  const counts = [...usual].map(f => ({ f, n: entries.filter(e => e.forms.has(f)).length })).sort((a, b) => b.n - a.n || (a.f < b.f ? -1 : 1));
  return { entries, usual, top: counts[0]?.f ?? null };
}

/** Sign-ins of one client at one door that lack the page nearly all others bring there. */
function judgeDoor({ entries, usual, top }: Door, own: readonly Entry[]): Omit<Cold, 'client' | 'alone'> | null {
  if (top === null) return null;
  const peers = entries.length - own.length;
  const brought = (list: readonly Entry[]): number => list.filter(e => e.forms.has(top)).length;
  const share = peers === 0 ? 0 : (brought(entries) - brought(own)) / peers;
  const cold = own.filter(e => ![...e.forms].some(f => usual.has(f)));
  return cold.length === 0 || peers < minPeers || share < minShare ? null : { entries: cold, peers, share: Math.round(share * 1000) / 1000 };
}

/** Clients with sign-ins that lack the page nearly all others bring to the same door: another door may have no such page at all. */
function judgeEntries(entries: readonly Entry[]): Cold[] {
  const byClient = groupBy(entries, e => e.client);
  const doors = new Map([...groupBy(entries, e => e.door)].map(([door, list]) => [door, readDoor(list)]));
  const out: Cold[] = [];
  for (const [client, own] of byClient) {
    const found = [...groupBy(own, e => e.door)].flatMap(([door, mine]) => judgeDoor(doors.get(door)!, mine) ?? []).sort((a, b) => b.peers - a.peers);
    const cold = found.flatMap(f => f.entries);
    if (cold.length === 0) continue;
    const alone = cold.length === own.length;
    // Beside people who bring their page, one without it may be a cached page or a lost line.
    if (!alone && cold.length > Math.max(1, 0.1 * own.length)) continue;
    out.push({ client, entries: cold, alone, peers: found[0]!.peers, share: found[0]!.share });
  }
  // Where it happens often it is how this site is used.
  return out.length <= Math.max(3, 0.02 * byClient.size) ? out : [];
}

/** What followed the sign-ins, by session where there is one, else until the client pauses. */
function following(all: readonly Use[], entries: readonly Entry[]): Use[] {
  const keep = new Set<Use>();
  for (const e of entries) {
    const at = all.findIndex(u => u.event_id === e.eventId);
    if (at < 0) continue;
    const before = new Set(all.slice(0, at).map(u => u.session));
    const session =
      all[at]!.session ?? all.slice(at + 1).find(u => u.session !== null && (u.at_us ?? 0) <= e.atUs + MINUTE && !before.has(u.session))?.session ?? null;
    if (session !== null) for (const u of all) if (u.session === session) keep.add(u);
    keep.add(all[at]!);
    if (session === null) for (const u of episodes(all.slice(at).map(x => ({ ...x, atUs: x.at_us, row: x })))[0] ?? []) keep.add(u.row);
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
