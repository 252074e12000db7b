import { groupBy } from '../../base/index.ts';
import { type ReadableStatement, readingOf, type Statement, type StatementLog } from '../replay/statements.ts';
import { text as textOf } from '../sql/index.ts';
import { type Concatenation, matches, pasted, type RouteRead, sentValue, slotValue } from './binding.ts';
import { layersOf } from './coding.ts';
import { formOf, type Request, routeOf } from './requests.ts';
import type { StatementIndex } from './statement-index.ts';
import { variantsOf } from './variants.ts';

/** One execution of a read for one request (or without one, when the intruder was on the database itself). */
export type Instance = {
  readonly read: ReadableStatement;
  /** Value of each slot; undefined = not known. */
  readonly values: readonly (string | null | undefined)[];
  readonly parameters: readonly (string | null | undefined)[];
  readonly request: Request | null;
  readonly statement: Statement | null;
  readonly routeRead: RouteRead | null;
  readonly certainty: 'strict' | 'wide';
  /** Several statements fit this request and only one ran for it. */
  readonly ambiguous: boolean;
  /** The request changed the statement itself. */
  readonly injected: boolean;
  /** What the request added may have switched the answer off: only a size that agrees makes it certain. */
  readonly conditional: boolean;
  /** The client broke off, and these rows had been sent by then. */
  readonly sent?: true;
};

/** A statement on its own, without a request that asked for it: the intruder's, if he ran it. */
export function aloneInstance(s: Statement, of: Pick<Instance, 'certainty' | 'ambiguous' | 'injected'>): Instance {
  return { read: s.read, values: s.values, parameters: s.parameters ?? [], request: null, statement: s, routeRead: null, conditional: false, ...of };
}

/** Whether the answer to a request can show rows at all, from its status and method. */
export function showsBody(r: Request): 'yes' | 'part' | 'no' {
  if (r.method === 'HEAD' || r.status === null) return r.status === null ? 'part' : 'no';
  if (r.status === 206) return 'part';
  // The client hung up (nginx 499, AWS 460, no status at all): what had been sent by then was shown.
  if (r.status === 499 || r.status === 460 || r.status === 0) return r.bytes === 0 ? 'no' : 'part';
  if (r.status === 204 || r.status === 205 || r.status >= 300 || r.status < 200) return 'no';
  return 'yes';
}

/** The reads of every request of the intruder: from the log where the statement is found, from the learned route where its line is missing. */
export function instancesOf(
  requests: readonly Request[],
  routes: readonly RouteRead[],
  log: StatementLog,
  index: StatementIndex,
): { instances: Instance[]; used: Set<number> } {
  const byRoute = groupBy(routes, r => r.route);
  const used = new Set<number>();
  const instances: Instance[] = [];
  const texts = textsOf(log);
  for (const request of requests) {
    const certainty = request.actor ?? 'wide';
    for (const route of byRoute.get(routeOf(request)) ?? []) {
      if (route.onlyForm !== undefined && route.onlyForm !== formOf(request)) continue;
      const injected = injectedText(request, route, texts, log);
      if (injected) {
        if (injected.statement) used.add(injected.statement.eventId);
        const reading = readingOf(injected.text, route.read.dialect);
        if (injected.failed || 'none' in reading) continue;
        const parameters = injected.statement?.parameters ?? [];
        instances.push({
          read: reading,
          values: reading.slots.map(s => (s.kind === 'literal' ? s.value : undefined)),
          parameters,
          request,
          statement: injected.statement,
          routeRead: route,
          certainty,
          ambiguous: !injected.sure,
          injected: true,
          conditional: false,
        });
        if (injected.sure) continue;
      }
      instances.push(...regular(request, route, index, used, certainty));
    }
  }
  return { instances, used };
}

const textCache = new WeakMap<StatementLog, Map<string, Statement[]>>();

/** Statements of a log by their text. */
function textsOf(log: StatementLog): Map<string, Statement[]> {
  const known = textCache.get(log);
  if (known) return known;
  const texts = new Map<string, Statement[]>();
  for (const s of log.statements) {
    const list = texts.get(s.text);
    if (list) list.push(s);
    else texts.set(s.text, [s]);
  }
  textCache.set(log, texts);
  return texts;
}

