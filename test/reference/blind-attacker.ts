import type { InjectionEvent } from '../../src/intrusion/injection/rebuild.ts';
import { injectionEvent } from '../fixtures/injection-event.ts';

/** A slow, plain intruder for tests: asks an imaginary database about known texts and writes the log lines that its requests would leave. */

export type Dialect = 'postgresql' | 'mysql' | 'mssql' | 'oracle' | 'sqlite';
export type Strategy =
  | 'greater'
  | 'less-equal'
  | 'not-between'
  | 'in-set'
  | 'equal'
  | 'bits'
  | 'shift'
  | 'greatest'
  | 'like'
  | 'regexp'
  | 'left'
  | 'case'
  | 'xor';
export type Channel = 'size' | 'reflected' | 'status' | 'duration' | 'gap-start' | 'gap-end';

export type Attack = {
  readonly dialect: Dialect;
  readonly strategy: Strategy;
  readonly channel: Channel;
  readonly column: string;
  readonly table: string;
  readonly values: readonly string[];
  readonly encode: (payload: string) => string;
  readonly dress: (sql: string) => string;
  readonly random: () => number;
  readonly lengthFirst: boolean;
  readonly clients: number;
  readonly negate: boolean;
};

const q = (s: string): string => `'${s.replaceAll("'", "''")}'`;

export const rowQuery: Record<Dialect, (column: string, table: string, k: number) => string> = {
  postgresql: (c, t, k) => `(SELECT COALESCE(CAST(${c} AS VARCHAR(10000))::text,(CHR(32))) FROM ${t} ORDER BY id OFFSET ${k} LIMIT 1)`,
  mysql: (c, t, k) => `(SELECT IFNULL(CAST(${c} AS NCHAR),0x20) FROM ${t} ORDER BY id LIMIT ${k},1)`,
  mssql: (c, t, k) =>
    `(SELECT TOP 1 ISNULL(CAST(${c} AS NVARCHAR(4000)),CHAR(32)) FROM ${t} WHERE CONVERT(NVARCHAR(4000),id) NOT IN (SELECT TOP ${k} CONVERT(NVARCHAR(4000),id) FROM ${t} ORDER BY id) ORDER BY id)`,
  oracle: (c, t, k) => `(SELECT NVL(CAST(${c} AS VARCHAR(4000)),CHR(32)) FROM (SELECT ${c},ROWNUM AS CAP FROM ${t} ORDER BY id) WHERE CAP=${k + 1})`,
  sqlite: (c, t, k) => `(SELECT COALESCE(CAST(${c} AS TEXT),CHAR(32)) FROM ${t} ORDER BY id LIMIT ${k},1)`,
};

const chars = (d: Dialect, s: string): string[] => (d === 'mssql' ? s.split('') : [...s]);
const be = (ch: string): number => Buffer.from(ch).reduce((n, b) => n * 256 + b, 0);
function code(d: Dialect, ch: string): number | null {
  if (ch === '') return d === 'postgresql' || d === 'mysql' ? 0 : null;
  return d === 'mssql' ? ch.charCodeAt(0) : d === 'mysql' || d === 'oracle' ? be(ch) : ch.codePointAt(0)!;
}
const atom: Record<Dialect, (e: string, p: number) => string> = {
  postgresql: (e, p) => `ASCII(SUBSTRING(${e}::text FROM ${p} FOR 1))`,
  mysql: (e, p) => `ORD(MID(${e},${p},1))`,
  mssql: (e, p) => `UNICODE(SUBSTRING(${e},${p},1))`,
  oracle: (e, p) => `ASCII(SUBSTRC(${e},${p},1))`,
  sqlite: (e, p) => `UNICODE(SUBSTR(${e},${p},1))`,
};
const sub: Record<Dialect, (e: string, p: number) => string> = {
  postgresql: (e, p) => `SUBSTRING(${e}::text,${p},1)`,
  mysql: (e, p) => `MID(${e},${p},1)`,
  mssql: (e, p) => `SUBSTRING(${e},${p},1)`,
  oracle: (e, p) => `SUBSTRC(${e},${p},1)`,
  sqlite: (e, p) => `SUBSTR(${e},${p},1)`,
};
const lengthOf: Record<Dialect, (e: string) => string> = {
  postgresql: e => `LENGTH(${e}::text)`,
  mysql: e => `CHAR_LENGTH(${e})`,
  mssql: e => `LEN(${e}+'.')-1`,
  oracle: e => `LENGTH(${e})`,
  sqlite: e => `LENGTH(${e})`,
};

