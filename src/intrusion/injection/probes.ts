import type { SqlDialect } from '../../detections/sql/index.ts';
import type { Question } from './condition.ts';
import { type Reading, readConstraint } from './constraint.ts';
import type { ReadStore, Spot } from './read-store.ts';
import type { Unknown } from './template.ts';

/** Reads that ask a yes-or-no question, by their row in the store, with all that the log says about their answers. */
export type Probes = {
  eventId(i: number): number;
  /** Route and place of the payload. */
  point(i: number): string;
  question(i: number): Question;
  /** Technique and shape as one text. */
  vector(i: number): string;
  /** What most payloads of the client speak here. */
  dialect(i: number): SqlDialect;
  reading(i: number): Reading | null;
  /** Number and canonical text of the unknown; '' for a calibration. */
  unknown(i: number): number;
  key(i: number): string;
  status(i: number): number | null;
  bytes(i: number): number | null;
  /** Lengths that a page may reflect: decoded (0), HTML-escaped (1), as sent (2). */
  reflected(i: number, which: number): number;
  durationUs(i: number): number | null;
  /** Time to the neighbouring request of the same client, where there is no duration. */
  gapUs(i: number): number | null;
  rowsOut(i: number): number | null;
  errCode(i: number): string | null;
};

/** `useMeasured`: gaps among these events stand for the ones the log does not give. */
export function probesOf(store: ReadStore, unknowns: readonly Unknown[], spoken: ReadonlyMap<Spot, SqlDialect>, useMeasured: boolean): Probes {
  const dialects = store.spots.map(s => spoken.get(s));
  const asked = (i: number) => store.asks[store.asked.get(i)]!;
  const dialect = (i: number): SqlDialect => dialects[store.spot.get(i)] ?? asked(i).question.dialect;
  return {
    eventId: i => store.eventId.get(i),
    point: i => store.spots[store.spot.get(i)]!.at,
    question: i => asked(i).question,
    vector: i => asked(i).vector,
    dialect,
    reading: i => {
      const { question, readings } = asked(i);
      if (question.unknown === null) return null;
      const d = dialect(i);
      let reading = readings.get(d);
      if (reading === undefined) readings.set(d, (reading = readConstraint(question.condition, d)));
      return reading;
    },
    unknown: i => store.unknown.get(i),
    key: i => unknowns[store.unknown.get(i)]!.key,
    status: i => store.statusOf(i),
    bytes: i => store.number(store.bytes, i),
    reflected: (i, which) => store.reflected[which as 0 | 1 | 2].get(i),
    durationUs: i => store.number(store.durationUs, i),
    gapUs: i => store.number(store.gapUs, i) ?? (useMeasured ? store.number(store.measuredUs, i) : null),
    rowsOut: i => store.number(store.rowsOut, i),
    errCode: i => store.errCodeOf(i),
  };
}

/** Rows by a number of theirs, each list in the order of the rows. */
export function groupRows(rows: Int32Array, keyOf: (i: number) => number): Map<number, Int32Array> {
  const keys = new Float64Array(rows.length);
  const counts = new Map<number, number>();
  let last = Number.NaN;
  let run = 0;
  for (let n = 0; n < rows.length; n++) {
    const k = keyOf(rows[n]!);
    keys[n] = k;
    if (k !== last) {
      if (run > 0) counts.set(last, (counts.get(last) ?? 0) + run);
      last = k;
      run = 0;
    }
    run++;
  }
  if (run > 0) counts.set(last, (counts.get(last) ?? 0) + run);
  const all = new Int32Array(rows.length);
  const groups = new Map<number, { list: Int32Array; filled: number }>();
  let from = 0;
  for (const [k, n] of counts) {
    groups.set(k, { list: all.subarray(from, from + n), filled: 0 });
    from += n;
  }
  let group: { list: Int32Array; filled: number } | undefined;
  last = Number.NaN;
  for (let n = 0; n < rows.length; n++) {
    const k = keys[n]!;
    if (k !== last) group = groups.get((last = k));
    group!.list[group!.filled++] = rows[n]!;
  }
  return new Map([...groups].map(([k, g]) => [k, g.list]));
}

/** Texts as numbers, equal where the texts are. */
export function createNumbering(): (text: string) => number {
  const known = new Map<string, number>();
  let last = '';
  let latest = -1;
  return text => {
    if (latest >= 0 && text === last) return latest;
    let n = known.get(text);
    if (n === undefined) known.set(text, (n = known.size));
    last = text;
    latest = n;
    return n;
  };
}

export function joinRows(lists: readonly Int32Array[]): Int32Array {
  const out = new Int32Array(lists.reduce((n, l) => n + l.length, 0));
  let at = 0;
  for (const l of lists) {
    out.set(l, at);
    at += l.length;
  }
  return out;
}
