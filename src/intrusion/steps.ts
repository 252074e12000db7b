import { contentId, MINUTE, type Micros } from '../base/index.ts';
import type { Actor } from './actors.ts';
import type { DetectionRow } from './tables.ts';

export type Step = {
  readonly id: string;
  readonly actor: Actor;
  readonly kind: string;
  readonly outcome: string;
  readonly fromUs: Micros;
  readonly toUs: Micros;
  readonly detections: readonly DetectionRow[];
  readonly attack: readonly string[];
  readonly events: number;
};

const attack: Record<string, readonly string[]> = {
  scan: ['T1595.002'],
  'credential-stuffing': ['T1110.004'],
  'password-spray': ['T1110.003'],
  'account-takeover': ['T1078'],
  'idor-enumeration': ['T1190', 'T1213'],
  'mass-export': ['T1213', 'T1119'],
  'sqli-boolean': ['T1190', 'T1213.006'],
  'sqli-time': ['T1190', 'T1213.006'],
  'sqli-union': ['T1190', 'T1213.006'],
  'sqli-error': ['T1190', 'T1213.006'],
  'sqli-stacked': ['T1190', 'T1213.006'],
  'path-traversal': ['T1190', 'T1083'],
  'web-shell': ['T1505.003'],
  'command-injection': ['T1190', 'T1059'],
  xss: ['T1189'],
  'db-dump': ['T1213.006', 'T1005'],
  other: [],
};
const quiet = 30 * MINUTE;
const rank: Record<string, number> = { succeeded: 3, unknown: 2, attempted: 1, blocked: 0 };

/** Detections of one kind and actor that overlap, or follow within half an hour, are one step. */
export function findSteps(actors: readonly Actor[]): Step[] {
  const steps: Step[] = [];
  for (const actor of actors) {
    const kinds = new Map<string, DetectionRow[]>();
    for (const d of actor.detections) kinds.set(d.kind, [...(kinds.get(d.kind) ?? []), d]);
    for (const [kind, list] of kinds) {
      const byTime = [...list].sort((a, b) => a.first_us - b.first_us || (a.detection_id < b.detection_id ? -1 : 1));
      let run: DetectionRow[] = [];
      let until = 0;
      const flush = (): void => {
        if (run.length > 0) steps.push(makeStep(actor, kind, run));
      };
      for (const d of byTime) {
        if (run.length > 0 && d.first_us > until + quiet) {
          flush();
          run = [];
        }
        until = run.length === 0 ? d.last_us : Math.max(until, d.last_us);
        run.push(d);
      }
      flush();
    }
  }
  return steps.sort((a, b) => a.fromUs - b.fromUs || (a.id < b.id ? -1 : 1));
}

function makeStep(actor: Actor, kind: string, run: readonly DetectionRow[]): Step {
  const outcome = [...run].sort((a, b) => (rank[b.outcome] ?? 0) - (rank[a.outcome] ?? 0))[0]!.outcome;
  return {
    id: contentId('step', { kind, detections: run.map(d => d.detection_id).sort() }),
    actor,
    kind,
    outcome,
    fromUs: Math.min(...run.map(d => d.first_us)),
    toUs: Math.max(...run.map(d => d.last_us)),
    detections: run,
    attack: attack[kind] ?? [],
    events: run.reduce((n, d) => n + d.events, 0),
  };
}
