import { groupBy } from '../../base/index.ts';
import type { AtHand } from '../at-hand.ts';
import { widenWindows } from '../replay/drift.ts';
import { claimGroups, type EvaluationNotes } from '../replay/evaluate.ts';
import { outputSizes } from '../replay/replay.ts';
import { groupInstances, instanceTable, replayGroup } from '../replay/replay-group.ts';
import type { Instance } from '../routes/instances.ts';
import type { Request } from '../routes/requests.ts';
import { statementSlackUs } from '../routes/statement-index.ts';
import { shellAnswers } from './shell-bound.ts';

/** What a result is as text: rows of cells with one character after each, without or with a line of names. */
type Printed = {
  readonly instance: Instance;
  readonly request: Request;
  readonly rows: number;
  readonly nulls: number;
  readonly plain: number;
  readonly names: number;
};
/** A way to print: what a NULL is, how long the end of a line, whether names stand on top. */
type Style = { readonly nulls: number; readonly end: number; readonly named: boolean };

const styles: readonly Style[] = [0, 2, 4].flatMap(nulls => [1, 2].flatMap(end => [false, true].map(named => ({ nulls, end, named }))));
/** A result shorter than this may have the length of an answer by chance. */
const leastBytes = 200;
/** More than a shell puts around a result. */
const mostAround = 2_000;

/**
 * Statements beside the requests of a web shell that nobody else's request explains, on a connection that others use too: certainly the shell's where
 * the answer is as long as the result printed (alone to the byte; several with one and the same frame).
 */
export async function claimShellAnswers(given: AtHand, orphans: readonly Instance[]): Promise<void> {
  const { engine, catalogue, claims, changes, premises } = given;
  const pairs = pairUp(orphans, await strictShells(given)).filter(p => {
    const windows = widenWindows([p], catalogue, changes);
    return windows.kept[0] === p && windows.kept.length === 1 && windows.possible.length === 0;
  });
  if (pairs.length === 0) return;
  const proven = fitting(await print(given, pairs));
  const notes: EvaluationNotes = { failures: new Map(), widened: new Map(), mismatches: 0, rowCountMismatches: 0, premises, unknown: new Map() };
  if (proven.length > 0) await claimGroups(engine, catalogue, claims, groupInstances(proven, catalogue, changes), new Map(), new Map(), notes);
}

async function strictShells({ engine, requests }: AtHand): Promise<Request[]> {
  const ids = new Set((await shellAnswers(engine)).map(a => a.event_id));
  return requests.filter(r => r.actor === 'strict' && r.bytes !== null && ids.has(r.eventId));
}

/** Each statement with the one request it ran in, where that request has no other. */
function pairUp(orphans: readonly Instance[], shells: readonly Request[]): Instance[] {
  const each = new Map(orphans.map(i => [i.statement!.eventId, i]));
  const found = [...each.values()].flatMap(i => {
    const s = i.statement!;
    const around = shells.filter(r => s.loUs >= r.loUs - statementSlackUs && s.loUs <= r.hiUs + statementSlackUs);
    return around.length === 1 && i.read.exact ? [{ ...i, request: around[0]!, certainty: 'strict' as const, ambiguous: false }] : [];
  });
  const counts = groupBy(found, i => i.request);
  return found.filter(i => counts.get(i.request)!.length === 1);
}

async function print({ engine, catalogue, changes }: AtHand, pairs: readonly Instance[]): Promise<Printed[]> {
  const out: Printed[] = [];
  for (const g of groupInstances(pairs, catalogue, changes))
    await replayGroup(engine, catalogue, g, async ({ replay: r, tuples, batch }) => {
      if (!r || r.widened.length > 0 || r.relation.columns.some(c => c.type === 'opaque')) return;
      const cells = r.relation.columns.length;
      const names = r.relation.columns.reduce((n, c) => n + Buffer.byteLength(c.name) + 1, 0);
      for (const s of await outputSizes(engine, r.relation, batch ? instanceTable : null))
        if (s.certain && s.bytes >= leastBytes)
          for (const { instance } of tuples[s.n]?.members ?? [])
            out.push({ instance, request: instance.request!, rows: s.rows, nulls: s.nulls, plain: s.bytes + s.rows * cells, names });
    });
  return out;
}

/** What of an answer is not the printed result. */
const around = (p: Printed, s: Style): number => p.request.bytes! - p.plain - p.nulls * s.nulls - p.rows * (s.end - 1) - (s.named ? p.names + s.end - 1 : 0);

/** Those whose answers are as long as their results, printed in the one way that suits most of them. */
function fitting(list: readonly Printed[]): Instance[] {
  let best: Printed[] = [];
  for (const s of styles)
    for (const [frame, own] of groupBy(list, p => around(p, s))) {
      const enough = own.length >= 2 ? frame >= 0 && frame <= mostAround : frame === 0 && s.end === 1;
      if (enough && own.length > best.length) best = own;
    }
  return best.map(p => p.instance);
}
