import { groupBy, MINUTE } from '../../base/index.ts';
import { compileSql, type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { birth, type Changes, existence } from '../replay/changes.ts';
import { unsettled } from '../replay/epochs.ts';
import { readingsOf } from '../routes/coding.ts';
import type { TermSearches } from '../routes/infer-terms.ts';
import { showsBody } from '../routes/instances.ts';
import { type Request, routeOf, spanOf } from '../routes/requests.ts';
import { looseLike } from '../sql/index.ts';
import { claimAnyRecordBy } from './any-record.ts';
import type { Claims } from './claims.ts';
import { claimTerms, termsOf } from './found-terms.ts';
import { claimJoined } from './joined-rows.ts';
import { membersOf } from './list-values.ts';
import { type KnownInjections, knownInjections, literalPart } from './literal-part.ts';
import { claimNamed, type NamedClaim } from './named-claim.ts';
import { eventsOfSteps } from './step-events.ts';

const lowerNames = /^(?:from|since|start|after|begin|min|gte?|lower)(?:_?(?:date|at|day))?$|^(?:date_?)?(?:from|start|since)$/i;
const upperNames = /^(?:to|until|end|before|max|lte?|upper)(?:_?(?:date|at|day))?$|^(?:date_?)?(?:to|end|until)$/i;

export const isLower = (name: string): boolean => lowerNames.test(name);
export const isUpper = (name: string): boolean => upperNames.test(name);

/**
 * Successful requests on routes of which nothing is known but their name: rows of the dataset the path names that agree with what
 * the parameters can mean. All of it is only possible (T2). Routes that name no dataset are returned.
 */
export async function claimByNames(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  requests: readonly Request[],
  known: ReadonlySet<string>,
  silent: (route: string) => boolean = () => false,
  changes: Changes = new Map(),
  searches: TermSearches = new Map(),
): Promise<Map<string, number>> {
  const unread = requests.filter(r => !known.has(routeOf(r)) && showsBody(r) !== 'no' && (r.method === 'GET' || r.method === 'POST'));
  if (unread.length === 0) return new Map();
  const terms = new Map<string, Request>();
  const byName = new Map<string, NamedClaim>();
  const broken: Request[] = [];
  const unnamed = new Map<string, number>();
  const larger = await largerThanNamed(engine, catalogue, unread);
  const done = new Set<string>();
  const written = new Set<string>();
  const injections = await knownInjections(engine);
  const openers = openersOf(requests);
  // What a record holds now says nothing of one that was changed since.
  const span = spanOf(requests);
  const dated = unread.some(r => [...r.values.values()].some(v => /^\d{4}-\d{2}-\d{2}/.test(v)));
  const open = new Map(catalogue.datasets.map(d => [d.id, unsettled(d, span, changes, dated ? null : askable(d))]));
  for (const r of unread) {
    const route = routeOf(r);
    const named = datasetsNamed(catalogue, r.shape);
    const datasets = named.length > 0 ? named : datasetsOfParameters(catalogue, r);
    if (datasets.length === 0) {
      if ((r.bytes ?? 1) > 0) {
        unnamed.set(route, (unnamed.get(route) ?? 0) + 1);
        if (silent(route)) continue;
        if ([...r.values.values()].some(v => (isInjection(r, injections) || readingsOf(v).some(breaksOut)) && asked(r, v, injections) === null)) broken.push(r);
        for (const v of [...r.values.values(), ...(openers.get(r) ?? [])])
          for (const t of [...readingsOf(v), ...(asked(r, v, injections) ?? [])].flatMap(termsOf)) terms.set(t, r);
      }
      continue;
    }
    const identity = JSON.stringify([route, [...r.values]]);
    if (done.has(identity)) continue;
    done.add(identity);
    for (const dataset of datasets) {
      const where = [...r.values].map(([name, value]) => meaning(dataset, r, name, value, injections, searches)).filter(w => w !== null);
      const id = claimNamed(claims, dataset.id, r);
      const rows = JSON.stringify([id, where.map(w => compileSql(w))]);
      if (written.has(rows)) continue;
      written.add(rows);
      await claims.possibleRows(id, dataset, where.length > 0 ? sql`((${sql.join(where, sql` and `)}) or ${open.get(dataset.id)!})` : null);
      if (named.length > 0 && !silent(route)) byName.set(id, { dataset, named, request: r });
    }
  }
  await claimJoined(catalogue, claims, byName);
  await claimTerms(engine, catalogue, claims, terms, open);
  for (const [route, list] of larger) await claimAnyRecordBy(catalogue, claims, 'route-unknown', route, list, { route, larger: true });
  if (broken.length > 0) await claimBroken(engine, catalogue, claims, broken, requests);
  return unnamed;
}

const soonUs = MINUTE;
const leastName = 5;
const mostOpeners = 20;

/**
 * Pages that are asked for by nothing (`/mypage`) show whoever was let in: to each of them what the same sender had just sent with requests that were
 * accepted, as long as names are.
 */
function openersOf(requests: readonly Request[]): Map<Request, readonly string[]> {
  const out = new Map<Request, readonly string[]>();
  const sent = new Map<string | null, { readonly us: number; readonly names: readonly string[] }[]>();
  for (const r of requests) {
    const before = (sent.get(r.ip) ?? []).filter(o => o.us >= r.loUs - soonUs);
    if (r.values.size === 0) {
      if (before.length > 0) out.set(r, [...new Set(before.flatMap(o => o.names))]);
      continue;
    }
    const names = [...r.values.values()].filter(v => v.length >= leastName);
    if (names.length > 0 && r.status !== null && r.status < 400) sent.set(r.ip, [...before, { us: r.loUs, names }].slice(-mostOpeners));
  }
  return out;
}

/** What a request can ask for when it names no day: any value but a time, or that the record is there. */
function askable(d: Dataset): number[] {
  return [existence, birth, ...d.columns.filter(c => c.type !== 'date' && c.type !== 'time').map(c => c.no)];
}

/** Markup around a record, and how much escaping may lengthen a text. */
const markup = 200;
const escaping = 3.5;

/**
 * Requests by route whose path names a data set that cannot have filled their answers (`/admin/list` is not the list of `admins`): the answers differ by
 * more than all its records together make.
 */
async function largerThanNamed(engine: Engine, catalogue: Catalogue, requests: readonly Request[]): Promise<Map<string, Request[]>> {
  const out = new Map<string, Request[]>();
  for (const [route, list] of groupBy(
    requests.filter(r => r.bytes !== null),
    routeOf,
  )) {
    const named = datasetsNamed(catalogue, list[0]!.shape);
    const least = list.reduce((a, r) => Math.min(a, r.bytes!), Infinity);
    if (named.length === 0 || list.every(r => r.bytes === least)) continue;
    let all = 0;
    for (const d of named) all += await mostShown(engine, d);
    const above = list.filter(r => r.bytes! - least > all);
    if (above.length > 0) out.set(route, above);
  }
  return out;
}

/** More bytes than a page of all records of a data set has. */
async function mostShown(engine: Engine, dataset: Dataset): Promise<number> {
  const lengths = sql.join(
    dataset.columns.map(c => sql`coalesce(strlen(cast(${sql.id(`c${c.no}`)} as varchar)), 0)`),
    sql` + `,
  );
  const { n, bytes } = await engine.row<{ n: number; bytes: number }>(
    'exposure.named_size',
    sql`select count(*) as n, coalesce(sum(${lengths}), 0) as bytes from ${sql.id(dataset.view)}`,
  );
  return escaping * Number(bytes) + markup * Number(n);
}

const isInjection = (r: Request, { query, condition }: KnownInjections): boolean => query.has(r.eventId) || condition.has(r.eventId);
const breaksOut = (value: string): boolean => /['";]|--|\/\*/.test(value);

/**
 * An injection, known to have worked, into a function of which not even the table is known: when its answer was larger than the smallest there, it may have shown any
 * record (T2). So may the answers to its questions, all of one size, where it read failures against them: a list in another order is as large.
 */
async function claimBroken(engine: Engine, catalogue: Catalogue, claims: Claims, broken: readonly Request[], all: readonly Request[]): Promise<void> {
  const worked = await eventsOfSteps(engine, sql`kind like 'sqli-%' and outcome = 'succeeded'`);
  const questions = await eventsOfSteps(engine, sql`kind = 'sqli-boolean' and outcome = 'succeeded'`);
  const injected = broken.filter(r => worked.has(r.eventId));
  for (const [route, list] of [...groupBy(injected, routeOf)].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const beside = all.filter(r => routeOf(r) === route);
    const least = beside.reduce((a, r) => (r.bytes !== null && showsBody(r) !== 'no' ? Math.min(a, r.bytes) : a), Infinity);
    const larger = list.filter(r => r.bytes === null || r.bytes >= least + 16);
    const answered = list.filter(r => questions.has(r.eventId) && (r.status ?? 0) < 400);
    const shown = larger.length > 0 ? larger : beside.some(r => (r.status ?? 0) >= 500) ? answered : [];
    if (shown.length > 0) await claimAnyRecordBy(catalogue, claims, 'route-unknown', route, shown, { route, broken: true });
  }
}

/** Datasets whose name (singular or plural) is a word of the path; the last word that names one wins, its parents narrow it. */
export function datasetsNamed(catalogue: Catalogue, shape: string): Dataset[] {
  const words = shape
    .toLowerCase()
    .split(/[^\p{L}\p{N}_]+/u)
    .filter(w => w.length > 2)
    .reverse();
  for (const w of words) {
    const hits = catalogue.datasets.filter(d => {
      const s = d.table.replace(/s$/, '');
      return w === s || w === d.table || d.table.split('_').some(p => p.replace(/s$/, '') === w.replace(/s$/, ''));
    });
    if (hits.length > 0) return hits;
  }
  return [];
}

/** When the path names none: datasets with a column of the name of one of the parameters (`/export?rank=gold`). */
export function datasetsOfParameters(catalogue: Catalogue, r: Request): Dataset[] {
  const names = new Set([...r.values].filter(([name, value]) => value !== '' && !name.startsWith('path.')).map(([name]) => name.toLowerCase()));
  return catalogue.datasets.filter(d => d.columns.some(c => names.has(c.name.toLowerCase())));
}

/** What one parameter says about rows of a dataset, or null when it may say nothing. Always a superset: any column it could mean. */
function meaning(dataset: Dataset, r: Request, name: string, value: string, injections: KnownInjections, searches: TermSearches): Sql | null {
  const asks = value === '' ? null : asked(r, value, injections);
  if (asks === null) return null;
  const readings = asks.flatMap(v => [v, ...membersOf(v)]);
  const ref = (c: Column): Sql => sql`cast(${sql.id(`c${c.no}`)} as varchar)`;
  // A number asked for with something else than a number travels in a form nobody told us.
  const opaque = (c: Column): boolean => c.type === 'int' && !readings.some(v => /^-?\d+$/.test(v));
  if (name.startsWith('path.')) {
    const at = Number(name.slice(5));
    const parent = (r.path.split('/')[at - 1] ?? '').toLowerCase().replace(/s$/, '');
    const own = parent === dataset.table.replace(/s$/, '');
    const columns = dataset.columns.filter(c => (own ? dataset.key.includes(c.name) : c.name.toLowerCase().startsWith(parent) && parent !== ''));
    if (columns.length !== 1 || opaque(columns[0]!)) return null;
    return sql`${ref(columns[0]!)} in (${sql.join(
      readings.map(v => sql`${v}`),
      sql`, `,
    )})`;
  }
  // What another parameter beside it does, nobody has seen.
  const search = r.values.size === 1 ? searches.get(routeOf(r))?.get(name) : undefined;
  if (search?.dataset.id === dataset.id)
    return sql`(${sql.join(
      search.columns.flatMap(c => readings.map(v => looseLike(ref(c), sql`${`%${v}%`}`))),
      sql` or `,
    )})`;
  const same = dataset.columns.find(c => c.name.toLowerCase() === name.toLowerCase());
  if (same) {
    if (opaque(same)) return null;
    return sql`(${sql.join(
      readings
        .map(v => sql`contains(lower(${ref(same)}), lower(${v}))`)
        .concat(readings.filter(v => /[%_]/.test(v)).map(v => sql`${ref(same)} ilike ${`%${v}%`}`)),
      sql` or `,
    )})`;
  }
  const dates = dataset.columns.filter(c => c.type === 'date' || c.type === 'time');
  if (dates.length > 0 && /^\d{4}-\d{2}-\d{2}/.test(value)) {
    if (lowerNames.test(name))
      return sql`(${sql.join(
        dates.map(c => sql`${ref(c)} >= ${value.slice(0, 10)}`),
        sql` or `,
      )})`;
    if (upperNames.test(name))
      return sql`(${sql.join(
        dates.map(c => sql`${ref(c)} <= ${`${value.slice(0, 10)}~`}`),
        sql` or `,
      )})`;
  }
  return null;
}

/**
 * What a parameter asks for, in each way it can be read: the value itself, or of an injection whose other part is known, the value it breaks
 * out of; null when it may ask for anything.
 */
function asked(r: Request, value: string, injections: KnownInjections): string[] | null {
  const read = injections.query.has(r.eventId);
  const understood = isInjection(r, injections);
  const out: string[] = [];
  for (const v of readingsOf(value)) {
    const part = understood ? literalPart(v) : null;
    if (part && (read || part.adds !== 'rows')) out.push(part.value);
    else if (/['"\\;]|--|\/\*/.test(v) || (understood && /\s/.test(v))) return null;
    else out.push(v);
  }
  return out;
}
