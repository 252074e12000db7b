import { type Problem, printable, problem } from '../../base/index.ts';
import type { AtHand } from '../at-hand.ts';
import type { Reads } from '../find-reads.ts';
import { cutAborted } from '../replay/aborted.ts';
import { widenWindows } from '../replay/drift.ts';
import { claimGroups, type EvaluationNotes, judgeRequests, predictSizes } from '../replay/evaluate.ts';
import { groupInstances } from '../replay/replay-group.ts';
import type { Instance } from '../routes/instances.ts';
import { routeOf } from '../routes/requests.ts';
import { modelRoutes } from '../routes/route-models.ts';

/** Readings that are only possible: by the rule that says why. */
export type PossibleReads = readonly { readonly rule: string; readonly instances: readonly Instance[] }[];

/** Replay what the intruder had read, hold it against the sizes of the answers, and claim it. Returns what else the same reads may have shown. */
export async function claimReads(given: AtHand, reads: Reads, problems: Problem[]): Promise<PossibleReads> {
  const { engine, catalogue, claims, requests, others, log, index, changes, premises } = given;
  const models = await modelRoutes(engine, catalogue, reads.learned, new Set(requests.map(routeOf)), others, log, index);
  const windows = widenWindows([...reads.instances, ...reads.direct], catalogue, changes);
  const aborted = await cutAborted(engine, catalogue, windows.kept, models, changes, premises);
  const groups = groupInstances(aborted.kept, catalogue, changes);
  const sized = groups.filter(g => g.members[0]!.instance.routeRead && models.get(g.members[0]!.instance.routeRead.route)?.model.valid);
  const verdicts = judgeRequests(
    aborted.kept.filter(i => i.request && i.routeRead),
    await predictSizes(engine, catalogue, sized, changes),
    models,
  );
  const notes: EvaluationNotes = { failures: new Map(), widened: new Map(), mismatches: 0, rowCountMismatches: 0, premises, unknown: new Map() };
  await claimGroups(engine, catalogue, claims, groups, verdicts, models, notes);
  problems.push(...problemsOf(notes));
  return [
    { rule: 'window-moved', instances: windows.possible },
    { rule: 'sent-before-abort', instances: aborted.possible },
  ];
}

function problemsOf(notes: EvaluationNotes): Problem[] {
  return [
    ...[...notes.failures].sort().map(([construct, n]) => problem('exposure.not-replayed', 'warning', {}, { construct }, n)),
    ...[...notes.widened].sort().map(([construct, n]) => problem('exposure.widened', 'info', {}, { construct }, n)),
    ...[...notes.unknown].sort().map(([table, n]) => problem('exposure.unknown-table', 'warning', {}, { table: printable(table, 60) }, n)),
    ...(notes.mismatches > 0 ? [problem('exposure.size-differs', 'info', {}, {}, notes.mismatches)] : []),
    ...(notes.rowCountMismatches > 0 ? [problem('exposure.rows-differ', 'warning', {}, {}, notes.rowCountMismatches)] : []),
  ];
}
