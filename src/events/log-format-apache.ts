import { bytesKind, timeKind } from './columns.ts';
import type { FormatBuilder } from './log-format.ts';
import { matchBracketedClfTime, matchEpoch, matchFraction, matchStrftime } from './time-text.ts';
import {
  addressField,
  cookieField,
  durationField,
  extraField,
  headerField,
  identField,
  numberField,
  pathField,
  queryField,
  requestField,
  statusField,
  targetField,
  textField,
} from './web-fields.ts';

const directive = /%([<>]?)((?:!?\d{3}(?:,\d{3})*)?)([<>]?)(?:\{([^}]*)\})?(\^FB|\^FU|\^FM|\^t[io]|[a-zA-Z%])/g;

/** Items of an Apache LogFormat (mod_log_config, mod_logio, mod_ssl; Apache HTTP Server 2.4 documentation). */
export function apacheItems(format: string, b: FormatBuilder): void {
  const found = [...format.matchAll(directive)];
  const plainAddress = found.some(m => m[5] === 'a' && m[4] === undefined);
  const bodySize = found.some(m => m[5] === 'b' || m[5] === 'B');
  const cookies = found.filter(m => m[5] === 'C').length;
  let at = 0;
  for (let i = 0; i < found.length; i++) {
    const m = found[i]!;
    b.items.push({ literal: format.slice(at, m.index) });
    at = m.index + m[0].length;
    const argument = m[4];
    const letter = m[5]!;
    const next = found[i + 1];
    if (letter === 'U' && next?.[5] === 'q' && next.index === at) {
      b.add(b.claim('target') ? targetField : extraField('target'));
      at += next[0].length;
      i++;
    } else if (letter === '%') b.items.push({ literal: '%' });
    else if (letter === 't') timeItem(argument, b);
    else b.add(field(letter, argument, m[1] || m[3] || '', { plainAddress, bodySize, cookies }, b));
  }
  b.items.push({ literal: format.slice(at) });
}

type Whole = { readonly plainAddress: boolean; readonly bodySize: boolean; readonly cookies: number };

function timeItem(argument: string | undefined, b: FormatBuilder): void {
  let pattern = argument ?? '';
  if (pattern.startsWith('begin:')) pattern = pattern.slice(6);
  else if (pattern.startsWith('end:')) {
    pattern = pattern.slice(4);
    b.facts.timeKind = timeKind.end;
  }
  const finer = (us: number): void => {
    b.facts.resolutionUs = Math.min(b.facts.resolutionUs, us);
  };
  switch (pattern) {
    case '':
      return void b.items.push({ time: matchBracketedClfTime });
    case 'sec':
      return void b.items.push({ time: matchEpoch(1_000_000) });
    case 'msec':
      finer(1000);
      return void b.items.push({ time: matchEpoch(1000) });
    case 'usec':
      finer(1);
      return void b.items.push({ time: matchEpoch(1) });
    case 'msec_frac':
      finer(1000);
      return void b.items.push({ time: matchFraction });
    case 'usec_frac':
      finer(1);
      return void b.items.push({ time: matchFraction });
    default:
      b.items.push({ time: matchStrftime(pattern) });
  }
}

function duration(scale: number, b: FormatBuilder) {
  if (!b.claim('duration_us')) return extraField('duration', 'number');
  b.facts.durationResolutionUs = scale;
  return durationField('duration', scale);
}

function bytes(name: string, kind: number, b: FormatBuilder) {
  b.facts.bytesKind = kind;
  // %b writes `-` for no bytes.
  return numberField(name, 'bytes_out', 0);
}

function field(letter: string, argument: string | undefined, modifier: string, whole: Whole, b: FormatBuilder) {
  const name = argument === undefined ? letter : `${argument}.${letter}`;
  const once = (column: string, make: () => ReturnType<typeof extraField>) => (b.claim(column) ? make() : extraField(name));
  switch (letter) {
    case 'a':
      return argument === 'c' && whole.plainAddress ? extraField('peer', 'word') : once('src_ip', () => addressField);
    case 'h':
      return whole.plainAddress ? extraField('client_name', 'word') : once('src_ip', () => addressField);
    case 'l':
      return identField;
    case 'u':
      return once('account', () => textField('account', 'account'));
    case 'r':
      return once('target', () => requestField);
    case 'm':
      return once('method', () => textField('method', 'method', 'word'));
    case 'U':
      return once('path', () => pathField);
    case 'q':
      return once('query', () => queryField);
    case 'H':
      return once('protocol', () => textField('protocol', 'protocol', 'word'));
    case 's':
      return modifier === '<' ? extraField('first_status', 'number') : once('status', () => statusField);
    case 'b':
    case 'B':
      return once('bytes_out', () => bytes('bytes', bytesKind.encoded, b));
    case 'O':
      return whole.bodySize ? extraField('wire_bytes', 'number') : once('bytes_out', () => bytes('bytes', bytesKind.wire, b));
    case 'I':
      return once('bytes_in', () => numberField('bytes_in', 'bytes_in'));
    case 'D':
      return duration(1, b);
    case 'T':
      return duration(argument === 'ms' ? 1000 : argument === 'us' ? 1 : 1_000_000, b);
    case 'v':
    case 'V':
      return once('host', () => textField('host', 'host', 'word'));
    case 'L':
      return once('trace_id', () => textField('log_id', 'trace_id', 'word'));
    case 'i':
      return argument?.toLowerCase() === 'host' ? once('host', () => textField('host', 'host')) : headerField((argument ?? '').toLowerCase());
    case 'o':
      return argument?.toLowerCase() === 'content-type' ? textField('content_type', 'content_type') : extraField(`response.${(argument ?? '').toLowerCase()}`);
    case 'C':
      return cookieField(argument ?? '', whole.cookies === 1);
    case 'e':
    case 'n':
      return argument === 'UNIQUE_ID' ? once('trace_id', () => textField('unique_id', 'trace_id', 'word')) : extraField(argument ?? letter);
    case 'p':
      return argument === 'remote' ? once('src_port', () => numberField('src_port', 'src_port')) : extraField('port', 'number');
    case 'k':
    case 'S':
    case 'P':
    case '^FB':
      return extraField(name, 'number');
    case 'X':
      return extraField('connection', 'word');
    default:
      return extraField(name);
  }
}