type Ask = { readonly sql: string; readonly holds: boolean };

/** Every request of one attack, in the order of asking, with the truth of its condition. */
function* questions(a: Attack): Generator<Ask> {
  for (const [k, value] of a.values.entries()) {
    const e = rowQuery[a.dialect](a.column, a.table, k);
    const text = chars(a.dialect, value);
    if (a.lengthFirst) yield* bisect(n => `${lengthOf[a.dialect](e)}>${n}`, text.length, 0, 64);
    const last = a.lengthFirst ? text.length : text.length + 1;
    for (let p = 1; p <= last; p++) yield* character(a, e, p, text[p - 1] ?? '', text.slice(0, p - 1).join(''));
  }
}

function* bisect(sql: (n: number) => string, value: number | null, low: number, high: number): Generator<Ask> {
  let lo = low;
  let hi = high;
  while (lo < hi) {
    const mid = Math.floor((lo + hi) / 2);
    const holds = value !== null && value > mid;
    yield { sql: sql(mid), holds };
    if (holds) lo = mid + 1;
    else hi = mid;
  }
}

const alphabet = [...'abcdefghijklmnopqrstuvwxyz0123456789 -_@.'];

function* character(a: Attack, e: string, p: number, ch: string, before: string): Generator<Ask> {
  const x = atom[a.dialect](e, p);
  const c = code(a.dialect, ch);
  const wide = a.dialect === 'mysql' || a.dialect === 'oracle' ? 0xf48fbfbf : a.dialect === 'mssql' ? 0xffff : 0x10ffff;
  const above = (form: (n: number) => string, flip = false): Generator<Ask> => walk(form, c, wide, flip);
  switch (a.strategy) {
    case 'greater':
      return yield* above(n => `${x}>${n}`);
    case 'less-equal':
      if (c === null) {
        yield { sql: `${x} IS NULL`, holds: true };
        return;
      }
      return yield* above(n => `${x}<=${n}`, true);
    case 'not-between':
      return yield* above(n => `${x} NOT BETWEEN 0 AND ${n}`);
    case 'greatest':
      return yield* above(n => `GREATEST(${x},${n + 1})=${x}`);
    case 'case':
      return yield* above(n => `(CASE WHEN (${x}>${n}) THEN 1 ELSE 0 END)=1`);
    case 'xor':
      return yield* above(n => `(${x}>${n})`);
    case 'in-set': {
      let set = c !== null && c > 127 ? [] : Array.from({ length: 128 }, (_, i) => i);
      if (c === null) {
        yield { sql: `${x} IS NULL`, holds: true };
        return;
      }
      yield { sql: `${x}>127`, holds: c > 127 };
      if (set.length === 0) {
        yield { sql: `${x} IN (${Array.from({ length: 127 }, (_, i) => i + 1).join(',')})`, holds: false };
        return yield* above(n => `${x}>${n}`);
      }
      while (set.length > 1) {
        const half = set.filter((_, i) => i % 2 === 0);
        const holds = c !== null && half.includes(c);
        yield { sql: `${x} IN (${half.join(',')})`, holds };
        set = holds ? half : set.filter(v => !half.includes(v));
      }
      return;
    }
    case 'equal': {
      if (ch === '') {
        yield a.dialect === 'oracle' ? { sql: `${x} IS NULL`, holds: true } : { sql: `${sub[a.dialect](e, p)}=''`, holds: true };
        return;
      }
      for (const t of alphabet) {
        yield { sql: `${x}=${code(a.dialect, t)}`, holds: t === ch };
        if (t === ch) return;
      }
      return yield* above(n => `${x}>${n}`);
    }
    case 'bits':
    case 'shift': {
      for (let b = 0; b < 8; b++) {
        const set = c !== null && Math.floor(c / 2 ** b) % 2 === 1;
        yield {
          sql:
            a.strategy === 'bits'
              ? a.dialect === 'oracle'
                ? `BITAND(${x},${2 ** b})>0`
                : `(${x}&${2 ** b})>0`
              : a.dialect === 'oracle'
                ? `MOD(FLOOR(${x}/${2 ** b}),2)=1`
                : `((${x}>>${b})&1)=1`,
          holds: set,
        };
      }
      return;
    }
    case 'like':
    case 'regexp':
    case 'left': {
      const form = (t: string): string =>
        a.strategy === 'like'
          ? `${e} LIKE ${q(`${t}%`)}`
          : a.strategy === 'regexp'
            ? `${e} REGEXP ${q(`^${t.replace(/[.^$*+?()[\]{}|\\-]/g, '\\$&')}`)}`
            : `LEFT(${e},${chars(a.dialect, t).length})=${q(t)}`;
      if (ch === '') {
        yield { sql: `${e}=${q(before)}`, holds: true };
        return;
      }
      for (const t of alphabet) {
        yield { sql: form(before + t), holds: t === ch };
        if (t === ch) return;
      }
    }
  }
}

