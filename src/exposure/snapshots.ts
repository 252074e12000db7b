import { contentId, groupBy } from '../base/index.ts';
import { type Engine, type Sql, sql } from '../engine/index.ts';

/** A data set as the events stage describes it. */
export type Described = {
  readonly dataset_id: string;
  readonly table_name: string;
  readonly system_id: string | null;
  readonly rows: number;
  readonly as_of_us: number | null;
  readonly key_columns: readonly string[];
};

/**
 * Several data sets that are one table. `snapshots`: of different times; what differs between them is not known in between. `parts`: of one time and without a
 * record in common. `apart`: it is not known which of them a statement read. `members` in order of time, the last gives the values.
 */
export type Union = {
  readonly id: string;
  readonly mode: 'snapshots' | 'parts' | 'apart';
  readonly members: readonly { readonly id: string /** Column of the union to column of the member. */; readonly columns: ReadonlyMap<number, number> }[];
  readonly columns: readonly string[];
};

/** Column number in `snapshot_touch` of a record that only some of the snapshots hold; see `existence` of the changes. */
const presence = -1;

/**
 * Put data sets of one table together: one table `data_<id>` of all their records, by key; `snapshot_row` says which record of a member a record of it
 * is, `snapshot_touch` what is not known of it between the snapshots.
 */
export async function uniteSnapshots(
  engine: Engine,
  list: readonly Described[],
  nameOf: (d: Described) => string,
): Promise<{ readonly described: Described[]; readonly unions: Union[] }> {
  await engine.run(
    'exposure.snapshot_row',
    sql`create or replace table snapshot_row (dataset_id varchar, row_no bigint, member_id varchar, member_row bigint)`,
  );
  await engine.run('exposure.snapshot_touch', sql`create or replace temp table snapshot_touch (dataset_id varchar, row_no bigint, column_no integer)`);
  const groups = groupBy(list, nameOf);
  const described: Described[] = [];
  const unions: Union[] = [];
  for (const [name, group] of [...groups].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    if (group.length === 1) {
      described.push(group[0]!);
      continue;
    }
    const made = await unite(engine, name, group);
    described.push(made.described);
    unions.push(made.union);
  }
  return { described: described.sort((a, b) => (a.dataset_id < b.dataset_id ? -1 : 1)), unions };
}

