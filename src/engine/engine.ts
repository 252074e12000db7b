import { BIGINT, type DuckDBConnection, DuckDBInstance, type DuckDBResult, type DuckDBValue, LIST, VARCHAR } from '@duckdb/node-api';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder, sql } from 'kysely';
import { QueryError } from '../base/index.ts';

export { sql };
export type Sql = RawBuilder<unknown>;

/** A value as it leaves the engine: whole numbers as number when exact, else bigint; timestamps as micros; lists as arrays. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | { [key: string]: Value };
export type Row = Record<string, Value>;

const printer = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** The text and bound values of a fragment, as golden tests show it. */
export function compileSql(fragment: Sql): { sql: string; parameters: readonly unknown[] } {
  const { sql: text, parameters } = fragment.compile(printer);
  return { sql: text, parameters };
}

export type EngineOptions = {
  /** Database file, or `:memory:`. */
  readonly file: string;
  readonly threads: number;
  /** DuckDB size text, e.g. `4GB`. */
  readonly memory?: string;
  /** Where DuckDB may spill. */
  readonly tempDirectory?: string;
};

/** One open DuckDB database: the only place that talks to it. Session zone is UTC; nothing is ever installed or downloaded. */
export class Engine {
  private readonly instance: DuckDBInstance;
  private readonly connection: DuckDBConnection;
  /** The step that is being streamed: another query would end it without a word. */
  private streaming: string | null = null;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.instance = instance;
    this.connection = connection;
  }

  static async open(options: EngineOptions): Promise<Engine> {
    const config: Record<string, string> = {
      threads: String(options.threads),
      memory_limit: options.memory ?? '3GB',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      preserve_insertion_order: 'false',
    };
    if (options.tempDirectory) config['temp_directory'] = options.tempDirectory;
    const instance = await DuckDBInstance.create(options.file, config);
    const connection = await instance.connect();
    await connection.run(`set TimeZone = 'UTC'`);
    // The same parts are opened dozens of times.
    await connection.run('set parquet_metadata_cache = true');
    return new Engine(instance, connection);
  }

  /** Run one named step for its effect; resolves to the number of rows changed or returned. */
  async run(step: string, fragment: Sql): Promise<number> {
    return (await this.execute(step, fragment)).rowsChanged;
  }

  private async execute(step: string, fragment: Sql): Promise<DuckDBResult> {
    this.assertFree(step);
    const { sql: text, parameters } = compileSql(fragment);
    try {
      return await this.connection.run(text, parameters.map(bindable));
    } catch (cause) {
      throw new QueryError(step, text, { cause });
    }
  }

  private assertFree(step: string): void {
    if (this.streaming !== null) throw new Error(`${step}: ${this.streaming} is still being streamed on this connection; use a reader`);
  }

  /** All rows of one named step. For results that are shown, written out or small; big ones go through `stream`. */
  async rows<T extends object = Row>(step: string, fragment: Sql): Promise<T[]> {
    const out: T[] = [];
    for await (const batch of batchesOf<T>(await this.execute(step, fragment))) for (const row of batch) out.push(row);
    return out;
  }

  /** The only row of a step. */
  async row<T extends object = Row>(step: string, fragment: Sql): Promise<T> {
    const rows = await this.rows<T>(step, fragment);
    if (rows.length !== 1) throw new Error(`${step}: ${rows.length} rows, expected 1`);
    return rows[0]!;
  }

  /** Is there a table or a view of this name? An earlier stage may not have run, or had nothing to write. */
  async hasTable(name: string): Promise<boolean> {
    const found = await this.rows('engine.has_table', sql`select 1 as one from information_schema.tables where table_name = ${name} limit 1`);
    return found.length > 0;
  }

  /** Rows in batches of about 2,048, without holding them all. Until the last one nothing else can run on this connection. */
  async *stream<T extends object = Row>(step: string, fragment: Sql): AsyncGenerator<T[]> {
    this.assertFree(step);
    const { sql: text, parameters } = compileSql(fragment);
    this.streaming = step;
    try {
      yield* batchesOf<T>(await this.connection.stream(text, parameters.map(bindable)));
    } catch (cause) {
      if (cause instanceof QueryError) throw cause;
      throw new QueryError(step, text, { cause });
    } finally {
      this.streaming = null;
    }
  }

  /** Replace a table by typed columns of values, through the appender (fast, nothing bound as text). */
  async load(table: string, columns: readonly ColumnSpec[], rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>): Promise<number> {
    const definition = sql.join(columns.map(c => sql`${sql.id(c.name)} ${sql.raw(c.type)}`));
    await this.run(`load.${table}`, sql`create or replace table ${sql.id(table)} (${definition})`);
    return this.append(table, columns, rows);
  }

  /** Append rows to a table made with the same columns. */
  async append(table: string, columns: readonly ColumnSpec[], rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>): Promise<number> {
    this.assertFree(`append.${table}`);
    const appender = await this.connection.createAppender(table);
    let n = 0;
    for await (const row of rows) {
      for (let i = 0; i < columns.length; i++) appendValue(appender, columns[i]!.type, row[i]);
      appender.endRow();
      if (++n % 100_000 === 0) appender.flushSync();
    }
    appender.closeSync();
    return n;
  }

  /** `body` inside one transaction; rolled back when it throws. */
  async transaction<T>(body: () => Promise<T>): Promise<T> {
    await this.connection.run('begin');
    try {
      const value = await body();
      await this.connection.run('commit');
      return value;
    } catch (error) {
      await this.connection.run('rollback');
      throw error;
    }
  }

  /** Another connection to the same database, for a reader that runs beside this one. */
  async reader(): Promise<Engine> {
    const connection = await this.instance.connect();
    await connection.run(`set TimeZone = 'UTC'`);
    return new Engine(this.instance, connection);
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

export type ColumnType =
  | 'VARCHAR'
  | 'BIGINT'
  | 'UBIGINT'
  | 'INTEGER'
  | 'UINTEGER'
  | 'TINYINT'
  | 'UTINYINT'
  | 'USMALLINT'
  | 'DOUBLE'
  | 'BOOLEAN'
  | 'VARCHAR[]'
  | 'BIGINT[]';
export type ColumnSpec = { readonly name: string; readonly type: ColumnType };

async function* batchesOf<T extends object>(result: DuckDBResult): AsyncGenerator<T[]> {
  const names = result.deduplicatedColumnNames();
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    const columns = names.map((_, i) => chunk.getColumnValues(i));
    const batch: T[] = [];
    for (let r = 0; r < chunk.rowCount; r++) {
      const row: Row = {};
      for (let c = 0; c < names.length; c++) row[names[c]!] = plain(columns[c]![r] ?? null);
      batch.push(row as T);
    }
    yield batch;
  }
}

