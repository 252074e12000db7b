import { dayIn, type Effects, type Problem, problem } from '../base/index.ts';
import { type OpenCase, recordProblems, standingDecisions } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import type { ExposureCounts } from '../persons/index.ts';
import { type Due, dueOf, type Obligation, recipientOf } from './deadline.ts';
import { type Regime, readRegime, type Trigger } from './law.ts';

/** What the counts and the known facts say that the law asks about. */
export type Findings = {
  /** Was there an intrusion at all (a step of an actor)? */
  readonly intrusion: boolean;
  /** As stated by people; null when nobody said. */
  readonly improperPurpose: boolean | null;
  /** Largest number of persons that may be affected, on evidence and including unobserved time. */
  readonly personsPossible: number;
  readonly personsNotExcluded: number;
  /** Sets of elements that may have been disclosed together, with the largest number of persons. */
  readonly combinations: readonly { readonly elements: readonly string[]; readonly persons: number }[];
  readonly roles: readonly string[];
};

export type TriggerState = {
  readonly id: string;
  readonly regime: string;
  readonly basis: string;
  readonly state: 'met' | 'not-met' | 'needs-decision';
  readonly elements: readonly string[];
};

/** Regimes of a case: as written in the case file, else from the kind of organisation; My Number is always looked at. */
export function regimesOf(kase: OpenCase): string[] {
  const { regimes, organisation } = kase.file;
  const own = regimes ?? (organisation.kind !== null && /insur/.test(organisation.kind) ? ['jp-appi', 'jp-insurance'] : ['jp-appi']);
  return [...new Set([...own, ...(own.includes('jp-appi') ? ['jp-my-number'] : [])])];
}

/** Judge one trigger. Uncertainty goes towards the duty; what only a person may decide says so. */
export function judge(trigger: Trigger, regime: string, f: Findings): TriggerState {
  const base = { id: trigger.id, regime, basis: trigger.basis };
  const relevant = f.combinations.filter(c => c.persons > 0);
  const seen = [...new Set(relevant.flatMap(c => c.elements))].sort();
  const names = (c: { elements: readonly string[] }): string[] => [
    ...c.elements.filter(e => trigger.elements?.includes(e)),
    ...(trigger.together ?? []).filter(set => set.every(e => c.elements.includes(e))).flat(),
  ];
  const byElement = [...new Set(relevant.flatMap(names))].sort();
  const asksElements = trigger.elements !== undefined || trigger.together !== undefined || trigger.undecided !== undefined;
  const persons = asksElements ? relevant.filter(c => names(c).length > 0).reduce((n, c) => n + c.persons, 0) : f.personsPossible;
  const open = seen.filter(e => trigger.undecided?.includes(e));
  const state = (s: TriggerState['state'], elements: readonly string[] = byElement): TriggerState => ({ ...base, state: s, elements });
  if (!f.intrusion && f.personsPossible === 0) return state('not-met', []);
  if (trigger.roles && !f.roles.some(r => trigger.roles!.includes(r))) return state('not-met', []);
  if (asksElements && byElement.length === 0) return open.length > 0 ? state('needs-decision', open) : state('not-met', []);
  if (trigger.improper_purpose && f.improperPurpose === false) return state('not-met');
  if (trigger.improper_purpose && f.improperPurpose === null && !f.intrusion) return state('needs-decision');
  if (persons > trigger.persons_over) return state('met');
  return trigger.persons_over > 0 && f.personsNotExcluded > trigger.persons_over && !asksElements ? state('needs-decision') : state('not-met');
}

