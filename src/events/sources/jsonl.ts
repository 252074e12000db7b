import { type EventColumnName, eventClass, eventColumns, timeKind } from '../columns.ts';
import { jsonFramer } from '../framing-json.ts';
import { textReader } from '../record-text.ts';
import type { EventSink, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { at, isObject, type Json, type JsonObject, numberOf, readObject, textOf } from './json-value.ts';
import { durationUnits, jsonlFields, unitOfFormat } from './jsonl-fields.ts';
import { writeRequestLine, writeTarget } from './modsecurity.ts';
import { put, putIp, putPort, putStamp } from './row.ts';
import { headText, shareOf } from './sniff.ts';
import { statementKind } from './sql-words.ts';
import { openDigits, readEpoch, readIso, readWebStamp, type Stamp } from './stamp.ts';

type Path = { readonly path: string; readonly head: string; readonly format: string | null };
type Plan = readonly { readonly column: EventColumnName; readonly paths: readonly Path[] }[];

const columnTypes = new Map<string, string>(eventColumns.map(c => [c.name, c.type]));

/** The user's map first (`column: path` or `column: {path, format}`), then the usual places. */
function mapOf(params: unknown): Plan {
  const given = typeof params === 'object' && params !== null ? (params as Record<string, unknown>) : {};
  const all = new Map<EventColumnName, Path[]>();
  const add = (column: string, path: string, format: string | null): void => {
    const name = (column === 'ts' || column === 'time' ? 'time_us' : column) as EventColumnName;
    if (!columnTypes.has(name)) return;
    const bare = path
      .replace(/^\$\.?/, '')
      .replace(/\[['"]?([^\]'"]+)['"]?\]/g, '.$1')
      .replace(/^\./, '');
    all.set(name, [...(all.get(name) ?? []), { path: bare, head: bare.split('.')[0]!, format }]);
  };
  for (const [column, spec] of Object.entries(given)) {
    if (typeof spec === 'string') add(column, spec, null);
    else if (typeof spec === 'object' && spec !== null && 'path' in spec && typeof spec.path === 'string') {
      add(column, spec.path, 'format' in spec && typeof spec.format === 'string' ? spec.format : null);
    }
  }
  const own = new Set(all.keys());
  for (const [column, paths] of Object.entries(jsonlFields)) {
    if (!own.has(column as EventColumnName)) for (const p of paths) add(column, p, null);
  }
  return [...all].map(([column, paths]) => ({ column, paths }));
}

/** The part of a plan that can match an object with these keys. */
function narrow(plan: Plan, o: JsonObject): Plan {
  return plan
    .map(({ column, paths }) => ({
      column,
      paths: paths.filter(p => Object.hasOwn(o, p.head) || Object.keys(o).some(k => p.path === k || p.path.startsWith(`${k}.`))),
    }))
    .filter(p => p.paths.length > 0);
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  const full = mapOf(context.params);
  const plans = new Map<string, Plan>();
  const planFor = (o: JsonObject): Plan => {
    const key = Object.keys(o).join('\u0001');
    let plan = plans.get(key);
    if (!plan) {
      plan = narrow(full, o);
      if (plans.size < 1000) plans.set(key, plan);
    }
    return plan;
  };
  const write = (o: JsonObject, whole: string, sink: EventSink): void => {
    const stamp = writeFields(o, planFor(o), context.zone, sink);
    if (stamp) putStamp(sink, stamp);
    sink.text('extra', whole);
  };
  return {
    parse(bytes, from, to, sink) {
      const start = bytes[from] === 123 || bytes[from] === 91 ? from : objectAfterPrefix(bytes, from, to);
      const o = readObject(bytes, start, to, read);
      if (o === null) return 'meta';
      if (o === undefined) return { unparsed: 'bad-json' };
      const list = listOf(o);
      if (list === null) {
        write(o, read(bytes, ...objectBorders(bytes, start, to)), sink);
        return 'event';
      }
      for (const item of list) {
        write(item, JSON.stringify(item), sink);
        sink.next();
      }
      return list.length > 0 ? 'event' : 'meta';
    },
    finish: () => ({ shapes: plans.size }),
  };
}

const wrappers = ['Records', 'records', 'events', 'logEvents', 'value', 'items'];

/** The list of a wrapper that stands whole on one line. */
function listOf(o: JsonObject): JsonObject[] | null {
  const keys = Object.keys(o);
  const list = keys.length > 0 && wrappers.includes(keys[0]!) ? o[keys[0]!] : undefined;
  return Array.isArray(list) && list.every(isObject) ? (list as JsonObject[]) : null;
}

/** Container runtimes put `name | ` or a stamp before the object. */
function objectAfterPrefix(bytes: Uint8Array, from: number, to: number): number {
  const limit = Math.min(to, from + 200);
  for (let i = from; i < limit; i++) if (bytes[i] === 123) return i;
  return from;
}

function objectBorders(bytes: Uint8Array, from: number, to: number): [number, number] {
  const start = bytes.indexOf(123, from);
  const end = bytes.lastIndexOf(125, to - 1);
  return [start < 0 ? from : start, end < start ? to : end + 1];
}

function writeFields(o: JsonObject, plan: Plan, zone: string, sink: EventSink): Stamp | null {
  let stamp: Stamp | null = null;
  let query: string | null = null;
  let target: string | null = null;
  const seen = { method: false, status: false, sql: '', action: '', account: false };
  for (const { column, paths } of plan) {
    for (const p of paths) {
      const value = at(o, p.path);
      if (value === undefined || value === null || value === '' || value === '-') continue;
      if (column === 'time_us') {
        stamp = stampOf(value, p, zone);
        if (stamp) break;
        continue;
      }
      if (column === 'duration_us') {
        const us = durationOf(value, p);
        if (us === null) continue;
        sink.number('duration_us', us);
        break;
      }
      const text = textOf(value);
      if (text === null) continue;
      if (column === 'query') query = text;
      else if (column === 'target') target = text;
      else if (!writeColumn(column, text, value, seen, sink)) continue;
      break;
    }
  }
  const line = target === null ? requestLineOf(o) : null;
  if (line !== null) writeRequestLine(line, sink);
  else if (target !== null && (seen.method || /^(?:\/|https?:)/.test(target))) {
    writeTarget(query !== null && !target.includes('?') ? `${target}?${query.replace(/^\?/, '')}` : target, sink);
  } else if (target !== null) target = null;
  sink.number('class', classOf(line !== null || seen.method || target !== null, seen));
  return stamp;
}

const requestLine = /^[A-Z-]{3,20} \S.* HTTP\/\d(?:\.\d)?$/s;

const writtenByClient = /agent|refer|header|cookie|body|^ua$/i;

/** The whole request line, under whatever name the logger gave it. */
function requestLineOf(o: JsonObject): string | null {
  const usual = o['request'];
  if (typeof usual === 'string' && requestLine.test(usual)) return usual;
  for (const key in o) {
    const value = o[key];
    if (typeof value === 'string' && requestLine.test(value) && !writtenByClient.test(key)) return value;
  }
  return null;
}

function writeColumn(
  column: EventColumnName,
  text: string,
  value: Json,
  seen: { method: boolean; status: boolean; sql: string; action: string; account: boolean },
  sink: EventSink,
): boolean {
  const type = columnTypes.get(column);
  if (column === 'src_ip') putIp(sink, text);
  else if (column === 'src_port') putPort(sink, text);
  else if (column === 'method') {
    if (!/^[A-Za-z-]{2,20}$/.test(text)) return false;
    put(sink, column, text);
    seen.method = true;
  } else if (type !== 'str') {
    const n = numberOf(value);
    if (n === null || !Number.isSafeInteger(n) || n < 0 || n > largest[type!]! || (column === 'status' && (n < 100 || n > 999))) return false;
    sink.number(column, n);
    if (column === 'status') seen.status = true;
  } else {
    put(sink, column, text);
    if (column === 'sql_text') {
      seen.sql = text;
      put(sink, 'stmt_kind', statementKind(text));
    } else if (column === 'action') seen.action = text;
    else if (column === 'account') seen.account = true;
  }
  return true;
}

const largest: Readonly<Record<string, number>> = {
  u8: 255,
  u16: 65535,
  u32: 2 ** 32 - 1,
  u64: Number.MAX_SAFE_INTEGER,
  i64: Number.MAX_SAFE_INTEGER,
};

const signIn = /log[_ .-]?[io]n|sign[_ .-]?in|authenticat|session\.start|logon/i;

function classOf(http: boolean, seen: { sql: string; action: string; account: boolean }): number {
  if (http) return eventClass.http;
  if (seen.sql !== '') return eventClass.sql;
  if (signIn.test(seen.action)) return eventClass.auth;
  return seen.action !== '' && seen.account ? eventClass.api : eventClass.app;
}

function stampOf(value: Json, p: Path, zone: string): Stamp | null {
  const text = textOf(value);
  if (text === null) return null;
  const n = numberOf(value);
  if (n !== null) {
    const unit = p.format === null ? undefined : unitOfFormat[p.format];
    const us = unit === undefined ? readEpoch(n) : Math.round(n * unit);
    return us === null || !Number.isSafeInteger(us) ? null : { us, span: openEpochDigits(us) };
  }
  return openDigits(readIso(text.trim(), zone) ?? readWebStamp(text.trim(), zone), text);
}

/** A stamp that falls on a whole second or millisecond was most likely written with that many digits. */
function openEpochDigits(us: number): number {
  return us % 1_000_000 === 0 ? 999_999 : us % 1000 === 0 ? 999 : 0;
}

function durationOf(value: Json, p: Path): number | null {
  const text = typeof value === 'string' ? /^(\d+(?:\.\d+)?) ?(s|ms|us|µs|ns)?$/.exec(value.trim()) : null;
  const n = text ? Number(text[1]) : numberOf(value);
  if (n === null || n < 0) return null;
  const named = text?.[2] === 'µs' ? 1 : text?.[2] ? unitOfFormat[text[2]] : undefined;
  const unit = (p.format === null ? undefined : unitOfFormat[p.format]) ?? named ?? durationUnits[p.path] ?? (Number.isInteger(n) ? 1e3 : 1e6);
  const us = Math.round(n * unit);
  return Number.isSafeInteger(us) ? us : null;
}

/** JSON objects, one a line; columns by the case file's field map, else by the names common loggers use. */
export const jsonl: Source = {
  name: 'jsonl',
  kind: 'events',
  timeKind: timeKind.write,
  resolutionUs: 1,
  bytesKind: 4,
  blindTo: ['post-bodies', 'response-bodies'],
  independent: true,
  framing: 'line',
  open,
};

/** The same objects in one array or under a wrapper key, over any number of lines. */
export const jsonArray: Source = { ...jsonl, name: 'json-array', independent: false, framing: jsonFramer(wrappers) };

export const jsonlEntry: SourceEntry = {
  source: jsonl,
  sniff: sample => shareOf(sample, t => /^\s*\{\s*".*\}\s*$/s.test(t) || /^[\w.-]{1,60} +\| \{"/.test(t) || (t.length >= 1999 && /^\s*\{\s*"/.test(t))) * 0.7,
};

export const jsonArrayEntry: SourceEntry = {
  source: jsonArray,
  sniff: sample => (/^\s*(?:\[\s*\{|\{\s*"(?:Records|records|events|logEvents|value|items)"\s*:\s*\[|\{\s*\r?\n\s*")/.test(headText(sample, 400)) ? 0.72 : 0),
};