type Appender = Awaited<ReturnType<DuckDBConnection['createAppender']>>;

function appendValue(appender: Appender, type: ColumnType, value: unknown): void {
  if (value === null || value === undefined) return appender.appendNull();
  switch (type) {
    case 'VARCHAR':
      return appender.appendVarchar(value as string);
    case 'BIGINT':
      return appender.appendBigInt(BigInt(value as number));
    case 'UBIGINT':
      return appender.appendUBigInt(BigInt(value as number));
    case 'INTEGER':
      return appender.appendInteger(value as number);
    case 'UINTEGER':
      return appender.appendUInteger(value as number);
    case 'TINYINT':
      return appender.appendTinyInt(value as number);
    case 'UTINYINT':
      return appender.appendUTinyInt(value as number);
    case 'USMALLINT':
      return appender.appendUSmallInt(value as number);
    case 'DOUBLE':
      return appender.appendDouble(value as number);
    case 'BOOLEAN':
      return appender.appendBoolean(value as boolean);
    case 'VARCHAR[]':
      return appender.appendList(value as string[], LIST(VARCHAR));
    case 'BIGINT[]':
      return appender.appendList((value as number[]).map(BigInt), LIST(BIGINT));
  }
}

function bindable(value: unknown): DuckDBValue {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) > 0x7fffffff) return BigInt(value);
  return value as DuckDBValue;
}

function plain(value: unknown): Value {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(plain);
  const object = value as { micros?: bigint; items?: unknown; entries?: unknown; bytes?: Uint8Array };
  if (typeof object.micros === 'bigint') return Number(object.micros);
  if (Array.isArray(object.items)) return object.items.map(plain);
  if (object.bytes instanceof Uint8Array) return object.bytes;
  if (object.entries && typeof object.entries === 'object' && !Array.isArray(object.entries)) {
    return Object.fromEntries(Object.entries(object.entries).map(([k, v]) => [k, plain(v)]));
  }
  return String(value);
}
