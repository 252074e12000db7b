import type { SqlDialect } from '../../detections/sql/index.ts';
import { type Binding, bindUnknown } from './bind.ts';
import type { Technique } from './condition.ts';
import { type Reading, readConstraint } from './constraint.ts';
import type { InBand } from './in-band.ts';
import { type Oracle, type Probe, readOracle } from './oracle.ts';
import { type Carrier, createPayloadReader, type Payload } from './payload.ts';
import { createRawReader } from './raw-template.ts';
import { ReadStore, type Spot, StoredProbe } from './read-store.ts';
import { type Answer, type Solution, solveCell } from './solve.ts';
import type { Expr } from './syntax.ts';
import { createReader, type Meaning, nothingShown } from './template.ts';

/** One event that may carry an injection. */
export type InjectionEvent = Carrier & {
  readonly event_id: number; readonly at_us: number; readonly class: number; readonly src_ip: string | null; readonly host: string | null; readonly method: string | null;
  readonly status: number | null; readonly bytes_out: number | null; readonly duration_us: number | null; readonly rows_out: number | null; readonly err_code: string | null;
  /** Text length as sent. */
  readonly target_length: number | null;
  /** A statement that stands for the request that ran it: address, page and answer are the request's. */
  readonly answered?: boolean;
  /** timeKind of its file: 1 start, 2 end, 3 write. */
  readonly time_kind: number;
  /** Time to the neighbouring request of the client among all requests, when known; else it is measured among these events. */
  readonly gap_us?: number | null;
};

export type RebuiltCell = {
  readonly technique: 'boolean' | 'time';
  readonly dialect: SqlDialect;
  readonly binding: Binding;
  readonly key: string;
  readonly solution: Solution;
  readonly answers: readonly Answer[];
  readonly eventIds: readonly number[];
  /** Why nothing could be read, or null. */
  readonly unreadable: string | null;
  readonly oracle: { readonly margin: number; readonly noise: number; readonly feature: string; readonly contradictions: readonly [number, number] } | null;
};

export type RebuiltStatement = { readonly eventId: number; readonly atUs: number; readonly point: string; readonly route: string; readonly client: string; readonly inBand: InBand; readonly status: number | null; readonly bytes: number | null; readonly errCode: string | null; /** Lengths that a page may reflect, as of a probe. */ readonly reflected: readonly number[] };

/** An event that speaks SQL to the database, and how. */
export type InjectionMark = { readonly eventId: number; readonly technique: 'boolean' | 'time' | 'union' | 'error' | 'stacked' | 'out-of-band'; readonly client: string; readonly point: string; readonly workItem: string | null; readonly markers: readonly string[]; readonly answered: boolean };

export type Rebuilt = {
  readonly cells: readonly RebuiltCell[];
  readonly statements: readonly RebuiltStatement[];
  readonly marks: readonly InjectionMark[];
  readonly unreadable: readonly { readonly point: string; readonly reason: string; readonly probes: number }[];
};

/** Takes events in order of time and id, batch by batch; of each only what its texts mean is kept. */
export type Rebuilder = {
  add(events: Iterable<InjectionEvent>): void;
  /** Events whose answer may be in their time, without a duration or a gap. */
  untimed(): number[];
  /** What injections asked and obtained. `gaps`: for untimed events the time to the neighbouring request of the client among all requests. */
  finish(gaps?: ReadonlyMap<number, number | null>): Rebuilt;
};

const none: readonly string[] = [];
const isOrdered = (events: readonly InjectionEvent[]): boolean => events.every((e, i) => i === 0 || events[i - 1]!.at_us < e.at_us || (events[i - 1]!.at_us === e.at_us && events[i - 1]!.event_id < e.event_id));

/** What injections asked and obtained. Order of the events does not matter. */
export function rebuildInjections(events: readonly InjectionEvent[]): Rebuilt {
  const rebuilder = createRebuilder();
  rebuilder.add(isOrdered(events) ? events : [...events].sort((a, b) => a.at_us - b.at_us || a.event_id - b.event_id));
  return rebuilder.finish();
}

