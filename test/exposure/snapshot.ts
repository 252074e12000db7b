import { Engine, sql } from '../../src/engine/index.ts';

export type Table = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly key?: readonly string[];
};

/** An engine in memory with data sets as the events stage leaves them. */
export async function snapshotEngine(tables: readonly Table[]): Promise<Engine> {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  await loadSnapshot(engine, tables);
  return engine;
}

export async function loadSnapshot(engine: Engine, tables: readonly Table[]): Promise<void> {
  await engine.load(
    'dataset',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'table_name', type: 'VARCHAR' },
      { name: 'system_id', type: 'VARCHAR' },
      { name: 'rows', type: 'BIGINT' },
      { name: 'as_of_us', type: 'BIGINT' },
      { name: 'role_spec', type: 'VARCHAR' },
      { name: 'key_columns', type: 'VARCHAR[]' },
    ],
    tables.map(t => [t.name, t.name, null, t.rows.length, null, '{"constant":"other"}', [...(t.key ?? ['id'])]]),
  );
  await engine.load(
    'dataset_column',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'name', type: 'VARCHAR' },
    ],
    tables.flatMap(t => t.columns.map((name, i) => [t.name, i, name])),
  );
  for (const t of tables) {
    await engine.load(
      `data_${t.name}`,
      [{ name: 'row_no', type: 'BIGINT' }, { name: 'key', type: 'VARCHAR' }, ...t.columns.map(name => ({ name, type: 'VARCHAR' as const }))],
      t.rows.map((r, i) => [i, (t.key ?? ['id']).map(k => r[t.columns.indexOf(k)] ?? '').join('|'), ...r]),
    );
  }
  await engine.run('test.actor', sql`create table if not exists actor_event (actor_id varchar, event_id bigint, certainty varchar, reason varchar)`);
}
