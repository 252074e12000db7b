import { type Decision, type OpenCase, standingDecisions } from '../case/index.ts';
import type { Step } from './steps.ts';

/** Detections that people set aside with a step. They stay set aside when the step is cut differently in a later run. */
export function dismissedDetections(kase: OpenCase, steps: readonly Step[]): ReadonlySet<string> {
  return new Set(standingDecisions(kase.store, 'step.dismissed').flatMap(d => [...named(d), ...ofStep(d, steps)]));
}

/** Detections that people vouched for with a step: a method's own doubt about them is settled. */
export function confirmedDetections(kase: OpenCase, steps: readonly Step[]): ReadonlySet<string> {
  return new Set(standingDecisions(kase.store, 'step.confirmed').flatMap(d => [...named(d), ...ofStep(d, steps)]));
}

/** Who confirmed a step, by step id: the last confirmation that speaks of one of its detections. */
export function confirmations(kase: OpenCase, steps: readonly Step[]): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const d of standingDecisions(kase.store, 'step.confirmed')) {
    const about = new Set([...named(d), ...ofStep(d, steps)]);
    for (const s of steps) if (s.detections.some(x => about.has(x.detection_id))) out.set(s.id, d.by);
  }
  return out;
}

const named = (d: Decision): string[] => (Array.isArray(d.body['detections']) ? d.body['detections'].map(String) : []);

/** A decision written down without its detections speaks of the step of that id. */
function ofStep(d: Decision, steps: readonly Step[]): string[] {
  return steps.filter(s => s.id === d.body['step_id']).flatMap(s => s.detections.map(x => x.detection_id));
}
