import type { SqlDialect } from '../../detections/sql/index.ts';
import { askedLength, fillsLength, placeOf } from './asked-lengths.ts';
import { type Binding, bindUnknown } from './bind.ts';
import type { Technique } from './condition.ts';
import { createEventReader, createGapMeter } from './event-reader.ts';
import type { Form } from './form.ts';
import type { InBand } from './in-band.ts';
import { type Oracle, readOracle } from './oracle.ts';
import type { Carrier } from './payload.ts';
import { createNumbering, groupRows, joinRows, type Probes, probesOf } from './probes.ts';
import { ReadStore, type Spot } from './read-store.ts';
import { type Answer, type Solution, solveCell } from './solve.ts';
import type { Unknown } from './template.ts';

/** One event that may carry an injection. */
export type InjectionEvent = Carrier & {
  readonly event_id: number;
  readonly at_us: number;
  readonly class: number;
  readonly src_ip: string | null;
  readonly host: string | null;
  readonly method: string | null;
  readonly status: number | null;
  readonly bytes_out: number | null;
  readonly duration_us: number | null;
  readonly rows_out: number | null;
  readonly err_code: string | null;
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
  readonly technique: Technique;
  readonly dialect: SqlDialect;
  readonly binding: Binding;
  readonly key: string;
  readonly solution: Solution;
  /** Made anew whenever they are asked for: of a million requests only their numbers are kept. */
  readonly answers: readonly Answer[];
  readonly eventIds: readonly number[];
  /** Why nothing could be read, or null. */
  readonly unreadable: string | null;
  readonly oracle: { readonly margin: number; readonly noise: number; readonly feature: string; readonly contradictions: readonly [number, number] } | null;
};

export type RebuiltStatement = {
  readonly eventId: number;
  readonly point: string;
  readonly route: string;
  readonly client: string;
  readonly inBand: InBand;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly errCode: string | null;
  /** Lengths that a page may reflect: decoded, HTML-escaped, as sent. */
  readonly reflected: readonly number[];
};

/** An event that speaks SQL to the database, and how. */
export type InjectionMark = {
  readonly eventId: number;
  readonly technique: Technique | InBand['technique'];
  readonly client: string;
  readonly point: string;
  readonly workItem: string | null;
  readonly markers: readonly string[];
};

