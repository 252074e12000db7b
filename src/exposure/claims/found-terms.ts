import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';
import { joinsOf } from './joins.ts';
import { membersOf } from './list-values.ts';

/** Terms looked for at most: each is held against every text of every dataset. */
const mostTerms = 2_000;

/** What a text asks for: itself without what breaks out of it, what stands in quotes inside of it (`{patron(no:"R100")}`, `name eq 'x'`), the members of a list. */
export function termsOf(value: string): string[] {
  const quoted = [...value.matchAll(/"([^"]{2,100})"|'([^']{2,100})'/g)].map(m => (m[1] ?? m[2])!.trim());
  return [value.split(/['"%;\\]|--|\/\*/)[0]!.trim(), ...quoted, ...membersOf(value)];
}

/**
 * Nothing says what such a route reads: rows of any dataset in which a text holds what was asked for are possible (T2), and the rows that these refer to
 * or that refer to them: a page of a loan shows its borrower.
 */
export async function claimTerms(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  terms: ReadonlyMap<string, Request>,
  open: ReadonlyMap<string, Sql>,
): Promise<void> {
  const asked = [...terms].filter(([t]) => t.length >= 2 || /[^\x00-\x7f]|\d/.test(t)).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  if (asked.length === 0) return;
  await engine.load(
    'asked_term',
    [{ name: 'q', type: 'VARCHAR' }],
    asked.slice(0, mostTerms).map(([t]) => [t]),
  );
  const searched = catalogue.datasets.filter(d => textsOf(d).length > 0);
  await engine.run('exposure.found_terms', sql`create or replace temp table found_term (dataset_id varchar, row_no bigint)`);
  for (const d of searched)
    await engine.run(
      'exposure.find_terms',
      sql`insert into found_term select ${d.id}, t.row_no from ${sql.id(d.view)} t where ${holdsTerm(d)} order by t.row_no`,
    );
  for (const dataset of searched) {
    const id = claims.add(
      {
        kind: 'request',
        datasetId: dataset.id,
        mustTier: 0,
        mayTier: tier.possible,
        rule: 'term-found',
        statement: [...new Set(asked.map(([, r]) => routeOf(r)))].sort().join(' ').slice(0, 400),
        premises: { requests: asked.length, source: 'terms' },
        assumptions: [],
      },
      { terms: true },
    );
    for (const [, r] of asked.slice(0, 3)) claims.source(id, { eventId: null, requestId: r.eventId });
    const joined = searched.flatMap(other => joinsOf(dataset, other).map(([own, theirs]) => joinedTo(other, own, theirs)));
    await claims.possibleRows(id, dataset, sql`(${sql.join([sql`t.row_no in (${foundRows(dataset)})`, ...joined, open.get(dataset.id)!], sql` or `)})`);
  }
  for (const table of ['asked_term', 'found_term']) await engine.run('exposure.drop_terms', sql`drop table ${sql.id(table)}`);
}

const textsOf = (d: Dataset): Column[] => d.columns.filter(c => c.type === 'text' || c.type === 'int');
const inText = (alias: string, c: Column): Sql => sql`cast(${sql.id(alias, `c${c.no}`)} as varchar)`;

/** Whether a row holds one of the terms. A number of a few digits stands in too many texts: it names the row whose key it is. */
function holdsTerm(dataset: Dataset): Sql {
  const small = sql`regexp_full_match(q, '\\d{1,3}')`;
  const holds = textsOf(dataset).map(c => {
    const found = c.type === 'text' ? sql`contains(${sql.id('t', `c${c.no}`)}, q)` : sql`${inText('t', c)} = q`;
    const names = dataset.key.includes(c.name) ? sql`${small} and ${inText('t', c)} = q` : sql`false`;
    return sql`(not ${small} and ${found}) or (${names})`;
  });
  return sql`exists (select 1 from asked_term where ${sql.join(holds, sql` or `)})`;
}

const foundRows = (dataset: Dataset): Sql => sql`select row_no from found_term where dataset_id = ${dataset.id}`;

function joinedTo(other: Dataset, own: Column, theirs: Column): Sql {
  return sql`${inText('t', own)} in (select ${inText('o', theirs)} from ${sql.id(other.view)} o where o.row_no in (${foundRows(other)}) and ${inText('o', theirs)} is not null)`;
}
