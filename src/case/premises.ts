/** What claims take for granted where evidence does not say. A person may decide each: that it holds, or that it does not (`premise.set`). */
export const premiseNames = [
  'actor-wide',
  'born-as-stamped',
  'changed-as-stamped',
  'keys-in-order',
  'one-connection-one-client',
  'route-as-stated',
  'route-inferred-from-sizes',
  'route-stable',
  'sent-in-order',
  'signed-in-as-owner',
  'snapshot-unchanged',
  'stated-account-misused',
  'unchanged-between-snapshots',
] as const;
export type PremiseName = (typeof premiseNames)[number];