export function createRebuilder(): Rebuilder {
  const store = new ReadStore();
  const readEvent = createEventReader();
  const measure = createGapMeter(store);
  const timeless = (i: number): boolean => store.asked[i]?.question.technique === 'time' && store.number('durationUs', i) === null && store.number('gapUs', i) === null;
  return {
    add(events) {
      for (const event of events) {
        const from = store.length;
        readEvent(event, store);
        measure(event, from);
      }
    },
    untimed() {
      const ids = new Set<number>();
      for (let i = 0; i < store.length; i++) if (timeless(i) && store.spots[i]!.route !== 'database') ids.add(store.columns.eventId[i]!);
      return [...ids];
    },
    finish(gaps) {
      if (gaps) for (let i = 0; i < store.length; i++) if (timeless(i)) store.columns.gapUs[i] = gaps.get(store.columns.eventId[i]!) ?? Number.NaN;
      let untimed = false;
      for (let i = 0; i < store.length && !untimed; i++) untimed = timeless(i);
      return finishReads(store, untimed);
    },
  };
}

function finishReads(store: ReadStore, untimed: boolean): Rebuilt {
  const spoken = voteDialects(store);
  const probes: Probe[] = [];
  const marks: InjectionMark[] = [];
  const bindings = new Map<string, Expr>();
  const statements: RebuiltStatement[] = [];
  for (let i = 0; i < store.length; i++) {
    const eventId = store.columns.eventId[i]!;
    const spot = store.spots[i]!;
    const inBand = store.inBand[i]!;
    const asked = store.asked[i]!;
    const key = store.keys[i]!;
    for (const b of inBand) {
      statements.push({ eventId, atUs: store.columns.atUs[i]!, point: spot.point, route: spot.route, client: spot.client, inBand: b, status: store.number('status', i), bytes: store.number('bytes', i), errCode: store.errCodes[i]!, reflected: store.reflected(i) });
    }
    const technique = inBand.find(b => b.technique !== 'stacked')?.technique ?? asked?.question.technique ?? inBand[0]?.technique;
    if (!technique) continue;
    const probing = asked !== null && !inBand.some(b => b.technique !== 'stacked' && !b.calibration);
    if (probing) {
      const dialect = spoken.get(spot) ?? asked.question.dialect;
      const unknown = store.unknowns[i]!;
      let reading: Reading | null = null;
      if (unknown) {
        if (!bindings.has(key)) bindings.set(key, unknown);
        const known = asked.readings.get(dialect);
        if (known === undefined) asked.readings.set(dialect, (reading = readConstraint(asked.question.condition, dialect)));
        else reading = known;
      }
      probes.push(new StoredProbe(store, i, dialect, reading, untimed));
    }
    marks.push({ eventId, technique, client: spot.client, point: spot.at, workItem: probing && key !== '' ? key : null, markers: inBand.length === 0 ? none : inBand.flatMap(b => b.around).filter(m => /^([a-z])[a-z]{3}\1$/.test(m)), answered: false });
  }
  const { labelled, unreadable } = readGroups(probes);
  return { ...solveAll(probes, labelled, bindings, unreadable), statements, marks };
}

function createClients(): (e: Pick<InjectionEvent, 'src_ip' | 'user_agent'>) => string {
  const known = new Map<string, Map<string, string>>();
  return e => {
    const ip = e.src_ip ?? '';
    const agent = e.user_agent ?? '';
    let agents = known.get(ip);
    if (!agents) known.set(ip, (agents = new Map()));
    let client = agents.get(agent);
    if (client === undefined) agents.set(agent, (client = `${ip}\u0000${agent}`));
    return client;
  };
}

