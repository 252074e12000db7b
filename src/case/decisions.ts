import { z } from 'zod';
import { type Micros, UserError } from '../base/index.ts';
import { premiseNames } from './premises.ts';
import type { Act, CaseStore } from './store.ts';

const record = z.strictObject({ dataset: z.string().min(1), key: z.string().min(1) });
const reason = z.string().max(2000).default('');
const ips = z.array(z.string().min(1).max(64)).min(1).max(1000);
/** The subject in words, because a step that is set aside is no longer in the results. */
const about = z.string().max(500).default('');
/** The detections of the step: a step that gains another one gets another id, but the decision still holds for these. */
const detections = z.array(z.string().max(100)).max(100_000).default([]);
const count = z.number().int().min(0);

/** What a person may decide on a case: the act's kind and the shape of its body. A decision holds for every later run until it is withdrawn. */
const shapes = {
  /** The step is what the intruder did: a person has checked it. */
  'step.confirmed': z.strictObject({ step_id: z.string().min(1), detections, about, reason }),
  /** The step is not the intruder's (a test, a customer, a scanner of ours): its detections no longer count. */
  'step.dismissed': z.strictObject({ step_id: z.string().min(1), detections, about, reason }),
  /** These addresses are one actor. */
  'actor.merged': z.strictObject({ ips: ips.min(2), reason }),
  /** These addresses join nothing: whoever used them is not one actor by the address alone. */
  'actor.split': z.strictObject({ ips, reason }),
  /** These records are one human being. */
  'person.merged': z.strictObject({ records: z.array(record).min(2), reason }),
  /** Records of different sides are different human beings. */
  'person.split': z.strictObject({ sides: z.array(z.array(record).min(1)).min(2), reason }),
  /** A named premise holds or does not hold. */
  'premise.set': z.strictObject({ premise: z.enum(premiseNames), holds: z.boolean(), reason }),
  /** A duty has been fulfilled. */
  'obligation.done': z.strictObject({ id: z.string().min(1), reason }),
  /** A figure that has been published: kept for ever, so that the next announcement can be compared with it. */
  'figure.published': z.strictObject({
    figure: z.string().min(1),
    lower: count,
    upper: count,
    unit: z.enum(['records', 'persons']),
    scope: z.string().max(500).default(''),
    published_on: z.iso.date(),
    document: z.string().max(500).default(''),
    reason,
  }),
  /** An earlier decision no longer holds; it stays in the journal. */
  'decision.withdrawn': z.strictObject({ seq: z.number().int().min(1), reason }),
} as const;

export type DecisionKind = keyof typeof shapes;

export const decisionKinds = Object.keys(shapes) as readonly DecisionKind[];

/** Does a decision of this kind change what a run finds? A published figure is only remembered. */
export const changesResults = (kind: DecisionKind): boolean => kind !== 'figure.published' && kind !== 'decision.withdrawn';

export const isDecisionKind = (kind: string): kind is DecisionKind => Object.hasOwn(shapes, kind);

/** A decision in the journal; `withdrawnBy` is the act that ended it. */
export type Decision = Act & { readonly kind: DecisionKind; readonly withdrawnBy: number | null };

/**
 * Write a person's decision at the end of the journal.
 * @throws UserError case.decision-unknown, case.decision-shape, case.decision-by, case.decision-not-standing
 */
export function recordDecision(store: CaseStore, kind: string, by: string, at: Micros, body: unknown): Act {
  if (!isDecisionKind(kind)) throw new UserError('case.decision-unknown', { kind, known: decisionKinds.join(', ') });
  const who = by.trim();
  if (who === '' || who.length > 200) throw new UserError('case.decision-by');
  const read = shapes[kind].safeParse(body);
  if (!read.success) {
    const reasons = read.error.issues.map(i => `${i.path.join('.')}: ${i.message}`).join('; ');
    throw new UserError('case.decision-shape', { kind, reason: reasons });
  }
  if (kind === 'decision.withdrawn') {
    const { seq } = read.data as { seq: number };
    if (!decisions(store).some(d => d.seq === seq && d.withdrawnBy === null && d.kind !== 'decision.withdrawn')) {
      throw new UserError('case.decision-not-standing', { seq });
    }
  }
  return store.append(kind, who, at, read.data as Readonly<Record<string, unknown>>);
}