/** `statements` and `marks` are made as they are walked through, in order of time and id. */
export type Rebuilt = {
  readonly cells: readonly RebuiltCell[];
  readonly statements: Iterable<RebuiltStatement>;
  readonly marks: Iterable<InjectionMark>;
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
const isOrdered = (events: readonly InjectionEvent[]): boolean =>
  events.every((e, i) => i === 0 || events[i - 1]!.at_us < e.at_us || (events[i - 1]!.at_us === e.at_us && events[i - 1]!.event_id < e.event_id));

/** What injections asked and obtained. Order of the events does not matter. */
export function rebuildInjections(events: readonly InjectionEvent[]): Rebuilt {
  const rebuilder = createRebuilder();
  rebuilder.add(isOrdered(events) ? events : [...events].sort((a, b) => a.at_us - b.at_us || a.event_id - b.event_id));
  return rebuilder.finish();
}

export function createRebuilder(): Rebuilder {
  const store = new ReadStore();
  const reader = createEventReader();
  const measure = createGapMeter(store);
  const isTimeless = (i: number): boolean =>
    store.askedOf(i)?.question.technique === 'time' && Number.isNaN(store.durationUs.get(i)) && Number.isNaN(store.gapUs.get(i));
  return {
    add(events) {
      for (const event of events) {
        const from = store.length;
        reader.read(event, store);
        measure(event, from);
      }
    },
    untimed() {
      const ids = new Set<number>();
      for (let i = 0; i < store.length; i++) if (isTimeless(i) && store.spots[store.spot.get(i)]!.route !== 'database') ids.add(store.eventId.get(i));
      return [...ids];
    },
    finish(gaps) {
      let untimed = false;
      for (let i = 0; i < store.length; i++) {
        if (!isTimeless(i)) continue;
        if (gaps) store.gapUs.set(i, gaps.get(store.eventId.get(i)) ?? Number.NaN);
        untimed ||= isTimeless(i);
      }
      return finishReads(store, reader.texts.unknowns, reader.texts.forms, untimed);
    },
  };
}

function finishReads(store: ReadStore, unknowns: readonly Unknown[], forms: readonly Form[], untimed: boolean): Rebuilt {
  const probes = probesOf(store, unknowns, voteDialects(store, forms), untimed);
  const showing = forms.map(f => f.statements.some(b => b.technique !== 'stacked' && !b.calibration));
  const isProbe = (i: number): boolean => store.asked.get(i) >= 0 && !showing[store.form.get(i)];
  let count = 0;
  for (let i = 0; i < store.length; i++) if (isProbe(i)) count++;
  const rows = new Int32Array(count);
  count = 0;
  for (let i = 0; i < store.length; i++) if (isProbe(i)) rows[count++] = i;
  const labels = readGroups(probes, rows, store.length);
  return {
    cells: solveAll(probes, rows, labels, unknowns),
    unreadable: labels.unreadable,
    statements: { [Symbol.iterator]: () => statementsOf(store, forms) },
    marks: { [Symbol.iterator]: () => marksOf(store, forms, unknowns, isProbe) },
  };
}

function* statementsOf(store: ReadStore, forms: readonly Form[]): Generator<RebuiltStatement> {
  for (let i = 0; i < store.length; i++) {
    const form = forms[store.form.get(i)];
    if (!form) continue;
    const { point, route, client } = store.spots[store.spot.get(i)]!;
    for (const inBand of store.shown(form, i))
      yield {
        eventId: store.eventId.get(i),
        point,
        route,
        client,
        inBand,
        status: store.statusOf(i),
        bytes: store.number(store.bytes, i),
        errCode: store.errCodeOf(i),
        reflected: store.reflected.map(c => c.get(i)),
      };
  }
}

function* marksOf(store: ReadStore, forms: readonly Form[], unknowns: readonly Unknown[], isProbe: (i: number) => boolean): Generator<InjectionMark> {
  // markers and technique do not change with the values of a form
  const shown = forms.map(f => ({
    technique: f.statements.find(b => b.technique !== 'stacked')?.technique ?? null,
    other: f.statements[0]?.technique ?? null,
    markers: f.statements.flatMap(b => b.around).filter(m => /^([a-z])[a-z]{3}\1$/.test(m)),
  }));
  for (let i = 0; i < store.length; i++) {
    const form = shown[store.form.get(i)];
    const key = isProbe(i) ? unknowns[store.unknown.get(i)]!.key : '';
    const question = store.askedOf(i)?.question.technique;
    // a UNION of constants beside a question is the branch that fails
    const technique = (key !== '' ? question : form?.technique) ?? question ?? form?.other;
    if (!technique) continue;
    const spot = store.spots[store.spot.get(i)]!;
    yield { eventId: store.eventId.get(i), technique, client: spot.client, point: spot.at, workItem: key === '' ? null : key, markers: form?.markers ?? none };
  }
}

/** What most payloads of a client on one point speak: single payloads often do not tell. */
function voteDialects(store: ReadStore, forms: readonly Form[]): Map<Spot, SqlDialect> {
  const spots = new Set<Spot>();
  for (let i = 0; i < store.length; i++) {
    const d = store.askedOf(i)?.question.dialect ?? forms[store.form.get(i)]?.statements[0]?.dialect ?? 'any';
    if (d === 'any') continue;
    const spot = store.spots[store.spot.get(i)]!;
    spots.add(spot);
    spot.votes.set(d, (spot.votes.get(d) ?? 0) + 1);
  }
  return new Map([...spots].map(s => [s, [...s.votes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]![0]]));
}

/** By row: 1 true, 0 false, -1 not told; and which oracle told. */
type Labels = { readonly truth: Int8Array; readonly oracle: Int32Array; readonly oracles: readonly Oracle[]; readonly unreadable: Rebuilt['unreadable'] };

/** Probes that share a vector share an oracle; small groups fall back on looser ones. */
function readGroups(probes: Probes, rows: Int32Array, length: number): Labels {
  const truth = new Int8Array(length).fill(-1);
  const oracleOf = new Int32Array(length);
  const oracles: Oracle[] = [];
  const reasons = new Map<string, string>();
  const vague = (i: number): string => `${probes.point(i)}\u0000${probes.question(i).technique}`;
  const attempt = (list: Int32Array): boolean => {
    const oracle = readOracle(probes, list);
    if (!oracle.readable) {
      reasons.set(vague(list[0]!), oracle.reason);
      return false;
    }
    oracles.push(oracle);
    for (let n = 0; n < list.length; n++) {
      if (oracle.labels[n]! < 0) continue;
      truth[list[n]!] = oracle.labels[n]!;
      oracleOf[list[n]!] = oracles.length - 1;
    }
    return true;
  };
  /** Groups of equal texts, in the order of the texts. */
  const groups = (list: Int32Array, textOf: (i: number) => string): [string, Int32Array][] => {
    const number = createNumbering();
    return [...groupRows(list, i => number(textOf(i)))].map(([, g]): [string, Int32Array] => [textOf(g[0]!), g]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  };
  const failed: Int32Array[] = [];
  for (const [, at] of groups(rows, probes.point)) for (const [, list] of groups(at, probes.vector)) if (list.length < 6 || !attempt(list)) failed.push(list);
  const again: Int32Array[] = [];
  for (const [, list] of groups(joinRows(failed), i => `${vague(i)}\u0000${probes.question(i).looseShape}`)) if (!attempt(list)) again.push(list);
  const unreadable: { point: string; reason: string; probes: number }[] = [];
  for (const [k, list] of groups(joinRows(again), vague)) {
    const own = new Set(list);
    const tests = rows.filter(i => probes.key(i) === '' && !own.has(i) && vague(i) === k);
    const sure = attempt(joinRows([list, tests]));
    if (!sure && list.some(i => probes.key(i) !== ''))
      unreadable.push({ point: k.replaceAll('\u0000', ' '), reason: reasons.get(k) ?? 'undecided', probes: list.length });
  }
  return { truth, oracle: oracleOf, oracles, unreadable };
}

function solveAll(probes: Probes, rows: Int32Array, labels: Labels, unknowns: readonly Unknown[]): RebuiltCell[] {
  const cells: RebuiltCell[] = [];
  const lengths = new Map<string, Answer>();
  for (const technique of ['boolean', 'time'] as const) {
    const mine = rows.filter(i => probes.question(i).technique === technique && probes.key(i) !== '');
    const byKey = [...groupRows(mine, probes.unknown)].map(([no, list]) => ({ unknown: unknowns[no]!, list }));
    for (const { unknown, list } of byKey.sort((a, b) => (a.unknown.key < b.unknown.key ? -1 : 1))) {
      const cell = solve(probes, list, labels, technique, unknown);
      cells.push(cell);
      const length = askedLength(unknown.expr!, cell.solution, cell.dialect);
      if (length) lengths.set(length.place, length.answer);
    }
  }
  return cells.map(cell => withLength(cell, lengths.get(placeOf(cell.binding))));
}

/** A value that was read letter by letter up to the length asked for before: it ends there, although nothing was asked about its end. */
function withLength(cell: RebuiltCell, length: Answer | undefined): RebuiltCell {
  return length && fillsLength(cell.solution, length) ? Object.assign(cell, { solution: solveCell([...cell.answers, length], cell.dialect) }) : cell;
}

function answersOf(probes: Probes, list: Int32Array, labels: Labels): Answer[] {
  const answers: Answer[] = [];
  for (const i of list) {
    const t = labels.truth[i]!;
    const reading = t < 0 ? null : probes.reading(i);
    if (reading)
      answers.push({ constraint: reading.constraint, truth: t === 1, eventId: probes.eventId(i), weight: labels.oracles[labels.oracle[i]!]!.margin });
  }
  return answers;
}

function solve(probes: Probes, list: Int32Array, labels: Labels, technique: Technique, unknown: Unknown): RebuiltCell {
  const answers = answersOf(probes, list, labels);
  const binding = bindUnknown(unknown.expr!);
  let nullAs: string | null = null;
  let readings = 0;
  const told = new Set<Oracle>();
  for (const i of list) {
    const reading = probes.reading(i);
    if (!reading) continue;
    readings++;
    nullAs ??= reading.nullAs;
    if (labels.truth[i]! >= 0) told.add(labels.oracles[labels.oracle[i]!]!);
  }
  const worst = [...told].sort((a, b) => b.noise - a.noise)[0];
  const dialect = probes.dialect(list[0]!);
  return {
    technique,
    dialect,
    binding: { ...binding, nullAs: nullAs ?? binding.nullAs },
    key: unknown.key,
    solution: solveCell(answers, dialect),
    get answers() {
      return answersOf(probes, list, labels);
    },
    get eventIds() {
      return Array.from(list, i => probes.eventId(i)).sort((a, b) => a - b);
    },
    unreadable: answers.length > 0 ? null : readings === 0 ? 'unparsed' : 'unreadable',
    oracle: worst ? { margin: worst.margin, noise: worst.noise, feature: worst.feature, contradictions: worst.contradictions } : null,
  };
}