async function unite(engine: Engine, name: string, group: readonly Described[]): Promise<{ described: Described; union: Union }> {
  const time = (d: Described): number => d.as_of_us ?? -Infinity;
  const members = [...group].sort((a, b) => time(a) - time(b) || (a.dataset_id < b.dataset_id ? -1 : 1));
  const columnsOf = new Map<string, Map<string, { no: number; name: string }>>();
  for (const d of members) {
    const rows = await engine.rows<{ column_no: number; name: string }>(
      'exposure.member_columns',
      sql`select column_no, name from dataset_column where dataset_id = ${d.dataset_id} order by column_no`,
    );
    columnsOf.set(d.dataset_id, new Map(rows.map(r => [r.name.toLowerCase(), { no: r.column_no, name: r.name }])));
  }
  const last = members.at(-1)!;
  const names = new Map<string, string>();
  for (const d of [...members].reverse()) for (const [key, c] of columnsOf.get(d.dataset_id)!) if (!names.has(key)) names.set(key, c.name);
  const columns = [...names];
  const rows = sql.join(
    members.map((d, i) => {
      const own = columnsOf.get(d.dataset_id)!;
      const values = columns.map(([key], n) => sql`${own.has(key) ? sql.id(own.get(key)!.name) : sql`null::varchar`} as ${sql.id(`v${n}`)}`);
      return sql`select ${sql.lit(i)} as i, row_no as r, key, ${sql.join(values)} from ${sql.id(`data_${d.dataset_id}`)}`;
    }),
    sql` union all `,
  );
  const id = `${name} (${members.map(d => d.dataset_id).join(' + ')})`;
  const mode = await modeOf(engine, members, rows);
  const by = mode === 'snapshots' ? sql`key` : sql`key, i, r`;
  const holders = columns.map(([key]) => members.flatMap((d, i) => (columnsOf.get(d.dataset_id)!.has(key) ? [i] : [])));
  const held = (n: number): Sql => sql`filter (where i in (${sql.join(holders[n]!.map(i => sql.lit(i)))}))`;
  const data = sql.id(`data_${id}`);
  await engine.run(
    'exposure.united',
    sql`create or replace temp table united as select row_number() over (order by ${by}) - 1 as row_no, ${by}, count(distinct i) as n,
      ${sql.join(columns.flatMap((_, n) => [sql`arg_max_null(${sql.id(`v${n}`)}, i) ${held(n)} as ${sql.id(`v${n}`)}`, sql`count(distinct coalesce(${sql.id(`v${n}`)}, '')) ${held(n)} > 1 as ${sql.id(`d${n}`)}`]))}
      from (${rows}) group by ${by}`,
  );
  await engine.run(
    'exposure.united_data',
    sql`create or replace table ${data} as select row_no, key, ${sql.join(columns.map(([, c], n) => sql`${sql.id(`v${n}`)} as ${sql.id(c)}`))} from united order by row_no`,
  );
  for (const [i, d] of members.entries())
    await engine.run(
      'exposure.united_rows',
      sql`insert into snapshot_row select ${id}, u.row_no, ${d.dataset_id}, m.row_no from united u join ${sql.id(`data_${d.dataset_id}`)} m on m.key is not distinct from u.key
        ${mode === 'snapshots' ? sql`` : sql`and u.i = ${sql.lit(i)} and u.r = m.row_no`}`,
    );
  const touched = [
    mode === 'apart'
      ? sql`select row_no, ${sql.lit(presence)} as c from united`
      : mode === 'snapshots'
        ? sql`select row_no, ${sql.lit(presence)} from united where n < ${sql.lit(members.length)}`
        : null,
    // Of a record that only some hold, no value is bound from both sides; its key is what it is.
    ...(mode === 'snapshots'
      ? columns.map(
          ([key], n) =>
            sql`select row_no, ${sql.lit(n)} from united where ${sql.id(`d${n}`)}${last.key_columns.some(k => k.toLowerCase() === key) ? sql`` : sql` or n < ${sql.lit(members.length)}`}`,
        )
      : []),
  ].filter(x => x !== null);
  if (touched.length > 0)
    await engine.run('exposure.united_touch', sql`insert into snapshot_touch select ${id}, * from (${sql.join(touched, sql` union all `)})`);
  const { n } = await engine.row<{ n: number }>('exposure.united_count', sql`select count(*)::bigint as n from united`);
  await engine.run('exposure.drop_united', sql`drop table united`);
  return {
    described: { ...last, dataset_id: id, system_id: members.every(d => d.system_id === last.system_id) ? last.system_id : null, rows: n },
    union: {
      id,
      mode,
      columns: columns.map(([, c]) => c),
      members: members.map(d => ({
        id: d.dataset_id,
        columns: new Map(columns.flatMap(([key], n) => (columnsOf.get(d.dataset_id)!.has(key) ? [[n, columnsOf.get(d.dataset_id)!.get(key)!.no]] : []))),
      })),
    },
  };
}

async function modeOf(engine: Engine, members: readonly Described[], rows: Sql): Promise<Union['mode']> {
  const keys = (d: Described): string => JSON.stringify(d.key_columns.map(k => k.toLowerCase()));
  if (members.some(d => d.system_id !== members[0]!.system_id || keys(d) !== keys(members[0]!) || d.key_columns.length === 0)) return 'apart';
  const { twice, common } = await engine.row<{ twice: number; common: number }>(
    'exposure.united_keys',
    sql`select count(*) filter (where most > 1)::bigint as twice, count(*) filter (where n > 1)::bigint as common
      from (select key, count(*) as n, count(*) - count(distinct i) + 1 as most from (${rows}) group by key)`,
  );
  if (twice > 0) return 'apart';
  return common === 0 && members.every(d => d.as_of_us === members[0]!.as_of_us) ? 'parts' : 'snapshots';
}

/**
 * Give every claim on a union back to its members, each with the records and columns it has, and write `snapshot_shadow`: records of a member that a later one
 * holds as well, so that no figure counts them twice. Call when all tables of the stage are written.
 */
