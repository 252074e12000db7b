import type { SqlDialect } from '../../detections/sql/index.ts';
import { type Classes, classifyPages, classifyTimes, type Feature } from './classify.ts';
import { evaluate, truth } from './evaluate.ts';
import type { Probes } from './probes.ts';
import { type Answer, solveCell } from './solve.ts';

/** The answers of one group of probes. */
export type Oracle = {
  readonly readable: boolean;
  /** `ok`, or why not: `one-class`, `undecided`, `noisy`, `no-feature`. */
  readonly reason: string;
  /** By place in the group: 1 the condition is true, 0 false, -1 no answer (error page, filter page, between the classes). */
  readonly labels: Int8Array;
  /** Share of contradicted cells. */
  readonly noise: number;
  /** Distance between the classes against their width, 0 … 1. */
  readonly margin: number;
  /** Contradictions with this polarity and with the other one. */
  readonly contradictions: readonly [chosen: number, other: number];
  readonly calibrations: number;
  readonly feature: Feature;
};

type Judged = { readonly oracle: Oracle; readonly resolved: number };
type Tried = {
  readonly broken: number;
  readonly misses: number;
  readonly calibrations: number;
  readonly cells: number;
  readonly resolved: number;
  readonly strange: number;
  /** Answers of the rarer kind. */
  readonly rarer: number;
};
/** What is tried with one meaning of the classes; -1 where a class means nothing. */
type Trial = (meaning: ReadonlyMap<number, boolean>) => Tried;

/** Further classes than these are too small to be weighed. */
const mostClasses = 40;
/** Values that are solved to judge a meaning. */
const mostCells = 200;

const unreadable = (reason: string): Judged => ({
  resolved: 0,
  oracle: { readable: false, reason, labels: new Int8Array(0), noise: 1, margin: 0, contradictions: [0, 0], calibrations: 0, feature: 'size' },
});

/** Find the classes of answers and which of them means true. Needs no configuration; says so when it cannot tell. */
export function readOracle(probes: Probes, rows: Int32Array): Oracle {
  const isTimed = rows.length > 0 && probes.question(rows[0]!).technique === 'time';
  const timed = isTimed ? classifyTimes(probes, rows) : null;
  const candidates = isTimed ? (timed ? [timed] : []) : classifyPages(probes, rows);
  const [first = unreadable('no-feature'), second] = candidates.map(classes => judge(probes, rows, classes));
  // a few error pages beside all others look like two classes too: what tells more is the oracle
  const best = second && second.oracle.readable && (!first.oracle.readable || second.resolved > 1.5 * first.resolved) ? second : first;
  return best.oracle.readable || isTimed ? best.oracle : (slowAnswers(probes, rows) ?? best.oracle);
}

/** Where no page tells, a question may have been answered by work that takes long without a word for waiting (rows counted over and over). */
function slowAnswers(probes: Probes, rows: Int32Array): Oracle | null {
  const classes = classifyTimes(probes, rows);
  if (classes?.feature !== 'duration') return null;
  const { oracle } = judge(probes, rows, classes);
  return oracle.readable ? oracle : null;
}

function judge(probes: Probes, rows: Int32Array, classes: Classes): Judged {
  const order = classes.sizes
    .map((n, i) => [i, n] as const)
    .filter(c => c[1] > 0)
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .map(c => c[0]);
  if (order.length < 2) return unreadable('one-class');
  const trial = createTrial(probes, rows, classes.of);
  const top = order.slice(0, 4);
  let best: { yes: number; no: number; score: number; tried: Tried } | null = null;
  for (const yes of top) {
    for (const no of top) {
      if (yes === no) continue;
      const n = classes.sizes[yes]! + classes.sizes[no]!;
      if (n < 0.5 * rows.length) continue;
      const tried = trial(
        new Map([
          [yes, true],
          [no, false],
        ]),
      );
      // a handful of odd pages beside one kind of answer contradicts nothing, and tells nothing
      const score = n - 25 * tried.broken - 25 * tried.misses + 0.001 * tried.calibrations - (isOneSided(rows, tried) ? 2 * rows.length : 0);
      if (!best || score > best.score) best = { yes, no, score, tried };
    }
  }
  if (!best) return unreadable('one-class');
  const chosen = best;
  const { broken, misses } = chosen.tried;
  const reversed = trial(
    new Map([
      [chosen.yes, false],
      [chosen.no, true],
    ]),
  );
  const meaning = new Map([
    [chosen.yes, true],
    [chosen.no, false],
  ]);
  for (const other of order.slice(0, mostClasses)) {
    if (meaning.has(other) || classes.sizes[other]! > 0.2 * rows.length) continue;
    const asYes = trial(new Map([...meaning, [other, true]]));
    const asNo = trial(new Map([...meaning, [other, false]]));
    if (asYes.broken <= broken && asYes.misses <= misses && asNo.broken + asNo.misses > asYes.broken + asYes.misses + 2) meaning.set(other, true);
    else if (asNo.broken <= broken && asNo.misses <= misses && asYes.broken + asYes.misses > asNo.broken + asNo.misses + 2) meaning.set(other, false);
  }
  const final = trial(meaning);
  const labels = new Int8Array(rows.length).fill(-1);
  for (let n = 0; n < labels.length; n++) {
    const l = meaning.get(classes.of[n]!);
    if (l !== undefined) labels[n] = Number(l);
  }
  // bits have no redundancy: the other meaning turns letters into their complements, which are letters too, but of another alphabet
  const odd = reversed.broken > 0 && final.broken === 0 && final.strange === 0 ? reversed.strange : 0;
  const against = reversed.broken + 3 * reversed.misses + odd;
  const decided = against >= final.broken + 3 * final.misses + 3 && against >= 3 * final.broken;
  const empty = isOneSided(rows, final);
  const noise = final.cells === 0 ? 0 : final.broken / final.cells;
  const reason = empty ? 'one-class' : !decided ? 'undecided' : noise > 0.5 && final.broken > 5 ? 'noisy' : 'ok';
  return {
    resolved: final.resolved,
    oracle: {
      readable: reason === 'ok',
      reason,
      labels,
      noise,
      margin: classes.margin,
      contradictions: [final.broken, reversed.broken],
      calibrations: final.calibrations,
      feature: classes.feature,
    },
  };
}

