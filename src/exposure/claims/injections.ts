import { type Problem, problem } from '../../base/index.ts';
import type { AtHand } from '../at-hand.ts';
import type { Reads } from '../find-reads.ts';
import { claimRecovered } from '../recovered/claim.ts';
import { epochFor, unsettled } from '../replay/epochs.ts';
import { readingOf } from '../replay/statements.ts';
import { claimInjected } from './injected.ts';

/** Claim what injections obtained. `answered` are requests whose error message told. */
export async function claimInjections(given: AtHand, reads: Reads, answered: ReadonlySet<number>, problems: Problem[]): Promise<void> {
  const { engine, catalogue, claims, requests, whole, changes } = given;
  // Only a statement found in the database log tells what ran; an injection read into a learned route without one is still to be claimed.
  const logged = new Set(reads.instances.filter(i => i.injected && i.statement).map(i => i.request!.eventId));
  const unparseable = await claimInjected(engine, catalogue, claims, requests, new Set([...logged, ...answered]), logged, whole, changes);
  if (unparseable > 0) problems.push(problem('exposure.unparseable', 'warning', {}, {}, unparseable));
}

/** Claim what blind injections rebuilt, value by value. */
export async function claimRebuilt(given: AtHand): Promise<void> {
  const { engine, catalogue, claims, span, changes } = given;
  await claimRecovered(engine, catalogue, claims, (d, columns) => unsettled(d, span, changes, columns));
  await doubtChanged(given);
}

/** Values of an answer that were taken from the snapshot because their length fits are no proof where the rows may have been others then. */
async function doubtChanged({ claims, span, catalogue, changes }: AtHand): Promise<void> {
  await claims.weaken(c => {
    if (c.rule !== 'recovered-shown' || c.statement === '') return false;
    const read = readingOf(c.statement);
    return 'none' in read || epochFor(read.select, span, catalogue, changes) !== null;
  });
}
