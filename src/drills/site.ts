import { MINUTE, type Micros } from '../base/index.ts';
import type { Answer, Call, Client, Dialected, Injected, Shown, Style } from './exchange.ts';
import type { Statement } from './logs/database-log.ts';
import type { Random } from './random.ts';
import { columns, markOf, statementsOf } from './statements.ts';
import { type Handle, jsonBytes, type Row, rowBytes } from './tables.ts';
import type { World } from './worlds/insurer.ts';

export type Site = ReturnType<typeof createSite>;

/** Percent-encode as browsers and tools do; apostrophes too when `all`. */
export function encodeQuery(text: string, all = true): string {
  const e = encodeURIComponent(text);
  return all ? e.replace(/['()*!]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`) : e;
}

/** The web application over the world's tables. Every answer is worked out from the rows, so that size, log and truth agree. */
export function createSite(world: World, style: Style, dialect: Dialected, random: Random) {
  const jitter = random.fork('jitter');
  const { customers, bank_accounts: accounts, claims, victims, quotes, agents } = world.tables as Record<string, Handle>;
  const took = (base = 2500): Micros => base + Math.floor(jitter.exponential(1800));
  const pad = (): number => jitter.int(0, 3);
  const url = (path: string): string => style.base + path;
  const answer = (endpoint: string, status: number, bytes: number, statements: Statement[] = [], shown: Shown[] = [], type = 'application/json'): Answer => ({
    endpoint,
    status,
    bytes: style.compressed ? squeezed(bytes) : bytes,
    tookUs: took(statements.length ? 3000 : 900),
    type,
    statements,
    shown,
  });
  /** About what gzip leaves of text like this: a head, a third of the rest, and some noise. */
  const squeezed = (bytes: number): number => (bytes < 150 ? bytes : 96 + Math.round((bytes - 150) * 0.36) + jitter.int(0, 6));
  const call = (method: string, path: string, run: (c: Client) => Answer, bytesIn = 380, referer = '-'): Call => ({
    method,
    target: url(path),
    bytesIn: bytesIn + path.length,
    referer,
    run,
  });
  const guarded =
    (run: (c: Client) => Answer) =>
    (c: Client): Answer =>
      c.user === null ? answer('redirect', 302, 5, [], [], 'text/html') : run(c);

  /** A JSON answer of rows: `{"items":[…],"token":"…"}`; the token's length varies. */
  const pageBytes = (table: Handle, rows: readonly Row[], positions: readonly number[]): number => {
    let n = 33 + Math.max(0, rows.length - 1) + pad();
    for (const r of rows) n += rowBytes(table, r, positions);
    return n;
  };
  const positionsOf = (table: Handle, columns: readonly string[]): number[] => columns.map(c => table.column(c));

  const sql = statementsOf(style, dialect);
  const mark = (n: number): string => markOf(dialect, n);

  const searchCache = new Map<string, Row[]>();
  /** Rows of an export; emptied when rows come or go. */
  const exportCache = new Map<string, Row[]>();
  function searchRows(q: string): Row[] {
    let rows = searchCache.get(q);
    if (!rows) {
      const name = quotes!.column('name');
      const open = quotes!.column('status_public');
      rows = [];
      for (const r of quotes!.ordered('id')) {
        if (r[open] === 't' && r[name]!.includes(q)) rows.push(r);
        if (rows.length === 20) break;
      }
      searchCache.set(q, rows);
    }
    return rows;
  }
  const branchRows = (branch: string): readonly Row[] => customers!.where('branch', branch);

  /** The answer of one of the two endpoints that paste text into SQL. `base` are the rows without injection. */
  function injectable(
    endpoint: string,
    base: readonly Row[],
    columns: readonly string[],
    sqlText: string,
    reflected: string,
    injected: Injected | null,
  ): Answer {
    const positions = positionsOf(quotes!, columns);
    const echo = style.reflects ? jsonBytes(reflected) + 6 : 0;
    const statement = (rows: number, error?: Statement['error']): Statement => ({ sql: sqlText, params: null, rows, ...(error && { error }) });
    const found = (rows: readonly Row[]): Answer =>
      answer(
        endpoint,
        rows.length || style.missing === 200 || endpoint === 'search' ? 200 : 404,
        pageBytes(quotes!, rows, positions) + echo,
        [statement(rows.length)],
        rows.length ? [{ table: quotes!, rows, columns }] : [],
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
          const all = endpoint === 'search' ? searchRows('') : quotes!.ordered('id');
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
        let bytes = pageBytes(quotes!, kept, positions) + echo;
        for (const values of injected.values)
          bytes +=
            2 +
            columns.length +
            values.reduce((n, v, i) => n + columns[i]!.length + 3 + (v === null ? 4 : columns[i] === 'id' ? v.length : jsonBytes(v) + 2), 0);
        if (kept.length === 0 && injected.values.length) bytes--;
        const shown: Shown[] = kept.length ? [{ table: quotes!, rows: kept, columns }] : [];
        if (injected.shown?.rows.length) shown.push(injected.shown);
        return answer(endpoint, 200, bytes, [statement(kept.length + injected.values.length)], shown);
      }
    }
  }
  /** The parameter text as it travels, given what the application shall see. */
  const travelling = (value: string, all: boolean): string =>
    style.encoding === 'base64'
      ? encodeQuery(Buffer.from(value, 'utf8').toString('base64'))
      : style.encoding === 'base64url'
        ? Buffer.from(value, 'utf8').toString('base64url')
        : style.encoding === 'json'
          ? encodeQuery(JSON.stringify({ filter: { value } }))
          : !all
            ? encodeQuery(value, all)
            : style.encoding === 'double'
              ? encodeQuery(encodeQuery(value))
              : style.encoding === 'triple'
                ? encodeQuery(encodeQuery(encodeQuery(value)))
                : style.encoding === 'percent-u'
                  ? value.replace(/[^\w]/g, ch => `%u${ch.charCodeAt(0).toString(16).padStart(4, '0')}`)
                  : encodeQuery(value, all);
  /** A call whose value goes in by the carrier: the parameter of `path`, a segment after it, or a header of a page beside it. */
  const carry = (path: string, parameter: string, value: string, injected: boolean, run: (c: Client) => Answer): Call => {
    const text = travelling(value, injected);
    if (!injected || style.carrier === 'parameter') return call('GET', `${path}?${parameter}=${text}`, run, 330, url('/quotes/new'));
    const made = call('GET', style.carrier === 'path' ? `${path}/${text}` : `${path}/latest`, run, 330, url('/quotes/new'));
    switch (style.carrier) {
      case 'path':
        return made;
      case 'referer':
        return { ...made, headers: { referer: `https://www.example.net/find?from=${text}` } };
      case 'user-agent':
        return { ...made, headers: { userAgent: value } };
      case 'forwarded':
        return { ...made, headers: { forwarded: value } };
      case 'cookie':
        return { ...made, headers: { cookie: `recent=${text}` } };
    }
  };
  const syntaxError = (near: string): Injected =>
    dialect === 'mysql'
      ? { does: 'error', state: '42000', visible: false, atParse: true, message: `You have an error in your SQL syntax near '${near}'` }
      : { does: 'error', state: '42601', visible: false, atParse: true, message: `syntax error at or near "${near}"` };

  return {
    style,
    world,
    sql,
    dialect,
    jitter,
    syntaxError,
    columns,
    loginForm: (): Call => call('GET', '/login', () => answer('login-form', 200, 812 + pad(), [], [], 'text/html')),
    login: (login: string, password: string): Call =>
      call(
        'POST',
        '/login',
        c => {
          const row = agents!.where('login', login)[0];
          const good = row !== undefined && row[agents!.column('password')] === password;
          if (good) {
            c.user = login;
            c.branch = row[agents!.column('branch')]!;
            c.sid = jitter.text(24, '0123456789abcdef');
          }
          return answer('login', good ? 302 : 401, good ? 5 : 51, [{ sql: sql.login, params: [login, password], rows: good ? 1 : 0 }], [], 'text/html');
        },
        420,
        url('/login'),
      ),
    menu: (): Call =>
      call(
        'GET',
        '/menu',
        guarded(() => answer('menu', 200, 1533 + pad(), [], [], 'text/html')),
        400,
        url('/login'),
      ),
    /** `fresh` false: the browser already has it. */
    asset: (path: string, bytes: number, referer = '-', fresh = true): Call =>
      call(
        'GET',
        path,
        () =>
          answer(
            'asset',
            fresh ? 200 : 304,
            fresh ? bytes : 0,
            [],
            [],
            path.endsWith('.css') ? 'text/css' : path.endsWith('.js') ? 'text/javascript' : 'image/png',
          ),
        300,
        referer,
      ),
    health: (): Call => ({ method: 'GET', target: '/healthz', bytesIn: 120, referer: '-', run: () => answer('health', 200, 2, [], [], 'text/plain') }),
    /** Anything that is not there. Before a sign-in the application redirects, afterwards it says 404. */
    unknown: (target: string, method = 'GET', bytesIn = 300): Call => ({
      method,
      target,
      bytesIn,
      referer: '-',
      run: () => answer('unknown', 404, 153, [], [], 'text/html'),
    }),
    raw: (method: string, target: string, bytesIn: number, run: (c: Client) => Answer): Call => ({ method, target, bytesIn, referer: '-', run }),
    answer,
    list: (page: number): Call =>
      call(
        'GET',
        `/customers?page=${page}`,
        guarded(c => {
          const offset = (page - 1) * style.pageSize;
          const rows = branchRows(c.branch!).slice(offset, offset + style.pageSize);
          return answer(
            'list',
            200,
            pageBytes(customers!, rows, positionsOf(customers!, columns.list)),
            [{ sql: sql.list, params: [c.branch, String(offset)], rows: rows.length }],
            [{ table: customers!, rows, columns: columns.list }],
          );
        }),
        400,
        url('/menu'),
      ),
    detail: (id: string): Call =>
      call(
        'GET',
        `/customers/${id}`,
        guarded(() => {
          const row = customers!.byKey(id);
          const statements: Statement[] = [{ sql: sql.detail, params: [id], rows: row ? 1 : 0 }];
          return row
            ? answer('customer', 200, 14 + pad() + rowBytes(customers!, row, positionsOf(customers!, columns.detail)), statements, [
                { table: customers!, rows: [row], columns: columns.detail },
              ])
            : answer('customer', 404, 32, statements);
        }),
        400,
        url('/customers'),
      ),
    bank: (id: string): Call =>
      call(
        'GET',
        `/customers/${id}/bank`,
        guarded(() => {
          const rows = accounts!.where('customer_id', id);
          const statements: Statement[] = [{ sql: sql.bank, params: [id], rows: rows.length }];
          return rows.length
            ? answer('bank', 200, pageBytes(accounts!, rows, positionsOf(accounts!, columns.bank)), statements, [
                { table: accounts!, rows, columns: columns.bank },
              ])
            : answer('bank', 404, 32, statements);
        }),
        400,
        url(`/customers/${id}`),
      ),
    claimsOf: (id: string): Call =>
      call(
        'GET',
        `/customers/${id}/claims`,
        guarded(() => {
          const rows = claims!.where('customer_id', id);
          return answer(
            'claims',
            200,
            pageBytes(claims!, rows, positionsOf(claims!, columns.claim)),
            [{ sql: sql.claims, params: [id], rows: rows.length }],
            rows.length ? [{ table: claims!, rows, columns: columns.claim }] : [],
          );
        }),
        400,
        url(`/customers/${id}`),
      ),
    claim: (id: string): Call =>
      call(
        'GET',
        `/claims/${id}`,
        guarded(() => {
          const row = claims!.byKey(id);
          const others = row ? victims!.where('claim_id', id) : [];
          const statements: Statement[] = [{ sql: sql.claim, params: [id], rows: row ? Math.max(1, others.length) : 0 }];
          if (!row) return answer('claim', 404, 32, statements);
          const columns = ['id', 'accident_no', 'paid_amount'];
          return answer(
            'claim',
            200,
            pageBytes(claims!, [row], positionsOf(claims!, columns)) +
              others.reduce((n, v) => n + rowBytes(victims!, v, positionsOf(victims!, ['name', 'phone'])), 0),
            statements,
            [{ table: claims!, rows: [row], columns }, ...(others.length ? [{ table: victims!, rows: others, columns: ['name', 'phone'] }] : [])],
          );
        }),
        400,
        url('/claims'),
      ),
    kpi: (): Call =>
      call(
        'GET',
        '/kpi',
        guarded(() => answer('kpi', 200, 168 + pad(), [{ sql: sql.kpi, params: null, rows: 5 }])),
        400,
        url('/menu'),
      ),
    /** `delivered` < 1: the client hung up after that share of the bytes; only whole rows before that count as shown. */
    export: (from: string, to: string, delivered = 1): Call =>
      call(
        'GET',
        `/export/customers.csv?from=${from}&to=${to}`,
        guarded(c => {
          const at = customers!.column('created_at');
          const asked = `${c.branch} ${from} ${to}`;
          let rows = exportCache.get(asked);
          if (!rows)
            exportCache.set(
              asked,
              (rows = branchRows(c.branch!)
                .filter(r => r[at]! >= from && r[at]! <= to)
                .slice(0, 5000)),
            );
          const positions = positionsOf(customers!, columns.export);
          const rowLengths = rows.map(r => positions.length + positions.reduce((m, p) => m + Buffer.byteLength(r[p] ?? ''), 0));
          const whole = rowLengths.reduce((n, l) => n + l, 42);
          const bytes = Math.floor(whole * delivered);
          let shownRows = rows;
          if (delivered < 1) {
            let sum = 42;
            shownRows = rows.filter((_, i) => (sum += rowLengths[i]!) <= bytes);
          }
          return {
            ...answer(
              'export',
              delivered < 1 ? 499 : 200,
              bytes,
              [{ sql: sql.export, params: [c.branch, from, to], rows: rows.length }],
              shownRows.length ? [{ table: customers!, rows: shownRows, columns: columns.export }] : [],
              'text/csv',
            ),
            tookUs: took() + rows.length * 20,
          };
        }),
        400,
        url('/menu'),
      ),
    quoteForm: (): Call => call('GET', '/quotes/new', () => answer('quote-form', 200, 2304 + pad(), [], [], 'text/html')),
    quoteSend: (name: string, phone: string, pet: string): Call =>
      call(
        'POST',
        '/quotes',
        () => answer('quote-send', 303, 0, [{ sql: sql.inbox, params: [name, phone, pet], rows: 1, kind: 'INSERT' }], [], 'text/html'),
        620,
        url('/quotes/new'),
      ),
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
        const row = quotes!.byKey(base);
        return injectable('status', row ? [row] : [], columns.status, sql.status[0] + value + sql.status[1], value, injected);
      }),
    /** A clerk enters a new customer. */
    enter: (row: Row): Call =>
      call(
        'POST',
        '/customers',
        guarded(() => {
          customers!.insert([...row]);
          exportCache.clear();
          return answer('enter', 303, 0, [
            {
              sql: `INSERT INTO customers (${customers!.columns.join(', ')}) VALUES (${customers!.columns.map((_, i) => mark(i + 1)).join(', ')})`,
              params: row,
              rows: 1,
              kind: 'INSERT',
            },
          ]);
        }),
        900,
        url('/customers/new'),
      ),
    /** A clerk removes a customer for good. */
    erase: (id: string): Call =>
      call(
        'POST',
        `/customers/${id}/erase`,
        guarded(() => {
          const there = customers!.byKey(id) !== undefined;
          customers!.remove(id);
          exportCache.clear();
          return answer('erase', there ? 303 : 404, there ? 0 : 32, [
            { sql: `DELETE FROM customers WHERE id = ${mark(1)}`, params: [id], rows: there ? 1 : 0, kind: 'DELETE' },
          ]);
        }),
        420,
        url(`/customers/${id}`),
      ),
    /** A clerk changes a customer's phone and address: only in drills whose snapshot is taken later. */
    change: (id: string, phone: string, addressText: string): Call =>
      call(
        'POST',
        `/customers/${id}`,
        guarded(() => {
          const row = customers!.byKey(id);
          if (row) {
            customers!.update(id, 'phone', phone);
            customers!.update(id, 'address', addressText);
          }
          return answer('change', row ? 303 : 404, row ? 0 : 32, [
            {
              sql: `UPDATE customers SET phone = ${mark(1)}, address = ${mark(2)} WHERE id = ${mark(3)}`,
              params: [phone, addressText, id],
              rows: row ? 1 : 0,
              kind: 'UPDATE',
            },
          ]);
        }),
        700,
        url(`/customers/${id}`),
      ),
  };
}

/** A pause between two requests of one person: `mean` on average, never zero. */
export function pause(random: Random, mean: Micros): Micros {
  return 50_000 + Math.min(20 * MINUTE, Math.floor(random.exponential(mean)));
}