/** A character is known from answers of both kinds, unless it stands at the edge of the alphabet: with one kind only nothing is told. */
const isOneSided = (rows: Int32Array, { cells, resolved, rarer }: Tried): boolean =>
  rows.length >= 30 && cells >= 3 && (resolved < 0.1 * cells || 2 * rarer < resolved);

/** Contradictions, and calibrations that came out wrong, under one meaning of the classes. */
function createTrial(probes: Probes, rows: Int32Array, of: Int32Array): Trial {
  const known = new Map<string, Tried>();
  const dialect = probes.dialect(rows[0]!);
  /** What a calibration is worth: 1 or 0, -1 when it cannot be told; -2 for a question. */
  const constant = new Int8Array(rows.length).fill(-2);
  for (let n = 0; n < rows.length; n++) {
    const i = rows[n]!;
    if (probes.key(i) !== '') continue;
    const v = truth(evaluate(probes.question(i).condition, { dialect: probes.dialect(i), vars: new Map() }));
    constant[n] = v === undefined ? -1 : v === 1 ? 1 : 0;
  }
  const run = (meaning: ReadonlyMap<number, boolean>): Tried => {
    const cells = new Map<number, Answer[]>();
    let misses = 0;
    let calibrations = 0;
    const kinds: [no: number, yes: number] = [0, 0];
    const meant: (boolean | undefined)[] = [];
    for (const [c, t] of meaning) meant[c] = t;
    let last = -1;
    let list: Answer[] | undefined;
    for (let n = 0; n < rows.length; n++) {
      const t = of[n]! < 0 ? undefined : meant[of[n]!];
      if (t === undefined || constant[n] === -1) continue;
      if (constant[n]! >= 0) {
        calibrations++;
        if ((constant[n] === 1) !== t) misses++;
        continue;
      }
      const i = rows[n]!;
      const cell = probes.unknown(i);
      if (cell !== last) list = cells.get((last = cell));
      if (!list && cells.size > mostCells) continue;
      const reading = probes.reading(i);
      if (!reading) continue;
      if (!list) cells.set(cell, (list = []));
      list.push({ constraint: reading.constraint, truth: t, eventId: probes.eventId(i), weight: 1 });
      kinds[t ? 1 : 0]++;
    }
    return { ...tally(cells.values(), dialect), misses, calibrations, rarer: Math.min(...kinds) };
  };
  return meaning => {
    const key = [...meaning].sort((a, b) => a[0] - b[0]).join(';');
    let tried = known.get(key);
    if (!tried) known.set(key, (tried = run(meaning)));
    return tried;
  };
}

function tally(cells: Iterable<Answer[]>, dialect: SqlDialect): Omit<Tried, 'misses' | 'calibrations' | 'rarer'> {
  let broken = 0;
  let positions = 0;
  let resolved = 0;
  let strange = 0;
  for (const answers of cells) {
    const s = solveCell(answers, dialect);
    const pattern = [...(s.pattern ?? '')];
    broken += s.contradictions;
    if (answers.some(a => a.constraint.kind === 'char' && a.constraint.test.how === 'bit'))
      strange += pattern.filter(ch => /[\u0080-\u00ff\uff61-\uff9f]/.test(ch)).length;
    // one answer to everything makes every value empty: that tells nothing
    const told = (s.value ?? '') !== '' || (s.length ?? 0) > 0;
    resolved += pattern.filter(ch => ch !== '\ufffd').length + Number(told) + Number(s.bounds !== null);
    positions += new Set(answers.map(a => (a.constraint.kind === 'char' ? a.constraint.position : 0))).size;
  }
  return { broken, cells: positions, resolved, strange };
}
