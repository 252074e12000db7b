import { bytesKind, timeKind } from './columns.ts';
import { apacheItems } from './log-format-apache.ts';
import { nginxItems } from './log-format-nginx.ts';
import { type FormatItem, LineScanner, tokenise } from './scanner.ts';
import type { Source } from './source.ts';
import type { Escapes } from './unescape.ts';
import type { Field } from './web-fields.ts';

/** A LogFormat or log_format as written in the server's configuration. */
export type LogFormat = { readonly dialect: 'apache' | 'nginx'; readonly format: string };

/** What the directives of a format say about its stamps and sizes. */
export type FormatFacts = {
  timeKind: number;
  resolutionUs: number;
  durationResolutionUs: number;
  bytesKind: number;
  escapes: Escapes;
};

/** Collects items while a format is read; a column that is taken already goes to `extra`. */
export type FormatBuilder = {
  readonly items: FormatItem[];
  readonly facts: FormatFacts;
  /** True the first time a column is asked for. */
  claim(column: string): boolean;
  add(field: Field): void;
};

function builder(kind: number): FormatBuilder {
  const items: FormatItem[] = [];
  const claimed = new Set<string>();
  return {
    items,
    facts: {
      timeKind: kind,
      resolutionUs: 1_000_000,
      durationResolutionUs: 0,
      bytesKind: bytesKind.unknown,
      escapes: 'backslash',
    },
    claim: column => !claimed.has(column) && claimed.add(column) !== undefined,
    add: field => void items.push({ field }),
  };
}

/** Take a format string apart. Unknown directives are kept under their own name in `extra`. */
export function compileLogFormat({ dialect, format }: LogFormat): { items: readonly FormatItem[]; facts: FormatFacts } {
  const b = builder(dialect === 'apache' ? timeKind.start : timeKind.end);
  if (dialect === 'apache') apacheItems(format, b);
  else nginxItems(format, b);
  return { items: b.items, facts: b.facts };
}

/** The format string inside what people paste: a bare string, a `LogFormat "…" name` line, a `log_format name '…' '…';` directive. Null: no format string. */
export function readLogFormat(text: string): LogFormat | null {
  const trimmed = text.trim();
  const apache = /^LogFormat\s+"((?:[^"\\]|\\.)*)"(?:\s+\S+)?$/i.exec(trimmed);
  if (apache) return { dialect: 'apache', format: unescapeConfig(apache[1]!) };
  const nginx = /^log_format\s+\S+\s+(?:escape=(\w+)\s+)?([\s\S]*?);?$/.exec(trimmed);
  if (nginx) {
    const parts = [...nginx[2]!.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(m => m[1] ?? m[2] ?? m[3] ?? '');
    const prefix = nginx[1] ? `escape=${nginx[1]} ` : '';
    return { dialect: 'nginx', format: prefix + parts.join('').replace(/\\(['"\\])/g, '$1') };
  }
  if (/\$\{?[a-z_]\w*/.test(trimmed) && !/%[<>]?(?:\{[^}]*\})?[a-zA-Z]/.test(trimmed.replace(/%[0-9A-F]{2}/g, ''))) {
    return { dialect: 'nginx', format: trimmed };
  }
  if (/%(?:[<>]|!?\d[\d,]*)?(?:\{[^}]*\})?\^?[a-zA-Z]/.test(trimmed)) return { dialect: 'apache', format: unescapeConfig(trimmed) };
  return null;
}

function unescapeConfig(text: string): string {
  return text.replace(/\\(["\\tn])/g, (_, c: string) => (c === 't' ? '\t' : c === 'n' ? '\n' : c));
}

/** A source for web lines of one format. */
export function logFormatSource(name: string, format: LogFormat, overrides: Partial<Source> = {}): Source {
  const { items, facts } = compileLogFormat(format);
  const tokens = tokenise(items);
  return {
    name,
    kind: 'web-access',
    timeKind: facts.timeKind,
    resolutionUs: facts.resolutionUs,
    bytesKind: facts.bytesKind,
    durationResolutionUs: facts.durationResolutionUs,
    blindTo: ['post-bodies', 'response-bodies'],
    independent: true,
    framing: 'line',
    open: context => new LineScanner(tokens, facts.escapes, context.zone),
    ...overrides,
  };
}
