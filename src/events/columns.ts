/**
 * The events table, one declaration: the Parquet parts that ingest writes, the DuckDB view `event`, the docs and the tests
 * are all derived from this list. Absent is NULL; a source never writes '' for '-'. All times are UTC microseconds.
 */

export type EventColumnType = 'u8' | 'u16' | 'u32' | 'u64' | 'i64' | 'str';
export type EventColumn = { readonly name: string; readonly type: EventColumnType; readonly meaning: string };

/** `class` of an event. `unparsed` rows keep lines that no parser took: nothing is lost. */
export const eventClass = { unparsed: 0, http: 1, sql: 2, auth: 3, api: 4, net: 5, waf: 6, app: 7, process: 8, file: 9 } as const;

/** What `time_us` means in a source: request start, response end, log write, receipt. */
export const timeKind = { start: 1, end: 2, write: 3, receive: 4 } as const;

/** How `bytes_out` was counted: body as sent by the application, body after encoding, whole wire with headers, unknown. */
export const bytesKind = { identity: 1, encoded: 2, wire: 3, unknown: 4 } as const;

export const outcome = { unknown: 0, success: 1, failure: 2 } as const;

/** Bits of `decode_flags`. */
export const decodeFlag = {
  invalidUtf8: 1,
  overlong: 2,
  nul: 4,
  unicodePercent: 8,
  html: 16,
  plusAsSpace: 32,
  badPercent: 64,
  fullWidth: 128,
} as const;

export const eventColumns = [
  { name: 'line_no', type: 'u32', meaning: 'first physical line, from 1' },
  { name: 'byte_off', type: 'u64', meaning: 'offset in the content (inside .gz/.zst: of the decompressed stream)' },
  { name: 'byte_len', type: 'u32', meaning: 'length in bytes, without the line end' },
  { name: 'line_count', type: 'u32', meaning: 'physical lines of this record' },
  { name: 'class', type: 'u8', meaning: 'eventClass' },
  { name: 'time_us', type: 'i64', meaning: 'the stamp as logged, UTC micros; NULL when there is none' },
  { name: 'time_span_us', type: 'u64', meaning: 'extra uncertainty beyond the resolution (DST fold, inferred year); 0 = none' },
  { name: 'src_ip', type: 'str', meaning: 'client address in canonical text; behind a proxy with an inner address, whom that proxy names' },
  { name: 'src_port', type: 'u16', meaning: 'client port' },
  { name: 'proxy_ip', type: 'str', meaning: 'address that connected, where src_ip was taken from forwarded' },
  { name: 'forwarded', type: 'str', meaning: 'X-Forwarded-For as logged' },
  { name: 'account', type: 'str', meaning: 'user name as logged' },
  { name: 'session', type: 'str', meaning: 'session id or cookie as logged' },
  { name: 'user_agent', type: 'str', meaning: 'User-Agent' },
  { name: 'trace_id', type: 'str', meaning: 'request or trace id' },
  { name: 'host', type: 'str', meaning: 'virtual host or machine' },
  { name: 'method', type: 'str', meaning: 'HTTP method' },
  { name: 'target', type: 'str', meaning: 'request target exactly as logged after unescaping the log format' },
  { name: 'path', type: 'str', meaning: 'path part of target' },
  { name: 'query', type: 'str', meaning: 'query part of target, without ?' },
  { name: 'target_norm', type: 'str', meaning: 'target after the whole decoding chain; NULL when nothing changed' },
  { name: 'decode_depth', type: 'u8', meaning: 'stages until the fixpoint' },
  { name: 'decode_flags', type: 'u16', meaning: 'decodeFlag bits' },
  { name: 'protocol', type: 'str', meaning: 'HTTP/1.1 …' },
  { name: 'status', type: 'u16', meaning: 'status sent to the client' },
  { name: 'bytes_out', type: 'u64', meaning: 'bytes sent; see bytesKind of the file' },
  { name: 'bytes_in', type: 'u64', meaning: 'request bytes' },
  { name: 'duration_us', type: 'u64', meaning: 'how long the request or statement took' },
  { name: 'referer', type: 'str', meaning: 'Referer' },
  { name: 'content_type', type: 'str', meaning: 'response content type' },
  { name: 'truncated', type: 'u8', meaning: '1 when the source cut this record' },
  { name: 'db_user', type: 'str', meaning: 'database role' },
  { name: 'db_name', type: 'str', meaning: 'database' },
  { name: 'app_name', type: 'str', meaning: 'application name or program' },
  { name: 'conn_id', type: 'str', meaning: 'database session, connection or process id' },
  { name: 'seq', type: 'u64', meaning: 'the source’s own sequence number (session_line_num, audit id …)' },
  { name: 'stmt_kind', type: 'str', meaning: 'SELECT, INSERT, COPY … or the log command' },
  { name: 'sql_text', type: 'str', meaning: 'statement text' },
  { name: 'sql_params', type: 'str', meaning: 'JSON array of parameter texts (null = SQL NULL); NULL = none logged' },
  { name: 'stmt_id', type: 'u64', meaning: 'pgaudit STATEMENT_ID or the like' },
  { name: 'substmt_id', type: 'u32', meaning: 'pgaudit SUBSTATEMENT_ID' },
  { name: 'tx_id', type: 'str', meaning: 'transaction' },
  { name: 'rows_out', type: 'u64', meaning: 'rows returned, when the source says so' },
  { name: 'err_code', type: 'str', meaning: 'SQLSTATE or error code; NULL = no error known' },
  { name: 'objects', type: 'str', meaning: 'JSON array of object names' },
  { name: 'action', type: 'str', meaning: 'login, logout, connect, invalid-user … or API name' },
  { name: 'outcome', type: 'u8', meaning: 'outcome' },
  { name: 'auth_method', type: 'str', meaning: 'password, publickey …' },
  { name: 'repeat_count', type: 'u32', meaning: 'message repeated N times' },
  { name: 'level', type: 'str', meaning: 'severity text of the source' },
  { name: 'message', type: 'str', meaning: 'free message text; for unparsed lines the reason code' },
  { name: 'extra', type: 'str', meaning: 'JSON object: request body, headers, anything else worth keeping' },
] as const satisfies readonly EventColumn[];

/**
 * What ingest derives of a request beside what was logged, for the steps that look at all of them (see request-keys.ts). Sources never write these.
 */
export const derivedColumns = [
  { name: 'client_key', type: 'i64', meaning: 'hash of address and agent of a request; 0 for anything else' },
  { name: 'actor_key', type: 'i64', meaning: 'hash of the session of a request, else of its account; client_key when it names neither' },
  { name: 'route', type: 'str', meaning: 'path with each run of digits as #' },
  { name: 'path_number', type: 'i64', meaning: 'the number in the path where it holds one run of digits, of at most 15; -1: it holds others; -2: none' },
  { name: 'shape', type: 'str', meaning: 'target in small letters, digits and hexadecimal words as 0; NULL when it is decoded, long, or no plain path' },
] as const satisfies readonly EventColumn[];

export type EventColumnName = (typeof eventColumns)[number]['name'];