/** The obligations of one regime for judged triggers. An obligation rests on met triggers; on undecided ones alone it needs a decision. */
export function obligationsOf(regime: Regime, states: readonly TriggerState[], knownDay: string | null, organisationKind: string | null): Obligation[] {
  return regime.obligations.flatMap(rule => {
    const of = (s: TriggerState['state']): string[] => states.filter(t => t.state === s && rule.triggers.includes(t.id)).map(t => t.id);
    const met = of('met');
    const open = of('needs-decision');
    if (met.length === 0 && open.length === 0) return [];
    const due: Due = dueOf(rule, met.length > 0 ? met : open, knownDay);
    const unknownStart = due.due === null && rule.due.nature !== 'promptly';
    return [
      {
        id: rule.id,
        regime: regime.regime,
        ...recipientOf(regime, rule, organisationKind),
        kind: rule.kind,
        trigger: met.length > 0 ? met : open,
        legal_basis: rule.legal_basis,
        known: knownDay,
        ...due,
        source: rule.source,
        status: met.length === 0 || unknownStart ? 'needs-decision' : 'due',
      },
    ];
  });
}

/** Stage ⑦: what the law asks, by when. Writes `obligation` and `trigger_state`. */
export async function determineObligations(kase: OpenCase, counts: ExposureCounts, effects: Effects): Promise<Obligation[]> {
  const { engine, file, store } = kase;
  const steps = await engine.row<{ n: number }>('obligations.steps', sql`select count(*) as n from step`);
  const findings = findingsFrom(counts, steps.n > 0, file.facts.improperPurpose?.value ?? null);
  const problems: Problem[] = [];
  const knownUs = file.facts.knownAt?.value ?? file.facts.detectedAt?.value ?? null;
  const done = new Map(standingDecisions(store, 'obligation.done').map(a => [String(a.body['id']), true]));
  const states: TriggerState[] = [];
  const obligations: Obligation[] = [];
  for (const id of regimesOf(kase)) {
    const regime = readRegime(id);
    const judged = regime.triggers.map(t => judge(t, id, findings));
    const list = obligationsOf(regime, judged, knownUs === null ? null : dayIn(regime.zone, knownUs), file.organisation.kind);
    states.push(...judged);
    obligations.push(...list.map(o => (done.has(o.id) ? { ...o, status: 'done' as const } : o)));
  }
  if (obligations.length > 0 && file.facts.knownAt === null) {
    problems.push(problem(knownUs === null ? 'obligations.known-missing' : 'obligations.known-from-detection', 'warning', { ref: 'facts.known_at' }));
  }
  for (const s of states) {
    if (s.state === 'needs-decision')
      problems.push(
        problem(
          'obligations.needs-decision',
          'warning',
          { ref: `${s.regime}:${s.id}` },
          { trigger: `${s.id} ${s.basis}`, elements: s.elements.join(', ') || '—' },
        ),
      );
  }
  await engine.load(
    'obligation',
    [
      { name: 'obligation_id', type: 'VARCHAR' },
      { name: 'body', type: 'VARCHAR' },
    ],
    obligations.map(o => [o.id, JSON.stringify(o)]),
  );
  await engine.load(
    'trigger_state',
    [
      { name: 'trigger_id', type: 'VARCHAR' },
      { name: 'regime', type: 'VARCHAR' },
      { name: 'state', type: 'VARCHAR' },
      { name: 'basis', type: 'VARCHAR' },
    ],
    states.map(s => [s.id, s.regime, s.state, s.basis]),
  );
  await recordProblems(engine, 'obligations', problems);
  effects.progress({ stage: 'obligations', done: obligations.length, total: obligations.length, unit: 'obligations' });
  return obligations;
}

function findingsFrom(counts: ExposureCounts, intrusion: boolean, improperPurpose: boolean | null): Findings {
  return {
    intrusion,
    improperPurpose,
    personsPossible: counts.figures.persons.possible.upper,
    personsNotExcluded: counts.figures.persons.not_excluded.upper,
    combinations: counts.combinations.map(c => ({ elements: c.elements, persons: c.persons.upper })),
    roles: counts.roles.filter(r => r.persons.upper > 0 || r.records.upper > 0).map(r => r.role),
  };
}
