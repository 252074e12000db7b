import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Request } from '../routes/requests.ts';
import { tier } from '../tables.ts';
import type { Claim, Claims, Source } from './claims.ts';

/** Something that read nobody knows what, on a system if that is known. */
export type Unknown = { readonly systemId: string | null; readonly source: Source };

/** Any record of each data set that stands on the system of one of these may have been shown (T2); `describe` says why, for those of one data set. */
export async function claimAnyRecord<T extends Unknown>(
  catalogue: Catalogue,
  claims: Claims,
  unknown: readonly T[],
  describe: (own: readonly T[]) => Pick<Claim, 'kind' | 'rule' | 'statement' | 'premises'>,
  identity: unknown,
): Promise<void> {
  for (const dataset of catalogue.datasets) {
    const own = unknown.filter(u => mayRead(u, dataset));
    if (own.length === 0) continue;
    const id = claims.add({ ...describe(own), datasetId: dataset.id, mustTier: 0, mayTier: tier.possible, assumptions: [] }, identity);
    for (const u of own.slice(0, 3)) claims.source(id, u.source);
    await claims.possibleRows(id, dataset);
  }
}

/** The same for requests of one route of which nobody knows what they read. */
export function claimAnyRecordBy(
  catalogue: Catalogue,
  claims: Claims,
  rule: string,
  route: string,
  requests: readonly Request[],
  identity: unknown,
): Promise<void> {
  return claimAnyRecord(
    catalogue,
    claims,
    requests.map(r => ({ systemId: r.systemId, source: { eventId: null, requestId: r.eventId } })),
    () => ({ kind: 'request', rule, statement: route, premises: { route, requests: requests.length } }),
    identity,
  );
}

const mayRead = (u: Unknown, dataset: Dataset): boolean => u.systemId === null || dataset.systemId === null || u.systemId === dataset.systemId;
