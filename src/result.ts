import { isoUtc, type Problem } from './base/index.ts';
import { changesResults, decisions, type OpenCase, readProblems } from './case/index.ts';
import { sql } from './engine/index.ts';
import { type PremiseState, premiseStates } from './exposure/index.ts';
import type { Obligation } from './obligations/index.ts';
import type { ExposureCounts } from './persons/index.ts';

/** result.json of contract §5, from the tables. Deterministic but for `run`. */

export type Gap = { from: string; to: string; reason: string };
export type EvidenceResult = {
  id: string;
  file: string;
  sha256: string;
  bytes: number;
  format: string | null;
  lines: { total: number; parsed: number; unparsed: number };
  first: string | null;
  last: string | null;
  gaps: Gap[];
  blind_to: string[];
};
export type ActorResult = {
  id: string;
  certainty: string;
  ips: string[];
  accounts: string[];
  sessions: number;
  user_agents: string[];
  events: number;
  first: string;
  last: string;
};
/** A rule or method whose matches make up a step: whose it is, and under which licence. */
export type StepRule = {
  id: string;
  title: { ja: string; en: string };
  author: string | null;
  licence: string | null;
  link: string | null;
  level: string;
  events: number;
};
export type StepResult = {
  id: string;
  actor: string;
  kind: string;
  attack: string[];
  outcome: string;
  from: string;
  to: string;
  events: number;
  summary: { ja: string; en: string };
  evidence: { file: string; line: number }[];
  rules: StepRule[];
  /** Ids of the detections that make up the step: what a decision on it is about, also when other detections join it later. */
  detections: string[];
};
/** A person's decision that this run followed. */
export type DecisionResult = { seq: number; kind: string; by: string; at: string; body: Readonly<Record<string, unknown>> };
export type WindowEnd = { earliest: string | null; latest: string | null; basis: string };
export type Result = {
  schema: 'tadasu.result/1';
  case: string;
  run: { version: string; started: string; seconds: number };
  inputs_root: string;
  evidence: EvidenceResult[];
  intrusion: { start: WindowEnd; end: WindowEnd; left_censored: boolean; actors: ActorResult[]; steps: StepResult[] };
  /** `premises`: what the figures take for granted, as people decided it or as assumed, with the claims that rest on each. */
  exposure: ExposureCounts & { premises: PremiseState[] };
  obligations: Obligation[];
  decisions: DecisionResult[];
  problems: Problem[];
};

export type RunFacts = { readonly version: string; readonly startedUs: number; readonly seconds: number; readonly inputsRoot: string };

/** Evidence lines listed per step in result.json; the rest is in the tables and on the page. */
const linesPerStep = 50;

export async function assembleResult(kase: OpenCase, counts: ExposureCounts, obligations: Obligation[], run: RunFacts): Promise<Result> {
  return {
    schema: 'tadasu.result/1',
    case: kase.file.id,
    run: { version: run.version, started: isoUtc(run.startedUs), seconds: run.seconds },
    inputs_root: run.inputsRoot,
    evidence: await readEvidence(kase),
    intrusion: { ...(await readWindow(kase)), actors: await readActors(kase), steps: await readSteps(kase) },
    exposure: { ...counts, premises: await premiseStates(kase) },
    obligations,
    decisions: followedDecisions(kase),
    problems: await readProblems(kase.engine),
  };
}

function followedDecisions({ store }: OpenCase): DecisionResult[] {
  return decisions(store)
    .filter(d => d.withdrawnBy === null && changesResults(d.kind))
    .map(({ seq, kind, by, at, body }) => ({ seq, kind, by, at, body }));
}

const iso = (us: number | null): string | null => (us === null ? null : isoUtc(us));

async function readEvidence({ engine }: OpenCase): Promise<EvidenceResult[]> {
  const files = await engine.rows<{
    file_no: number;
    evidence_id: string;
    path: string;
    sha256: string;
    bytes: number;
    format: string | null;
    lines_total: number | null;
    lines_parsed: number | null;
    lines_unparsed: number | null;
    first_us: number | null;
    last_us: number | null;
    blind_to: string[] | null;
  }>(
    'result.evidence',
    sql`select s.file_no, s.evidence_id, s.path, s.sha256, s.bytes, f.format, f.lines_total, f.lines_parsed, f.lines_unparsed, f.first_us, f.last_us, f.blind_to
    from source_file s left join event_file f using (file_no) where s.role = 'evidence' order by s.file_no`,
  );
  const gaps = await engine.rows<{ file_no: number | null; evidence_id: string; from_us: number; to_us: number; reason: string }>(
    'result.gaps',
    sql`select file_no, evidence_id, from_us, to_us, reason from coverage_gap order by evidence_id, from_us, to_us, reason, file_no`,
  );
  return files.map(f => ({
    id: f.evidence_id,
    file: f.path,
    sha256: f.sha256,
    bytes: f.bytes,
    format: f.format,
    lines: { total: f.lines_total ?? 0, parsed: f.lines_parsed ?? 0, unparsed: f.lines_unparsed ?? 0 },
    first: iso(f.first_us),
    last: iso(f.last_us),
    gaps: gaps
      .filter(g => (g.file_no === null ? g.evidence_id === f.evidence_id : g.file_no === f.file_no))
      .map(g => ({ from: isoUtc(g.from_us), to: isoUtc(g.to_us), reason: g.reason })),
    blind_to: f.blind_to ?? [],
  }));
}