function regular(request: Request, route: RouteRead, index: StatementIndex, used: Set<number>, certainty: 'strict' | 'wide'): Instance[] {
  const own = index.during(request).filter(s => s.read.shape === route.read.shape && matches(s, route.bindings, request));
  const breaks = !route.parameters && route.source !== 'log' && [...request.values.values()].some(v => v.includes("'"));
  // Nothing of the request stands in such a statement: only a size that agrees makes it the request's own.
  const loose = route.bindings.some(b => b.from === 'free') && !route.bindings.some(b => b.from === 'request' || b.from === 'linear');
  const untold = route.partial === true && own.length === 0;
  const base = { read: route.read, request, routeRead: route, certainty, injected: false, conditional: breaks || loose || untold };
  const plain: Request = breaks ? { ...request, values: new Map([...request.values].map(([k, v]) => [k, v.split("'")[0]!])) } : request;
  const unusual = route.forms !== undefined && !route.forms.has(formOf(request));
  const variants = unusual || (route.forms !== undefined && own.length === 0) ? variantsOf(request, route, index) : null;
  const others = (variants?.statements ?? []).map(
    (s): Instance => ({ ...base, read: s.read, values: s.values, parameters: s.parameters ?? [], statement: s, ambiguous: !variants!.sole }),
  );
  for (const i of others) used.add(i.statement!.eventId);
  if (unusual && others.length > 0) return others;
  // What was the same for everybody may follow from a parameter that this request lacks or adds.
  const fixed = route.bindings.map((b, n) => (unusual && b.from === 'constant' && route.read.slots[n]?.kind === 'parameter' ? undefined : slotValue(b, plain)));
  const known = fixed.every(v => v !== undefined);
  for (const s of own) used.add(s.eventId);
  if (known) {
    const live = own.find(s => !s.failed) ?? null;
    if (own.length > 0 && !live) return [];
    return [...others, { ...base, values: fixed, parameters: toParameters(route.read, fixed), statement: live, ambiguous: false }];
  }
  if (own.length === 0 || unusual) {
    // A parameter was left out and no statement tells what was used instead: as if it were empty, and only a size that agrees confirms it.
    const filled = route.bindings.map((b, i) =>
      fixed[i] !== undefined ? fixed[i] : b.from === 'request' && (b.before !== '' || b.after !== '') ? b.before + b.after : undefined,
    );
    return [...others, { ...base, values: filled, parameters: toParameters(route.read, filled), statement: null, ambiguous: false, conditional: true }];
  }
  const distinct = new Map<string, Statement>();
  for (const s of own) if (!s.failed) distinct.set(JSON.stringify(s.values), s);
  // Values the route does not explain may still stand in this request (a parameter nobody else sends).
  const given = new Set(request.values.values());
  const told = [...distinct].filter(([, s]) =>
    fixed.every((v, i) => v !== undefined || (s.values[i] !== undefined && s.values[i] !== null && given.has(s.values[i]))),
  );
  if (told.length === 1 && distinct.size > 1) {
    distinct.clear();
    distinct.set(told[0]![0], told[0]![1]);
  }
  // Or differ from what every other request of the route has in that place: a statement of another route near by.
  // (a page that nobody else ever turned to may well be another window).
  const unseen = [...(route.seen ?? [])].some(([name, values]) => !values.has(request.values.get(name) ?? ''));
  const usual =
    unusual || unseen
      ? []
      : [...distinct].filter(([, s]) => fixed.every((v, i) => v !== undefined || route.usual?.[i] === undefined || s.values[i] === route.usual[i]));
  if (usual.length === 1 && distinct.size > 1) {
    distinct.clear();
    distinct.set(usual[0]![0], usual[0]![1]);
  }
  return [...distinct.values()].map(s => ({
    ...base,
    values: s.values,
    parameters: toParameters(route.read, s.values),
    statement: s,
    ambiguous: distinct.size > 1,
  }));
}

/** `$n` in order of n from slot values. */
export function toParameters(read: ReadableStatement, values: readonly (string | null | undefined)[]): (string | null | undefined)[] {
  const out: (string | null | undefined)[] = [];
  read.slots.forEach((s, i) => {
    if (s.kind === 'parameter') out[s.number - 1] = values[i];
  });
  for (let i = 0; i < out.length; i++) if (!(i in out)) out[i] = undefined;
  return out;
}

type InjectedText = { readonly text: string; readonly statement: Statement | null; readonly failed: boolean; readonly sure: boolean };

/** When the application pastes a value into the text and the value breaks out of its literal: the text that ran. */
function injectedText(request: Request, route: RouteRead, texts: ReadonlyMap<string, Statement[]>, log: StatementLog): InjectedText | null {
  for (const c of route.concatenations) {
    const value = sentValue(request, c);
    if (value === undefined) continue;
    // Somebody may take a value apart once more than the application does for everybody else.
    const breaking = layersOf(value).filter(v => breaksOut(v, c, route));
    if (breaking.length === 0) continue;
    // A UNION in a text pasted twice is left to the rebuilt statements: its replay does not yet bound what an unordered row shows.
    if (c.between && breaking.some(v => /\bunion\b/i.test(v))) continue;
    for (const text of breaking.flatMap(v => [pasted(c, v), pasted(c, v.replaceAll("'", "''"))])) {
      const found = nearest(texts.get(text), request);
      if (found) return { text, statement: found, failed: found.failed, sure: true };
      if (log.errors.has(text)) return { text, statement: null, failed: true, sure: true };
    }
    const plain = breaking[0] === value;
    const text = pasted(c, breaking[0]!);
    const reading = readingOf(text, route.read.dialect);
    if ('none' in reading) return log.present && plain ? { text, statement: null, failed: true, sure: false } : null;
    // Without a log the route's own select is a guess: a UNION would need its exact columns.
    if (route.source === 'sizes' && textOf(reading.select, 'op') !== 'SETOP_NONE') return null;
    // The line is missing from the log: the text follows from the route, unless the value was taken for a plain one and not taken apart.
    return { text, statement: null, failed: false, sure: plain };
  }
  return null;
}

/** Does a value end the literal it is pasted into, or stand where it is no literal and say more than one? */
function breaksOut(value: string, c: Concatenation, route: RouteRead): boolean {
  if (/['"\\;]|--|\/\*/.test(value)) return true;
  if (!/[\s()=<>|&,*]/.test(value)) return false;
  const reading = readingOf(pasted(c, value), route.read.dialect);
  return !('none' in reading) && reading.shape !== route.read.shape;
}

function nearest(list: readonly Statement[] | undefined, r: Request): Statement | null {
  if (!list || list.length === 0) return null;
  return list.reduce((a, b) => (Math.abs(b.loUs - r.loUs) < Math.abs(a.loUs - r.loUs) ? b : a));
}