/** All decisions in order, withdrawn ones included. */
export function decisions(store: CaseStore): Decision[] {
  const all = store.acts().filter((a): a is Act & { kind: DecisionKind } => isDecisionKind(a.kind));
  const ended = new Map(all.filter(a => a.kind === 'decision.withdrawn').map(a => [Number(a.body['seq']), a.seq]));
  return all.map(a => ({ ...a, withdrawnBy: ended.get(a.seq) ?? null }));
}

/** The decisions of one kind that hold today. */
export function standingDecisions(store: CaseStore, kind: DecisionKind): Decision[] {
  return decisions(store).filter(d => d.kind === kind && d.withdrawnBy === null);
}

/**
 * The body of a decision from the words of a command line: `step-1`, `203.0.113.5`, `customers/12`, `NAME=on|off`, `7`.
 * A published figure is `persons.possible=120..340` with `fields` unit, scope, published_on, document.
 */
export function decisionBody(kind: string, words: readonly string[], fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const first = words[0] ?? '';
  switch (kind) {
    case 'step.confirmed':
    case 'step.dismissed':
      return { ...fields, step_id: first };
    case 'actor.merged':
    case 'actor.split':
      return { ...fields, ips: words };
    case 'person.merged':
      return { ...fields, records: words.map(recordOf) };
    case 'person.split':
      return { ...fields, sides: words.map(w => w.split(',').map(recordOf)) };
    case 'premise.set': {
      const [, premise = first, value = ''] = /^(.*?)=(on|off)$/.exec(first) ?? [];
      return { ...fields, premise, holds: value === '' ? undefined : value === 'on' };
    }
    case 'obligation.done':
      return { ...fields, id: first };
    case 'figure.published': {
      const [, figure = first, lower, upper] = /^(.*?)=(\d+)(?:\.\.(\d+))?$/.exec(first) ?? [];
      return { ...fields, figure, lower: lower === undefined ? undefined : Number(lower), upper: lower === undefined ? undefined : Number(upper ?? lower) };
    }
    case 'decision.withdrawn':
      return { ...fields, seq: Number(first) };
    default:
      return { ...fields };
  }
}

/** `customers/12` → data set and key; the key may hold slashes. */
function recordOf(word: string): { dataset: string; key: string } {
  const slash = word.indexOf('/');
  return slash < 0 ? { dataset: '', key: word } : { dataset: word.slice(0, slash), key: word.slice(slash + 1) };
}

type DecisionStep = { readonly id: string; readonly kind: string; readonly from: string; readonly to: string; readonly detections: readonly string[] };

/** The parts of a result that decisions speak of. */
export type DecisionSubjects = {
  readonly intrusion: { readonly steps: readonly DecisionStep[]; readonly actors: readonly { readonly ips: readonly string[] }[] };
  readonly obligations: readonly { readonly id: string }[];
};

/**
 * The body with its subject in words. Refuses a decision on something that the last result does not hold: a slip of the pen would
 * otherwise be kept for ever and do nothing.
 * @throws UserError case.decision-no-subject
 */
export function withSubject(result: DecisionSubjects, kind: string, body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const missing = (subject: unknown): never => {
    throw new UserError('case.decision-no-subject', { kind, subject: String(subject) });
  };
  const { steps, actors } = result.intrusion;
  switch (kind) {
    case 'step.confirmed':
    case 'step.dismissed': {
      const step = steps.find(s => s.id === body['step_id']) ?? missing(body['step_id']);
      return { ...body, detections: [...step.detections], about: `${step.kind} ${step.from} – ${step.to}` };
    }
    case 'obligation.done':
      if (!result.obligations.some(o => o.id === body['id'])) missing(body['id']);
      return { ...body };
    case 'actor.merged':
    case 'actor.split': {
      const known = new Set(actors.flatMap(a => a.ips));
      for (const ip of Array.isArray(body['ips']) ? body['ips'] : []) if (!known.has(String(ip))) missing(ip);
      return { ...body };
    }
    default:
      return { ...body };
  }
}