export async function splitUnions(engine: Engine, unions: readonly Union[]): Promise<void> {
  await engine.run('exposure.snapshot_shadow', sql`create or replace table snapshot_shadow (dataset_id varchar, row_no bigint)`);
  if (unions.length === 0) return;
  const claims = await engine.rows<{ claim_id: string; dataset_id: string }>(
    'exposure.united_claims',
    sql`select claim_id, dataset_id from claim where dataset_id in (${sql.join(unions.map(u => sql`${u.id}`))}) order by claim_id`,
  );
  const { step } = await engine.row<{ step: number }>(
    'exposure.united_colsets',
    sql`select coalesce(max(colset_id), 0) + 1 as step from (select colset_id from colset union all select colset_id from contact_row union all select colset_id from claim_count)`,
  );
  await engine.load(
    'split_claim',
    [
      { name: 'claim_id', type: 'VARCHAR' },
      { name: 'union_id', type: 'VARCHAR' },
      { name: 'member_id', type: 'VARCHAR' },
      { name: 'member', type: 'INTEGER' },
      { name: 'new_id', type: 'VARCHAR' },
      { name: 'last', type: 'BOOLEAN' },
    ],
    claims.flatMap(c => {
      const { members } = unions.find(u => u.id === c.dataset_id)!;
      return members.map((m, i) => [c.claim_id, c.dataset_id, m.id, i + 1, contentId('claim', { claim: c.claim_id, dataset: m.id }), i === members.length - 1]);
    }),
  );
  await engine.load(
    'split_column',
    [
      { name: 'union_id', type: 'VARCHAR' },
      { name: 'member_id', type: 'VARCHAR' },
      { name: 'member', type: 'INTEGER' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'own_no', type: 'INTEGER' },
    ],
    unions.flatMap(u => u.members.flatMap((m, i) => [...m.columns].map(([no, own]) => [u.id, m.id, i + 1, no, own]))),
  );
  const rows = sql`join split_claim p using (claim_id) join snapshot_row s on s.dataset_id = p.union_id and s.member_id = p.member_id and s.row_no = t.row_no`;
  const colset = sql`t.colset_id + p.member * ${sql.lit(step)}::integer`;
  const replaced = async (table: string, columns: Sql, joins: Sql, mine: Sql = sql`claim_id in (select claim_id from split_claim)`): Promise<void> => {
    const name = sql.id(table);
    await engine.run(
      'exposure.split',
      sql`create or replace table ${name} as select * from ${name} where not coalesce(${mine}, false) union all select ${columns} from ${name} t ${joins}`,
    );
  };
  const any = sql`join split_claim p using (claim_id)`;
  await replaced('claim_row', sql`p.new_id, s.member_row, ${colset}, t.tier_lower, t.tier_upper`, rows);
  await replaced('claim_row_source', sql`p.new_id, s.member_row, t.event_id, t.request_id`, rows);
  await replaced(
    'contact_row',
    sql`p.new_id, s.member_row, ${colset}, t.contact_lower, t.contact_upper`,
    sql`join split_claim p using (claim_id) left join snapshot_row s on s.dataset_id = p.union_id and s.member_id = p.member_id and s.row_no = t.row_no where t.row_no is null or s.member_row is not null`,
  );
  await replaced('claim_source', sql`p.new_id, t.event_id, t.request_id`, any);
  // How many were shown of the records of all snapshots together says of one of them only how many at most.
  await replaced('claim_count', sql`p.new_id, p.member_id, ${colset}, case when p.member = 1 and p.last then t.lower else 0 end, t.upper, t.scope`, any);
  if (await engine.hasTable('missing_record_cell'))
    await replaced(
      'missing_record_cell',
      sql`p.new_id, p.member_id, t.key, c.own_no, t.tier_upper`,
      sql`join split_claim p using (claim_id) join split_column c on c.union_id = p.union_id and c.member_id = p.member_id and c.column_no = t.column_no where p.last`,
    );
  await replaced(
    'colset',
    sql`t.colset_id + c.member * ${sql.lit(step)}::integer, c.member_id, c.own_no`,
    sql`join split_column c on c.union_id = t.dataset_id and c.column_no = t.column_no`,
    sql`dataset_id in (select union_id from split_column)`,
  );
  await replaced(
    'attempted',
    sql`c.member_id, c.own_no, t.events`,
    sql`join split_column c on c.union_id = t.dataset_id and c.column_no = t.column_no`,
    sql`dataset_id in (select union_id from split_column)`,
  );
  await replaced(
    'reachable',
    sql`p.member_id, (select list(c.own_no::bigint order by c.own_no) from split_column c where c.union_id = p.union_id and c.member_id = p.member_id), t.from_us, t.to_us, t.reason, p.new_id`,
    any,
  );
  await replaced('claim', sql`p.new_id, t.kind, p.member_id, t.must_tier, t.may_tier, t.rule, t.statement, t.premises, t.assumptions, t.contact`, any);
  await engine.run(
    'exposure.shadow',
    sql`insert into snapshot_shadow select a.member_id, a.member_row from snapshot_row a
      join (select distinct union_id, member_id, member from split_column) x on x.union_id = a.dataset_id and x.member_id = a.member_id
      where exists (select 1 from snapshot_row b join split_column y on y.union_id = b.dataset_id and y.member_id = b.member_id where b.dataset_id = a.dataset_id and b.row_no = a.row_no and y.member > x.member)`,
  );
  for (const t of ['split_claim', 'split_column']) await engine.run('exposure.drop_split', sql`drop table ${sql.id(t)}`);
}
