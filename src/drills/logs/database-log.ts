import { MINUTE, type Micros } from '../../base/index.ts';
import type { DatabaseFormat } from '../options.ts';
import type { Random } from '../random.ts';
import type { LogWriter, Mark } from './log-writer.ts';
import { isoMicros, postgresStamp } from './stamps.ts';

/** A statement as the database got it. `params` null: sent as plain text; else bound. */
export type Statement = {
  readonly sql: string;
  readonly params: readonly (string | null)[] | null;
  readonly rows: number;
  /** READ/SELECT unless said otherwise. */
  readonly kind?: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'COPY';
  /** Parse errors never reach the audit; run-time errors follow it. */
  readonly error?: { readonly state: string; readonly message: string; readonly atParse: boolean };
  /** Who, when it is not the application. */
  readonly login?: { readonly user: string; readonly application: string; readonly address: string };
};

export type DatabaseLog = { statement(atUs: Micros, doneUs: Micros, s: Statement, mark?: Mark): void };

type Backend = {
  readonly pid: number;
  readonly session: string;
  readonly startUs: Micros;
  readonly slot: number;
  readonly login: Login;
  line: number;
  statements: number;
  transactions: number;
  busyUntil: Micros;
};
type Login = { readonly user: string; readonly application: string; readonly address: string };

const database = 'quote';
const appLogin: Login = { user: 'app', application: '', address: '10.0.1.5' };
const idleLimit = 10 * MINUTE;

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
/** pgaudit quotes a field only when it must. */
const auditField = (text: string): string => (/[",\n\r]/.test(text) ? quoted(text) : text);

/** The list of parameters as pgaudit writes it: CSV inside a CSV field. NULL is an empty field. */
export function auditParameters(params: readonly (string | null)[] | null): string {
  return params === null || params.length === 0 ? '<none>' : auditField(params.map(p => (p === null ? '' : auditField(p))).join(','));
}

const auditClass: Record<string, string> = { SELECT: 'READ', COPY: 'READ', INSERT: 'WRITE', UPDATE: 'WRITE', DELETE: 'WRITE' };

/** Writes statements of a pool of connections as one database log. `none` writes nothing. */
export function createDatabaseLog(format: DatabaseFormat, writer: LogWriter, auditRows: boolean, random: Random): DatabaseLog {
  if (format === 'none') return { statement: () => {} };
  let pool: Backend[] = [];
  let nextPid = 12700 + random.int(0, 900);
  const freeSlots: number[] = [];
  let slots = 2;

  function backend(at: Micros, login: Login): Backend {
    const free = pool.find(b => b.busyUntil <= at && b.login.user === login.user && b.login.application === login.application && at - b.busyUntil < idleLimit);
    if (free) return free;
    pool = pool.filter(b => {
      const idle = at - b.busyUntil >= idleLimit;
      if (idle) freeSlots.push(b.slot);
      return !idle;
    });
    nextPid += random.int(1, 4);
    const session = `${Math.floor(at / 1e6).toString(16)}.${nextPid.toString(16)}`;
    const b: Backend = {
      pid: nextPid,
      session,
      startUs: at,
      slot: freeSlots.pop() ?? ++slots,
      login,
      line: 0,
      statements: 0,
      transactions: 40 + random.int(0, 60),
      busyUntil: at,
    };
    pool.push(b);
    if (format === 'mysql-general') general(at, b, 'Connect', `${login.user}@${login.address} on ${database} using TCP/IP`);
    else {
      postgres(at, b, { tag: '', message: `connection received: host=${login.address} port=${random.int(32768, 60999)}`, anonymous: true });
      postgres(at, b, { tag: 'authentication', message: `connection authorized: user=${login.user} database=${database}` });
    }
    return b;
  }

  type Line = { tag: string; message: string; severity?: string; state?: string; query?: string; position?: number; anonymous?: boolean };
  function postgres(at: Micros, b: Backend, l: Line, mark?: Mark): void {
    b.line++;
    const severity = l.severity ?? 'LOG';
    const state = l.state ?? '00000';
    const xid = l.anonymous ? '' : `${b.slot}/${b.transactions}`;
    if (format === 'pg-jsonlog') {
      writer.add(
        at,
        JSON.stringify({
          timestamp: postgresStamp(at),
          ...(!l.anonymous && { user: b.login.user, dbname: database }),
          pid: b.pid,
          remote_host: b.login.address,
          remote_port: 40000 + (b.pid % 20000),
          session_id: b.session,
          line_num: b.line,
          ...(l.tag && { ps: l.tag }),
          session_start: postgresStamp(b.startUs, true),
          ...(xid && { vxid: xid }),
          txid: 0,
          error_severity: severity,
          state_code: state,
          message: l.message,
          ...(l.query !== undefined && { statement: l.query }),
          ...(l.position && { cursor_position: l.position }),
          ...(b.login.application && { application_name: b.login.application }),
          backend_type: l.anonymous ? 'not initialized' : 'client backend',
          query_id: 0,
        }),
        mark,
      );
      return;
    }
    const who = l.anonymous ? ',' : `${quoted(b.login.user)},${quoted(database)}`;
    writer.add(
      at,
      `${postgresStamp(at)},${who},${b.pid},${quoted(`${b.login.address}:${40000 + (b.pid % 20000)}`)},${b.session},${b.line},${quoted(l.tag)},${postgresStamp(b.startUs, true)},${xid},0,${severity},${state},${quoted(l.message)},,,,,,${
        l.query === undefined ? '' : quoted(l.query)
      },${l.position ?? ''},,${quoted(b.login.application)},${quoted(l.anonymous ? 'not initialized' : 'client backend')},,0`,
      mark,
    );
  }
  function general(at: Micros, b: Backend, command: string, argument: string, mark?: Mark): void {
    writer.add(at, `${isoMicros(at)}\t${String(b.pid).padStart(5)} ${command}\t${argument}`, mark);
  }
  const literal = (value: string | null): string =>
    value === null ? 'NULL' : /^-?\d{1,9}$/.test(value) && !/^0\d/.test(value) ? value : `'${value.replaceAll("'", "''")}'`;

  return {
    statement(at, done, s, mark) {
      const b = backend(at, s.login ?? appLogin);
      b.busyUntil = Math.max(done, at + 1);
      if (format === 'mysql-general') {
        if (s.params === null) general(at, b, 'Query', s.sql, mark);
        else {
          const values = [...s.params];
          general(
            at,
            b,
            'Execute',
            s.sql.replace(/\?/g, () => literal(values.shift() ?? null)),
            mark,
          );
        }
        return;
      }
      b.transactions++;
      const kind = s.kind ?? 'SELECT';
      const parse = s.error?.atParse === true;
      if (!parse) {
        b.statements++;
        const tag = s.params === null ? kind : 'BIND';
        postgres(
          at,
          b,
          {
            tag,
            message: `AUDIT: SESSION,${b.statements},1,${auditClass[kind]},${kind === 'COPY' ? 'SELECT' : kind},,,${auditField(s.sql)},${auditParameters(s.params)}${auditRows ? `,${s.rows}` : ''}`,
          },
          mark,
        );
      }
      if (s.error) {
        postgres(done, b, { tag: parse ? 'idle' : kind, severity: 'ERROR', state: s.error.state, message: s.error.message, query: s.sql }, mark);
      }
    },
  };
}
