import type { Answer, Call, Injected, Shown } from '../exchange.ts';
import type { Statement } from '../logs/database-log.ts';
import { columns } from '../statements.ts';
import { jsonBytes, type Row } from '../tables.ts';
import { openCarrier } from './carrier.ts';
import type { Frame } from './frame.ts';

/** The two endpoints that paste text into SQL, and what they answer to an injection. */
export function quotePages(frame: Frame) {
  const { style, dialect, took, url, answer, call, pageBytes, positionsOf, sql, tables } = frame;
  const searchCache = new Map<string, Row[]>();
  function searchRows(q: string): Row[] {
    let rows = searchCache.get(q);
    if (!rows) {
      const name = tables.quotes.column('name');
      const open = tables.quotes.column('status_public');
      rows = [];
      for (const r of tables.quotes.ordered('id')) {
        if (r[open] === 't' && r[name]!.includes(q)) rows.push(r);
        if (rows.length === 20) break;
      }
      searchCache.set(q, rows);
    }
    return rows;
  }
  /** The answer of one of the two endpoints that paste text into SQL. `base` are the rows without injection. */
  function injectable(
    endpoint: string,
    base: readonly Row[],
    columns: readonly string[],
    sqlText: string,
    reflected: string,
    injected: Injected | null,
  ): Answer {
    const positions = positionsOf(tables.quotes, columns);
    const echo = style.reflects ? jsonBytes(reflected) + 6 : 0;
    const statement = (rows: number, error?: Statement['error']): Statement => ({ sql: sqlText, params: null, rows, ...(error && { error }) });
    const found = (rows: readonly Row[]): Answer =>
      answer(
        endpoint,
        rows.length || style.missing === 200 || endpoint === 'search' ? 200 : 404,
        pageBytes(tables.quotes, rows, positions) + echo,
        [statement(rows.length)],
        rows.length ? [{ table: tables.quotes, rows, columns }] : [],
      );
    if (injected === null) return found(base);
    switch (injected.does) {
      case 'filter':
        if (injected.otherwise === 'error') {
          const failed = answer(endpoint, 500, 12 + jsonBytes('internal error'), [
            statement(0, { state: '21000', message: 'more than one row returned by a subquery used as an expression', atParse: false }),
          ]);
          return injected.holds ? { ...found(base), other: failed } : { ...failed, other: found(base) };
        }
        if (injected.otherwise === 'all') {
          const all = endpoint === 'search' ? searchRows('') : tables.quotes.ordered('id');
          return { ...found(injected.holds ? base : all), other: { bytes: found(injected.holds ? all : base).bytes, tookUs: took() } };
        }
        return { ...found(injected.holds ? base : []), other: { bytes: found(injected.holds ? [] : base).bytes, tookUs: took() } };
      case 'sleep': {
        const a = injected.apart === true && dialect === 'postgresql' ? { ...found(base), statements: [statement(base.length), statement(1)] } : found(base);
        const slow = injected.delayUs + took(4000) * 2;
        return { ...a, tookUs: injected.holds ? slow : a.tookUs, other: { bytes: a.bytes, tookUs: injected.holds ? a.tookUs : slow } };
      }
      case 'error': {
        const text = injected.visible ? injected.message : 'internal error';
        return answer(endpoint, 500, 12 + jsonBytes(text), [statement(0, { state: injected.state, message: injected.message, atParse: injected.atParse })]);
      }
      case 'union': {
        const kept = injected.replaces ? [] : base;
        let bytes = pageBytes(tables.quotes, kept, positions) + echo;
        for (const values of injected.values)
          bytes +=
            2 +
            columns.length +
            values.reduce((n, v, i) => n + columns[i]!.length + 3 + (v === null ? 4 : columns[i] === 'id' ? v.length : jsonBytes(v) + 2), 0);
        if (kept.length === 0 && injected.values.length) bytes--;
        const shown: Shown[] = kept.length ? [{ table: tables.quotes, rows: kept, columns }] : [];
        if (injected.shown?.rows.length) shown.push(injected.shown);
        return answer(endpoint, 200, bytes, [statement(kept.length + injected.values.length)], shown);
      }
    }
  }
  const { travelling, carry } = openCarrier(frame);
  const syntaxError = (near: string): Injected =>
    dialect === 'mysql'
      ? { does: 'error', state: '42000', visible: false, atParse: true, message: `You have an error in your SQL syntax near '${near}'` }
      : { does: 'error', state: '42601', visible: false, atParse: true, message: `syntax error at or near "${near}"` };

  return {
    syntaxError,
    /** Search in quotes. `value` is what stands between the quotes of the statement. */
    search: (value: string, injected: Injected | null = null, base = value): Call => {
      const query = `${style.searchParameter}=${travelling(value, injected !== null)}`;
      const run = (): Answer => {
        const broken = injected === null && value.includes("'") ? syntaxError(value.slice(value.indexOf("'") + 1).split(/\W/)[0] || '%') : injected;
        return injectable('search', broken?.does === 'error' ? [] : searchRows(base), columns.search, sql.search[0] + value + sql.search[1], value, broken);
      };
      return style.bodies
        ? call('POST', '/quotes/search', run, 330 + query.length, url('/quotes/new'))
        : carry('/quotes/search', style.searchParameter, value, injected !== null, run);
    },
    /** State of one quote. The number is pasted into the statement. */
    status: (value: string, injected: Injected | null = null, base = value): Call =>
      carry('/quotes/status', 'id', value, injected !== null, () => {
        const row = tables.quotes.byKey(base);
        return injectable('status', row ? [row] : [], columns.status, sql.status[0] + value + sql.status[1], value, injected);
      }),
  };
}