async function readWindow({ engine }: OpenCase) {
  const rows = await engine.rows<{
    start_earliest_us: number | null;
    start_latest_us: number | null;
    start_basis: string;
    end_earliest_us: number | null;
    end_latest_us: number | null;
    end_basis: string;
    left_censored: boolean;
  }>('result.window', sql`select * from intrusion_window`);
  const w = rows[0];
  return {
    start: { earliest: iso(w?.start_earliest_us ?? null), latest: iso(w?.start_latest_us ?? null), basis: w?.start_basis ?? '' },
    end: { earliest: iso(w?.end_earliest_us ?? null), latest: iso(w?.end_latest_us ?? null), basis: w?.end_basis ?? '' },
    left_censored: w?.left_censored ?? false,
  };
}

async function readActors({ engine }: OpenCase): Promise<ActorResult[]> {
  const rows = await engine.rows<Omit<ActorResult, 'id' | 'first' | 'last'> & { actor_id: string; first_us: number; last_us: number }>(
    'result.actors',
    sql`select actor_id, certainty, ips, accounts, sessions, user_agents, events, first_us, last_us from actor order by first_us, actor_id`,
  );
  return rows.map(({ actor_id, first_us, last_us, ...a }) => ({ id: actor_id, ...a, first: isoUtc(first_us), last: isoUtc(last_us) }));
}

async function readSteps({ engine }: OpenCase): Promise<StepResult[]> {
  const steps = await engine.rows<{
    step_id: string;
    actor_id: string;
    kind: string;
    attack: string[];
    outcome: string;
    from_us: number;
    to_us: number;
    events: number;
    summary_ja: string;
    summary_en: string;
    detections: string[];
  }>(
    'result.steps',
    sql`select step_id, actor_id, kind, attack, outcome, from_us, to_us, events, summary_ja, summary_en,
      list_sort(json_extract_string(facts, '$.detections[*].id')) as detections from step order by from_us, step_id`,
  );
  const lines = await engine.rows<{ step_id: string; file: string; line: number }>(
    'result.step_lines',
    sql`
    select step_id, file, line from (
      select e.step_id, s.path as file, v.line_no as line, row_number() over (partition by e.step_id order by e.event_id) as n
      from step_event e join event v using (event_id) join source_file s using (file_no)
    ) where n <= ${linesPerStep} order by step_id, n`,
  );
  const rules = await readStepRules(engine);
  const byStep = new Map<string, { file: string; line: number }[]>(steps.map(s => [s.step_id, []]));
  for (const { step_id, file, line } of lines) byStep.get(step_id)?.push({ file, line });
  return steps.map(s => ({
    id: s.step_id,
    actor: s.actor_id,
    kind: s.kind,
    attack: s.attack,
    outcome: s.outcome,
    from: isoUtc(s.from_us),
    to: isoUtc(s.to_us),
    events: s.events,
    summary: { ja: s.summary_ja, en: s.summary_en },
    evidence: byStep.get(s.step_id)!,
    rules: rules.get(s.step_id) ?? [],
    detections: s.detections,
  }));
}

async function readStepRules(engine: OpenCase['engine']): Promise<Map<string, StepRule[]>> {
  const rows = await engine.rows<Omit<StepRule, 'id' | 'title'> & { step_id: string; rule_id: string; title_ja: string; title_en: string }>(
    'result.step_rules',
    sql`
    select x.step_id, d.rule_id, any_value(d.title_ja order by d.detection_id) as title_ja, any_value(d.title_en order by d.detection_id) as title_en,
      any_value(d.author order by d.detection_id) as author, any_value(d.licence order by d.detection_id) as licence,
      any_value(d.link order by d.detection_id) as link, any_value(d.level order by d.detection_id) as level, sum(d.events)::bigint as events
    from (select step_id, unnest(json_extract_string(facts, '$.detections[*].id')) as detection_id from step) x join detection d using (detection_id)
    group by x.step_id, d.rule_id order by x.step_id, events desc, d.rule_id`,
  );
  const out = new Map<string, StepRule[]>();
  for (const { step_id, rule_id, title_ja, title_en, author, licence, link, level, events } of rows) {
    out.set(step_id, [...(out.get(step_id) ?? []), { id: rule_id, title: { ja: title_ja, en: title_en }, author, licence, link, level, events }]);
  }
  return out;
}