function createEventReader(): (event: InjectionEvent, into: ReadStore) => void {
  const readText = createReader();
  const payloads = createPayloadReader();
  const raw = createRawReader();
  const routes = new Map<string, string>();
  const routeOf = (e: InjectionEvent): string => {
    if (e.class === 2) return e.answered ? `database ${e.method ?? ''} ${e.path ?? ''}` : 'database';
    const k = `${e.host ?? ''} ${e.method ?? ''} ${e.path ?? ''}`;
    let route = routes.get(k);
    if (route === undefined) {
      if (routes.size > 10_000) routes.clear();
      routes.set(k, (route = `${e.host ?? ''} ${e.method ?? ''} ${(e.path ?? '').split('/').map(s => (/^\d+$|[0-9a-f-]{32,}|[%'"()]/i.test(s) ? ':' : s)).join('/')}`));
    }
    return route;
  };
  /** A payload in the path is no part of the route. */
  const routeAt = (e: InjectionEvent, point: string): string => (point.startsWith('path:') ? routeOf(e).split('/').map((s, i) => (i === Number(point.slice(5)) ? ':' : s)).join('/') : routeOf(e));
  const clientOf = createClients();
  const spots = new Map<string, Map<string, Map<string, Spot>>>();
  const spotOf = (client: string, route: string, point: string): Spot => {
    let a = spots.get(client);
    if (!a) spots.set(client, (a = new Map()));
    let b = a.get(route);
    if (!b) a.set(route, (b = new Map()));
    let spot = b.get(point);
    if (!spot) b.set(point, (spot = { client, route, point, at: `${route}\u0000${point}`, votes: new Map() }));
    return spot;
  };
  const put = (event: InjectionEvent, point: string, lengths: readonly number[], meaning: Pick<Meaning, 'asked' | 'unknown' | 'key' | 'inBand'>, into: ReadStore): void =>
    into.add({
      eventId: event.event_id, atUs: event.at_us, status: event.status, bytes: event.bytes_out, durationUs: event.duration_us, gapUs: event.gap_us ?? null, rowsOut: event.rows_out,
      errCode: event.err_code, reflected: [lengths[0]!, lengths[1]!, event.target_length ?? 0],
      spot: spotOf(point === 'header:user-agent' ? `${event.src_ip ?? ''}\u0000` : clientOf(event), routeAt(event, point), point),
      asked: meaning.asked, unknown: meaning.unknown, key: meaning.key, inBand: meaning.inBand,
    });
  return (event, into) => {
    const bare = event.query !== null && event.class !== 2 && payloads.isBare(event);
    if (bare) {
      const known = raw.read(event.query!);
      if (known) {
        put(event, known.point, [known.decoded, known.escaped], { asked: known.asked, unknown: known.unknown, key: known.key, inBand: nothingShown }, into);
        return;
      }
    }
    const found = payloads.read(event);
    let beside = false;
    for (const stages of found) {
      let best: Meaning | null = null;
      let from: Payload | null = null;
      for (const p of stages) {
        const meaning = readText(p.text, p.point === 'sql');
        if (meaning && meaning.score > (best?.score ?? 0)) { best = meaning; from = p; }
      }
      if (!best || !from) continue;
      if (!from.point.startsWith('query:')) beside = true;
      put(event, from.point, [Buffer.byteLength(from.text), escapedLength(from.text)], best, into);
      if (bare && found.length === 1 && stages.length === 1) raw.learn(event.query!, from, best, escapedLength);
    }
    if (!bare && !beside && event.sql_text === null) payloads.setBare(event);
  };
}

