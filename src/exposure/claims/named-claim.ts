import type { Dataset } from '../catalogue.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';

/** Rows of a data set that are possible since the path of a request names it, beside others that it names. */
export type NamedClaim = { readonly dataset: Dataset; readonly named: readonly Dataset[]; readonly request: Request };

/** A claim to rows of a data set that may have been shown (T2) because of what a request's route is called. `more`: what else tells it from others of the route. Gives its id. */
export function claimNamed(claims: Claims, datasetId: string, request: Request, more: Readonly<Record<string, string>> = {}): string {
  const route = routeOf(request);
  const id = claims.add(
    {
      kind: 'request',
      datasetId,
      mustTier: 0,
      mayTier: tier.possible,
      rule: 'route-by-name',
      statement: route,
      premises: { route, requests: 1, source: 'name' },
      assumptions: [],
    },
    { route, ...more },
  );
  claims.source(id, { eventId: null, requestId: request.eventId });
  return id;
}
