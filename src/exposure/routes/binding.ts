import type { ReadableStatement, Statement } from '../replay/statements.ts';
import { type Coding, decodedAs } from './coding.ts';
import type { Request } from './requests.ts';

/** Where the value of one slot of a statement comes from. */
export type Binding =
  | { readonly from: 'constant'; readonly value: string | null }
  | { readonly from: 'request'; readonly name: string; readonly before: string; readonly after: string; readonly coding?: Coding }
  | { readonly from: 'linear'; readonly name: string; readonly factor: number; readonly add: number; readonly whenAbsent: string | null }
  | { readonly from: 'free' };

/** Text that an application builds by concatenation: what stands before and after the request's value, and between when it is pasted more than once. */
export type Concatenation = {
  readonly name: string;
  readonly coding?: Coding;
  readonly prefix: string;
  readonly suffix: string;
  readonly between?: readonly string[];
};

/** What a request sent in a parameter, as the application read it; undefined when it sent nothing of the kind. */
export function sentValue(r: Request, parameter: { readonly name: string; readonly coding?: Coding }): string | undefined {
  const value = r.values.get(parameter.name);
  return value === undefined ? undefined : decodedAs(value, parameter.coding);
}

/** The text that comes out when a value is pasted in. */
export function pasted(c: Concatenation, value: string): string {
  return [c.prefix, ...(c.between ?? []), c.suffix].join(value);
}

/** "A request of this route runs this statement": learned from the requests of everybody else, or given by the user. */
export type RouteRead = {
  readonly route: string;
  readonly read: ReadableStatement;
  readonly bindings: readonly Binding[];
  readonly concatenations: readonly Concatenation[];
  /** Share of the learning requests that had the statement with all its bindings in their interval, and how many there were. */
  readonly support: number;
  readonly learnedFrom: number;
  readonly source: 'log' | 'case-file' | 'sizes';
  readonly parameters: boolean;
  /** The sets of parameters (`formOf`) that the learning requests came with; absent where nothing was learned from requests. */
  readonly forms?: ReadonlySet<string>;
  /** Only requests of this form run it; others run something else. */
  readonly onlyForm?: string;
  /** Per slot: the one value that every learning request found in its statement; absent where there is none. */
  readonly usual?: readonly (string | null | undefined)[];
  /** Query parameters that hardly varied among the learning requests, with the values they had. */
  readonly seen?: ReadonlyMap<string, ReadonlySet<string>>;
  /** The log shows it for some requests of the route only; the others may have run it too. */
  readonly partial?: true;
};

/** The value a request gives a slot: a text, null for SQL NULL, undefined when the request does not determine it. */
export function slotValue(b: Binding, r: Request): string | null | undefined {
  switch (b.from) {
    case 'constant':
      return b.value;
    case 'request': {
      const v = sentValue(r, b);
      return v === undefined ? undefined : b.before + v + b.after;
    }
    case 'linear': {
      const v = r.values.get(b.name);
      if (v === undefined) return b.whenAbsent ?? undefined;
      return /^-?\d{1,9}$/.test(v) ? String(b.factor * Number(v) + b.add) : undefined;
    }
    case 'free':
      return undefined;
  }
}

/** Does a statement carry the values the request would give it (free slots match anything)? */
export function matches(s: Statement, bindings: readonly Binding[], r: Request): boolean {
  return bindings.every((b, i) => {
    const v = slotValue(b, r);
    return v === undefined || s.values[i] === v;
  });
}
