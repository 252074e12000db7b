import { type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column } from '../catalogue.ts';
import type { Claims } from './claims.ts';
import { joinsOf } from './joins.ts';
import { claimNamed, type NamedClaim } from './named-claim.ts';

/**
 * Rows of other data sets that the rows of a named one refer to, or that refer to them (T2): nothing tells what such a page shows, and that of an
 * application shows its history.
 */
export async function claimJoined(catalogue: Catalogue, claims: Claims, byName: ReadonlyMap<string, NamedClaim>): Promise<void> {
  for (const [claimId, { dataset, named, request }] of byName)
    for (const other of catalogue.datasets) {
      const joins = named.includes(other) ? [] : joinsOf(other, dataset);
      if (joins.length === 0) continue;
      const id = claimNamed(claims, other.id, request, { joined: dataset.id });
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
