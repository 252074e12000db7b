import { type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';
import { joinsOf } from './joins.ts';

/** Rows of a data set that are possible since the path of a request names it, beside others that it names. */
export type NamedClaim = { readonly dataset: Dataset; readonly named: readonly Dataset[]; readonly request: Request };

/**
 * Rows of other data sets that the rows of a named one refer to, or that refer to them (T2): nothing tells what such a page shows, and that of an
 * application shows its history.
 */
export async function claimJoined(catalogue: Catalogue, claims: Claims, byName: ReadonlyMap<string, NamedClaim>): Promise<void> {
  for (const [claimId, { dataset, named, request }] of byName)
    for (const other of catalogue.datasets) {
      const joins = named.includes(other) ? [] : joinsOf(other, dataset);
      if (joins.length === 0) continue;
      const route = routeOf(request);
      const id = claims.add(
        {
          kind: 'request',
          datasetId: other.id,
          mustTier: 0,
          mayTier: tier.possible,
          rule: 'route-by-name',
          statement: route,
          premises: { route, requests: 1, source: 'name' },
          assumptions: [],
        },
        { route, joined: dataset.id },
      );
      claims.source(id, { eventId: null, requestId: request.eventId });
      const text = (alias: string, c: Column): Sql => sql`cast(${sql.id(alias, `c${c.no}`)} as varchar)`;
      const referred = (theirs: Column): Sql => sql`select ${text('n', theirs)} from ${sql.id(dataset.view)} n where n.row_no in ${claims.rowsOf(claimId)}`;
      await claims.possibleRows(
        id,
        other,
        sql`(${sql.join(
          joins.map(([own, theirs]) => sql`${text('t', own)} in (${referred(theirs)})`),
          sql` or `,
        )})`,
      );
    }
}
