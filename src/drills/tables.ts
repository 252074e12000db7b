/** A table of the simulated system. Cells are texts as the database casts them; null is SQL NULL. */

export type ColumnType = 'int' | 'text' | 'bool' | 'date';
export type Row = (string | null)[];

export type Table = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly types: readonly ColumnType[];
  readonly key: string;
  /** Rows in physical order. */
  readonly rows: Row[];
};

export type Handle = Table & {
  column(name: string): number;
  /** Row by its key. */
  byKey(key: string): Row | undefined;
  /** Rows whose `column` equals `value`, in key order. */
  where(column: string, value: string): readonly Row[];
  /** All rows in the order of a column; ties by key. */
  ordered(column: string): readonly Row[];
  insert(row: Row): void;
  update(key: string, column: string, value: string | null): void;
  remove(key: string): void;
};

/** `id:int name:text …` → a table; the first column is the key. */
export function createTable(name: string, declaration: string, rows: Row[] = []): Handle {
  const pairs = declaration.split(' ').map(p => p.split(':') as [string, ColumnType]);
  const columns = pairs.map(p => p[0]);
  const types = pairs.map(p => p[1]);
  const positions = new Map(columns.map((c, i) => [c, i]));
  const keyIndex = new Map<string, Row>(rows.map(r => [r[0]!, r]));
  const indexes = new Map<string, Map<string, Row[]>>();
  const orders = new Map<string, Row[]>();

  function column(c: string): number {
    const i = positions.get(c);
    if (i === undefined) throw new Error(`no column ${name}.${c}`);
    return i;
  }
  function changed(): void {
    indexes.clear();
    orders.clear();
  }
  return {
    name,
    columns,
    types,
    key: columns[0]!,
    rows,
    column,
    byKey: key => keyIndex.get(key),
    where(c, value) {
      let index = indexes.get(c);
      if (!index) {
        index = new Map();
        const i = column(c);
        for (const row of rows) {
          const v = row[i];
          if (v === null || v === undefined) continue;
          const list = index.get(v);
          if (list) list.push(row);
          else index.set(v, [row]);
        }
        indexes.set(c, index);
      }
      return index.get(value) ?? [];
    },
    ordered(c) {
      let list = orders.get(c);
      if (!list) {
        const i = column(c);
        const numeric = types[i] === 'int';
        const compare = (a: Row, b: Row): number => {
          const x = a[i]!,
            y = b[i]!;
          if (x === y) return +a[0]! - +b[0]!;
          if (x === null || y === null) return x === null ? 1 : -1;
          return numeric ? +x - +y : x < y ? -1 : 1;
        };
        orders.set(c, (list = [...rows].sort(compare)));
      }
      return list;
    },
    insert(row) {
      rows.push(row);
      keyIndex.set(row[0]!, row);
      changed();
    },
    update(key, c, value) {
      const row = keyIndex.get(key);
      if (row) row[column(c)] = value;
      changed();
    },
    remove(key) {
      const row = keyIndex.get(key);
      if (!row) return;
      rows.splice(rows.indexOf(row), 1);
      keyIndex.delete(key);
      changed();
    },
  };
}

/** UTF-8 bytes of a text as a JSON string without its quotes. */
export function jsonBytes(text: string): number {
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) n += c === 0x22 || c === 0x5c ? 2 : c < 0x20 ? (c === 10 || c === 13 || c === 9 || c === 8 || c === 12 ? 2 : 6) : 1;
    else if (c < 0x800) n += 2;
    else if (c >= 0xd800 && c < 0xdc00) {
      n += 4;
      i++;
    } else n += 3;
  }
  return n;
}

/** UTF-8 bytes of `{"col":value,…}` for some columns of a row. */
export function rowBytes(table: Table, row: Row, positions: readonly number[]): number {
  let n = 1 + positions.length;
  for (const p of positions) {
    const value = row[p];
    n += table.columns[p]!.length + 3;
    n +=
      value === null || value === undefined
        ? 4
        : table.types[p] === 'int'
          ? value.length
          : table.types[p] === 'bool'
            ? value === 't'
              ? 4
              : 5
            : jsonBytes(value) + 2;
  }
  return n;
}
