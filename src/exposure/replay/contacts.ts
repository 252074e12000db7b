import { type Sql, sql } from '../../engine/index.ts';
import type { Dataset } from '../catalogue.ts';
import type { Claims } from '../claims/claims.ts';
import { contact, tier } from '../tables.ts';
import type { Replay } from './replay.ts';

/** What the rows of one use of a data set had to do with an answer beside the columns it shows: columns, and the least and the most each was. */
type Touch = {
  readonly occurrence: Replay['relation']['occurrences'][number];
  readonly columns: readonly number[];
  readonly least: number;
  readonly most: number;
};

/**
 * Contacts of a replay beside display (methods §5.3): values that went into a computed one, values a condition of a shown row tells, and
 * rows that had a part in an answer without any value of theirs in it. A condition `column = constant` tells the value; of another one
 * it is not said how much it tells, so that it has a part for certain and may have told the value.
 */
export function touchesOf(r: Pick<Replay, 'relation' | 'predicates'>): Touch[] {
  return r.relation.occurrences.flatMap(occurrence => {
    const origins = r.relation.columns.flatMap(c => c.origins.filter(o => o.occurrence === occurrence.id).map(o => ({ ...o, fragile: c.fragile })));
    const shown = new Set(origins.filter(o => o.display === 'shown').map(o => o.column));
    const conditions = r.predicates.filter(p => p.occurrence === occurrence.id && !shown.has(p.column));
    const told = new Set(conditions.filter(p => p.equal).map(p => p.column));
    const asked = new Set(conditions.map(p => p.column).filter(c => !told.has(c)));
    const derived = new Set(origins.filter(o => o.display !== 'shown' && !shown.has(o.column) && !told.has(o.column)).map(o => o.column));
    const of = (columns: ReadonlySet<number>, least: number, most: number): Touch[] =>
      columns.size === 0 ? [] : [{ occurrence, columns: [...columns].sort((a, b) => a - b), least, most }];
    const both = new Set([...derived].filter(c => asked.has(c)));
    const touches = [
      ...of(told, contact.disclosed, contact.disclosed),
      ...of(both, contact.derived, contact.disclosed),
      ...of(new Set([...derived].filter(c => !both.has(c))), contact.derived, contact.derived),
      ...of(new Set([...asked].filter(c => !both.has(c))), contact.contributed, contact.disclosed),
    ];
    const visible = origins.some(o => o.display !== 'derived' && !o.fragile);
    return touches.length > 0 || visible ? touches : [{ occurrence, columns: [], least: contact.contributed, most: contact.contributed }];
  });
}

/** Where the rows of a replay come from: see `recordReplay`. `rows` gives `row_no, lower, upper` of one use of a data set. */
export type ContactRows = (occurrence: Touch['occurrence'], certain: Sql) => Sql;

/** Write the contacts of the last replay. `sure`: rows that are certainly in the output count for certain. */
export async function recordContacts(claims: Claims, r: Replay, rows: ContactRows, claimOf: (dataset: Dataset) => string, sure: boolean): Promise<void> {
  for (const t of touchesOf(r))
    await claims.contacts(
      claimOf(t.occurrence.dataset),
      claims.colset(t.occurrence.dataset, t.columns),
      sql`select row_no, case when lower >= ${sql.lit(tier.executed)} then ${sql.lit(t.least)} else 0 end as lower, ${sql.lit(t.most)} as upper
        from (${rows(t.occurrence, sure ? sql`true` : sql`false`)}) q where upper >= ${sql.lit(tier.possible)}`,
    );
}
