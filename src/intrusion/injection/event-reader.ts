import { createPayloadReader, type Payload } from './payload.ts';
import { createRawReader, type RawReader } from './raw-template.ts';
import type { ReadStore, Spot } from './read-store.ts';
import type { InjectionEvent } from './rebuild.ts';
import { createReader, type Meaning, type Reader } from './template.ts';

export type EventReader = { readonly texts: Reader; read(event: InjectionEvent, into: ReadStore): void };

/** Reads what the texts of events ask and show, and puts it into the store. */
export function createEventReader(): EventReader {
  const texts = createReader();
  const payloads = createPayloadReader();
  const queries = createRawReader();
  const statements = createRawReader();
  const spotOf = createSpots();
  const read = (event: InjectionEvent, into: ReadStore): void => {
    const bare = event.query !== null && event.class !== 2 && payloads.isBare(event);
    const alone: readonly [RawReader, string] | null = event.sql_text !== null ? [statements, event.sql_text] : bare ? [queries, event.query!] : null;
    const known = alone?.[0].read(alone[1]);
    if (known) {
      into.add(event, spotOf(event, known.point), known, known.decoded, known.escaped);
      return;
    }
    const found = payloads.read(event);
    let beside = false;
    for (const stages of found) {
      let best: Meaning | null = null;
      let from: Payload | null = null;
      for (const p of stages) {
        const meaning = texts.read(p.text, p.point === 'sql');
        if (meaning && meaning.score > (best?.score ?? 0)) {
          best = meaning;
          from = p;
        }
      }
      if (!best || !from) continue;
      if (!from.point.startsWith('query:')) beside = true;
      into.add(event, spotOf(event, from.point), best, Buffer.byteLength(from.text), escapedLength(from.text));
      if (alone && found.length === 1 && stages.length === 1) alone[0].learn(alone[1], from, best, escapedLength);
    }
    if (!bare && !beside && event.sql_text === null) payloads.setBare(event);
  };
  return { texts, read };
}

function createSpots(): (e: InjectionEvent, point: string) => Spot {
  const routes = new Map<string, string>();
  const routeOf = (e: InjectionEvent): string => {
    if (e.class === 2) return e.answered ? `database ${e.method ?? ''} ${e.path ?? ''}` : 'database';
    const k = `${e.host ?? ''} ${e.method ?? ''} ${e.path ?? ''}`;
    let route = routes.get(k);
    if (route === undefined) {
      if (routes.size > 10_000) routes.clear();
      const path = (e.path ?? '').split('/').map(s => (/^\d+$|[0-9a-f-]{32,}|[%'"()]/i.test(s) ? ':' : s));
      routes.set(k, (route = `${e.host ?? ''} ${e.method ?? ''} ${path.join('/')}`));
    }
    return route;
  };
  /** A payload in the path is no part of the route. */
  const routeAt = (e: InjectionEvent, point: string): string =>
    point.startsWith('path:')
      ? routeOf(e)
          .split('/')
          .map((s, i) => (i === Number(point.slice(5)) ? ':' : s))
          .join('/')
      : routeOf(e);
  const clientOf = createClients();
  const spots = new Map<string, Map<string, Map<string, Spot>>>();
  let count = 0;
  const find = (e: InjectionEvent, point: string): Spot => {
    const client = point === 'header:user-agent' ? `${e.src_ip ?? ''}\u0000` : clientOf(e);
    const route = routeAt(e, point);
    const a = spots.get(client) ?? spots.set(client, new Map()).get(client)!;
    const b = a.get(route) ?? a.set(route, new Map()).get(route)!;
    let spot = b.get(point);
    if (!spot) b.set(point, (spot = { no: count++, client, route, point, at: `${route}\u0000${point}`, votes: new Map() }));
    return spot;
  };
  let last: { readonly e: InjectionEvent; readonly point: string; readonly spot: Spot } | null = null;
  return (e, point) => {
    if (last && last.point === point && isSame(last.e, e)) return last.spot;
    const spot = find(e, point);
    last = { e, point, spot };
    return spot;
  };
}

const isSame = (a: InjectionEvent, b: InjectionEvent): boolean =>
  a.class === b.class &&
  a.src_ip === b.src_ip &&
  a.user_agent === b.user_agent &&
  a.path === b.path &&
  a.host === b.host &&
  a.method === b.method &&
  a.answered === b.answered;

function createClients(): (e: InjectionEvent) => string {
  const known = new Map<string, Map<string, string>>();
  return e => {
    const ip = e.src_ip ?? '';
    const agent = e.user_agent ?? '';
    const agents = known.get(ip) ?? known.set(ip, new Map()).get(ip)!;
    let client = agents.get(agent);
    if (client === undefined) agents.set(agent, (client = `${ip}\u0000${agent}`));
    return client;
  };
}

/** Bytes of a text in a page that escapes it. */
function escapedLength(text: string): number {
  let n = Buffer.byteLength(text);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 38 || c === 39) n += 4;
    else if (c === 60 || c === 62) n += 3;
    else if (c === 34) n += 5;
  }
  return n;
}

type Last = { ip: string | null; agent: string | null; at: number; from: number; to: number };

/** Notes the time to the next request of the client (start stamps) or since the one before, among these events. `from`: its first read. */
export function createGapMeter(store: ReadStore): (e: InjectionEvent, from: number) => void {
  const known = new Map<string, Last>();
  const clientOf = createClients();
  let latest: Last | null = null;
  const find = (e: InjectionEvent): Last | null => {
    if (latest && latest.ip === e.src_ip && latest.agent === e.user_agent) return latest;
    return known.get(clientOf(e)) ?? null;
  };
  return (e, from) => {
    if (e.class === 2) return; // the database's own lines are not a client's requests
    const to = store.length;
    const before = find(e);
    if (!before) {
      latest = { ip: e.src_ip, agent: e.user_agent, at: e.at_us, from, to };
      known.set(clientOf(e), latest);
      return;
    }
    const ofBefore = e.time_kind === 1;
    const end = ofBefore ? before.to : to;
    for (let i = ofBefore ? before.from : from; i < end; i++) if (store.askedOf(i)?.question.technique === 'time') store.measuredUs.set(i, e.at_us - before.at);
    before.at = e.at_us;
    before.from = from;
    before.to = to;
    latest = before;
  };
}