/** What most payloads of a client on one point speak: single payloads often do not tell. */
function voteDialects(store: ReadStore): Map<Spot, SqlDialect> {
  const spots = new Set<Spot>();
  for (let i = 0; i < store.length; i++) {
    const d = store.asked[i]?.question.dialect ?? store.inBand[i]![0]?.dialect ?? 'any';
    if (d === 'any') continue;
    const spot = store.spots[i]!;
    spots.add(spot);
    spot.votes.set(d, (spot.votes.get(d) ?? 0) + 1);
  }
  return new Map([...spots].map(s => [s, [...s.votes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]![0]]));
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

/** Notes the time to the next request of the client (start stamps) or since the one before, among these events. `from`: its first read. */
function createGapMeter(store: ReadStore): (e: InjectionEvent, from: number) => void {
  const last = new Map<string, { at: number; from: number; to: number }>();
  const clientOf = createClients();
  return (e, from) => {
    if (e.class === 2) return; // the database's own lines are not a client's requests
    const client = clientOf(e);
    const to = store.length;
    const before = last.get(client);
    if (!before) {
      last.set(client, { at: e.at_us, from, to });
      return;
    }
    const ofBefore = e.time_kind === 1;
    for (let i = ofBefore ? before.from : from; i < (ofBefore ? before.to : to); i++) store.columns.measuredUs[i] = e.at_us - before.at;
    before.at = e.at_us;
    before.from = from;
    before.to = to;
  };
}

/** Probes by point, technique and shape; in a fixed order. */
function byVector(probes: readonly Probe[]): Probe[][] {
  const points = new Map<string, Map<string, Probe[]>>();
  for (const p of probes) {
    let vectors = points.get(p.point);
    if (!vectors) points.set(p.point, (vectors = new Map()));
    const list = vectors.get(p.vector);
    if (list) list.push(p); else vectors.set(p.vector, [p]);
  }
  const sorted = <T>(m: Map<string, T>): T[] => [...m].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(x => x[1]);
  return sorted(points).flatMap(sorted);
}

/** Probes that share a vector share an oracle; small groups fall back on looser ones. */
function readGroups(probes: readonly Probe[]): { labelled: Map<number, { truth: boolean; oracle: Oracle }>; unreadable: Rebuilt['unreadable'] } {
  const labelled = new Map<number, { truth: boolean; oracle: Oracle }>();
  const group = (list: readonly Probe[], keyOf: (p: Probe) => string): Map<string, Probe[]> => {
    const m = new Map<string, Probe[]>();
    for (const p of list) { const k = keyOf(p); const l = m.get(k); if (l) l.push(p); else m.set(k, [p]); }
    return m;
  };
  const failed: Probe[] = [];
  const reasons = new Map<string, string>();
  const attempt = (list: readonly Probe[]): boolean => {
    const oracle = readOracle(list);
    if (!oracle.readable) { reasons.set(`${list[0]!.point}\u0000${list[0]!.question.technique}`, oracle.reason); return false; }
    const [yes, no] = [{ truth: true, oracle }, { truth: false, oracle }];
    for (const p of list) {
      const t = oracle.labels.get(p.eventId);
      if (t !== undefined) labelled.set(p.eventId, t ? yes : no);
    }
    return true;
  };
  for (const list of byVector(probes)) if (list.length < 6 || !attempt(list)) failed.push(...list);
  const again: Probe[] = [];
  for (const [, list] of [...group(failed, p => `${p.point}\u0000${p.question.technique}\u0000${p.question.looseShape}`)].sort((a, b) => (a[0] < b[0] ? -1 : 1))) if (!attempt(list)) again.push(...list);
  const unreadable: { point: string; reason: string; probes: number }[] = [];
  for (const [k, list] of [...group(again, p => `${p.point}\u0000${p.question.technique}`)].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const tests = probes.filter(p => p.key === '' && !list.includes(p) && `${p.point}\u0000${p.question.technique}` === k);
    const sure = attempt([...list, ...tests]);
    if (!sure && list.some(p => p.key !== '')) unreadable.push({ point: k.replaceAll('\u0000', ' '), reason: reasons.get(k) ?? 'undecided', probes: list.length });
  }
  return { labelled, unreadable };
}

function solveAll(probes: readonly Probe[], labelled: ReadonlyMap<number, { truth: boolean; oracle: Oracle }>, unknowns: ReadonlyMap<string, Expr>, unreadable: Rebuilt['unreadable']): { cells: RebuiltCell[]; unreadable: Rebuilt['unreadable'] } {
  const byCell: Record<Technique, Map<string, Probe[]>> = { boolean: new Map(), time: new Map() };
  for (const p of probes) {
    if (p.key === '') continue;
    const m = byCell[p.question.technique];
    const list = m.get(p.key);
    if (list) list.push(p); else m.set(p.key, [p]);
  }
  const cells: RebuiltCell[] = [];
  for (const [, list] of [byCell.boolean, byCell.time].flatMap(m => [...m].sort((a, b) => (a[0] < b[0] ? -1 : 1)))) {
    const first = list[0]!;
    const answers: Answer[] = [];
    const oracles = new Set<Oracle>();
    for (const p of list) {
      const l = labelled.get(p.eventId);
      if (!l || !p.reading) continue;
      oracles.add(l.oracle);
      answers.push({ constraint: p.reading.constraint, truth: l.truth, eventId: p.eventId, weight: l.oracle.margin });
    }
    const binding = bindUnknown(unknowns.get(first.key)!);
    const nullAs = list.map(p => p.reading?.nullAs ?? null).find(n => n !== null) ?? binding.nullAs;
    const worst = [...oracles].sort((a, b) => b.noise - a.noise)[0];
    cells.push({
      technique: first.question.technique, dialect: first.dialect, binding: { ...binding, nullAs }, key: first.key, solution: solveCell(answers, first.dialect), answers,
      eventIds: list.map(p => p.eventId).sort((a, b) => a - b),
      unreadable: answers.length === 0 ? (list.every(p => !p.reading) ? 'unparsed' : 'unreadable') : null,
      oracle: worst ? { margin: worst.margin, noise: worst.noise, feature: worst.feature, contradictions: worst.contradictions } : null,
    });
  }
  return { cells, unreadable };
}