/** Bisection as tools do it: 0…127 first, then doubling. */
function* walk(form: (n: number) => string, value: number | null, wide: number, flip: boolean): Generator<Ask> {
  let lo = 0;
  let hi = 127;
  const ask = (n: number): Ask => ({ sql: form(n), holds: value === null ? false : flip ? value <= n : value > n });
  if (value !== null && value > 127) {
    yield ask(127);
    lo = 128;
    hi = wide;
  }
  while (lo < hi) {
    const mid = Math.floor((lo + hi) / 2);
    yield ask(mid);
    const above = value !== null && value > mid;
    if (above) lo = mid + 1;
    else hi = mid;
  }
}

/** The log lines, oldest first, and how many were asked. */
export function runAttack(a: Attack): InjectionEvent[] {
  const out: InjectionEvent[] = [];
  let at = 1_700_000_000_000_000;
  const timed = a.channel === 'duration' || a.channel.startsWith('gap');
  const wrap: Record<Dialect, (c: string) => string> = {
    postgresql: c => `1 AND 4242=(CASE WHEN (${c}) THEN (SELECT 4242 FROM PG_SLEEP(5)) ELSE 4242 END)`,
    mysql: c => `1 AND (SELECT 4242 FROM (SELECT(SLEEP(5-(IF(${c},0,5)))))abcd)`,
    mssql: c => `1; IF(${c}) WAITFOR DELAY '0:0:5'--`,
    oracle: c => `1 AND 4242=(CASE WHEN (${c}) THEN DBMS_PIPE.RECEIVE_MESSAGE(CHR(97),5) ELSE 4242 END)`,
    sqlite: c => `1 AND 4242=(CASE WHEN (${c}) THEN (LIKE(CHAR(65),UPPER(HEX(RANDOMBLOB(500000000/2))))) ELSE 4242 END)`,
  };
  let n = 0;
  for (const ask of [{ sql: '17=17', holds: true }, { sql: '17=71', holds: false }, ...questions(a)]) {
    const condition = a.negate ? `NOT (${ask.sql})` : ask.sql;
    const truth = a.negate ? !ask.holds : ask.holds;
    const payload = a.dress(timed ? wrap[a.dialect](condition) : a.strategy === 'xor' && a.dialect === 'mysql' ? `1^${condition}^1` : `1 AND ${condition}`);
    const query = `page=2&id=${a.encode(payload)}`;
    const slow = truth ? 5_000_000 + Math.floor(a.random() * 200_000) : 4000 + Math.floor(a.random() * 60_000);
    const begin = at;
    at += (timed ? slow : 5000) + Math.floor(a.random() * 20_000);
    const stamp = a.channel === 'gap-end' ? begin + slow : begin;
    out.push(
      injectionEvent({
        event_id: ++n * 16,
        at_us: timed && a.channel !== 'duration' ? Math.floor(stamp / 1_000_000) * 1_000_000 : begin,
        src_ip: `198.51.100.${1 + (timed ? 0 : n % a.clients)}`,
        path: '/item',
        query,
        status: a.channel === 'status' ? (truth ? 200 : 404) : 200,
        bytes_out:
          (a.channel === 'status' || timed ? 900 : truth ? 5120 : 880) + (a.channel === 'reflected' ? Buffer.byteLength(payload) : Math.floor(a.random() * 4)),
        duration_us: a.channel === 'duration' ? slow : null,
        target_length: query.length,
        time_kind: a.channel === 'gap-end' ? 2 : 1,
      }),
    );
  }
  out.push({
    ...out.at(-1)!,
    event_id: ++n * 16,
    at_us: a.channel.startsWith('gap') ? Math.floor(at / 1_000_000) * 1_000_000 : at,
    query: 'page=2&id=1',
    duration_us: 4000,
  });
  return out;
}
