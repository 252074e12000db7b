import { type ColumnSpec, type Engine, sql } from '../../engine/index.ts';
import { classify } from './classify.ts';
import type { Column } from './compile.ts';
import { addressHex } from './transform.ts';

/** An event that is a tree or a flat record: JSON, EVTX, cloud logs. */
export type Document = {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly data: unknown;
  readonly eventId?: number;
  readonly atUs?: number | null;
};

/** Values of a document by lower-case field name; lists keep every element. */
export type Fields = Map<string, string | string[]>;

const maxDepth = 12;
const maxFields = 2_000;

/** All leaves of a tree under their dotted path; lists lend their elements to the path of the list. */
export function flatten(data: unknown): Fields {
  const out: Fields = new Map();
  const put = (key: string, value: string): void => {
    const known = out.get(key);
    if (known === undefined) {
      if (out.size < maxFields) out.set(key, value);
    } else out.set(key, Array.isArray(known) ? [...known, value] : [known, value]);
  };
  const walk = (node: unknown, path: string, depth: number): void => {
    if (node === null || node === undefined) return;
    if (Array.isArray(node)) {
      for (const x of node) walk(x, path, depth + 1);
      return;
    }
    if (typeof node === 'object') {
      if (depth > maxDepth) {
        put(path, JSON.stringify(node));
        return;
      }
      for (const [k, v] of Object.entries(node)) walk(v, path === '' ? k.toLowerCase() : `${path}.${k.toLowerCase()}`, depth + 1);
      return;
    }
    put(path, String(node));
  };
  walk(data, '', 0);
  return out;
}

const base: readonly ColumnSpec[] = [
  { name: 'doc_no', type: 'BIGINT' },
  { name: 'event_id', type: 'BIGINT' },
  { name: 'at_us', type: 'BIGINT' },
  { name: 'file', type: 'VARCHAR' },
  { name: 'line', type: 'BIGINT' },
  { name: 'text', type: 'VARCHAR' },
  { name: 'message', type: 'VARCHAR' },
  { name: 'message_l', type: 'VARCHAR' },
  { name: 'product', type: 'VARCHAR' },
  { name: 'category', type: 'VARCHAR' },
  { name: 'service', type: 'VARCHAR' },
];

/**
 * Load documents into one wide table with a column (and a lower-case twin) for every field that a rule uses. Fields that hold several
 * values in any document become list columns. Lower case is JavaScript's.
 */
export async function loadDocuments(
  engine: Engine,
  table: string,
  documents: AsyncIterable<Document> | Iterable<Document>,
  used: readonly string[],
): Promise<{ rows: number; resolve: (field: string) => readonly Column[] }> {
  const names = [...new Set(used.map(fieldKey))].sort();
  const columns: ColumnSpec[] = [
    ...base,
    ...names.flatMap((_, i): ColumnSpec[] => [
      { name: `f${i}`, type: 'VARCHAR' },
      { name: `l${i}`, type: 'VARCHAR' },
    ]),
  ];
  const lists = new Set<number>();
  const present = new Set<number>();
  async function* rows(): AsyncGenerator<readonly unknown[]> {
    let n = 0;
    for await (const d of documents) {
      const fields = flatten(d.data);
      const scope = classify(fields);
      const values = [...new Set([...fields.values()].flat())].join('\n');
      const message = d.text.startsWith('{') || d.text === '' ? `${d.text}\n${values}` : d.text;
      const row: unknown[] = [
        n++,
        d.eventId ?? n,
        d.atUs ?? timeOf(fields),
        d.file,
        d.line,
        d.text,
        message,
        message.toLowerCase(),
        scope.product,
        wrap(scope.categories),
        wrap(scope.services),
      ];
      names.forEach((name, i) => {
        const value = fields.get(name);
        if (value !== undefined) present.add(i);
        if (Array.isArray(value)) {
          lists.add(i);
          const joined = value.join(separator);
          row.push(joined, joined.toLowerCase());
        } else row.push(value ?? null, value?.toLowerCase() ?? null);
      });
      yield row;
    }
  }
  const count = await engine.load(table, columns, rows());
  const byName = new Map(names.map((n, i) => [n, i]));
  return {
    rows: count,
    resolve: field => {
      const i = byName.get(fieldKey(field));
      if (i === undefined || !present.has(i)) return [];
      const expr = sql.id(`f${i}`);
      return lists.has(i) ? [{ type: 'list', expr: sql`string_split(${expr}, ${sql.lit(separator)})` }] : [{ type: 'text', expr, lowered: sql.id(`l${i}`) }];
    },
  };
}

const separator = '\u001f';

/** Rule and data names meet without case, and without the blanks some event data carries. */
export function fieldKey(name: string): string {
  return name.toLowerCase().replaceAll(' ', '');
}

function wrap(names: readonly string[]): string {
  return `,${names.join(',')},`;
}

const timeFields = [
  'timecreated.systemtime',
  'utctime',
  'eventtime',
  '@timestamp',
  'timestamp',
  'time',
  'published',
  'creationtime',
  'createddatetime',
  'activitydatetime',
];

function timeOf(fields: Fields): number | null {
  for (const name of timeFields) {
    const value = fields.get(name);
    if (typeof value !== 'string') continue;
    const us = Date.parse(/^\d{4}-\d\d-\d\d \d/.test(value) ? `${value.replace(' ', 'T')}Z` : value) * 1000;
    if (Number.isFinite(us)) return us;
  }
  return null;
}

/** Every address that stands in a column, with its place among all addresses, so that networks are ranges. */
export async function loadAddresses(engine: Engine, table: string, values: AsyncIterable<string> | Iterable<string>): Promise<void> {
  async function* rows(): AsyncGenerator<readonly unknown[]> {
    for await (const v of values) {
      const hex = addressHex(v);
      if (hex !== null) yield [v, hex];
    }
  }
  await engine.load(
    table,
    [
      { name: 'address', type: 'VARCHAR' },
      { name: 'hex', type: 'VARCHAR' },
    ],
    rows(),
  );
}
