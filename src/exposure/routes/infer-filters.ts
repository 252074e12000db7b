import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { datasetsNamed } from '../claims/name-bound.ts';
import { readingOf } from '../replay/statements.ts';
import type { Binding } from './binding.ts';
import { type Compared, fitTables } from './fit-tables.ts';
import type { InferredRead } from './infer-reads.ts';
import { showsBody } from './instances.ts';
import { formOf, type Request, routeOf } from './requests.ts';

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
type Op = '=' | '>=' | '>' | '<=' | '<';
/** What one parameter does: a condition on a column, or nothing at all (null). */
type Condition = { readonly name: string; readonly column: Column; readonly op: Op } | null;
type Form = { readonly names: readonly string[]; readonly requests: Request[] };

const lower = /(?:^|[_-])(?:from|after|since|start|min|begin|gte?|lower)(?:$|[_-])/i;
const upper = /(?:^|[_-])(?:to|until|before|end|max|lte?|upper)(?:$|[_-])/i;
const mostAnswers = 24;
const mostMeanings = 400;

/**
 * A CSV export that takes filters nobody explains (`?rank=A`, `?from=5000&to=5600`): the conditions and columns under which every answer of
 * the route, the intruder's and everybody else's, comes out to the byte. Every condition each parameter could mean is tried; it is believed
 * only where chance cannot have made it, and only if it explains all that the intruder was answered there.
 */
export async function inferFilters(
  engine: Engine,
  catalogue: Catalogue,
  route: string,
  used: readonly Request[],
  sample: readonly Request[],
): Promise<InferredRead[]> {
  const own = used.filter(r => routeOf(r) === route && showsBody(r) !== 'no');
  if (!/\.csv$|csv|export|download/i.test(route) || own.length === 0 || own.some(r => r.status !== 200 || r.bytes === null)) return [];
  const answers = distinctAnswers([...own, ...sample.filter(r => r.status === 200)]);
  if (!answers || answers.length < 2) return [];
  const forms = new Map<string, Form>();
  for (const r of answers) {
    const form = forms.get(formOf(r)) ?? { names: [...r.values.keys()].filter(n => r.values.get(n) !== '').sort(), requests: [] };
    form.requests.push(r);
    forms.set(formOf(r), form);
  }
  for (const dataset of datasetsNamed(catalogue, own[0]!.shape)) {
    if (dataset.columns.length > 13 || dataset.rows > 500_000) continue;
    const meanings: { form: Form; conditions: Condition[]; shots: Compared[] }[][] = [];
    for (const form of forms.values()) {
      const list = [];
      for (const conditions of await meaningsOf(engine, dataset, form)) {
        const shots = [];
        for (const r of form.requests) shots.push(await measure(engine, dataset, conditions, r));
        list.push({ form, conditions, shots });
      }
      meanings.push(list);
    }
    const fit = fitTables(
      dataset,
      meanings.map(list => list.map(m => m.shots)),
    );
    if (!fit) continue;
    const sure = new Set(dataset.columns.filter((_, j) => (fit.every >> j) & 1).map(c => c.no));
    const columns = dataset.columns.filter((_, j) => (fit.some >> j) & 1);
    const reads: InferredRead[] = [];
    for (const [f, list] of meanings.entries()) {
      const { form, conditions } = list[fit.chosen[f]!]!;
      const where = conditions.filter(c => c !== null).map((c, i) => `${quote(c.column.name)} ${c.op} $${i + 1}`);
      const named = conditions.filter(c => c !== null);
      const read = readingOf(
        `select ${columns.map(c => quote(c.name)).join(', ')} from ${quote(dataset.table)}${where.length > 0 ? ` where ${where.join(' and ')}` : ''}`,
      );
      if ('none' in read) return [];
      const bindings = read.slots.map((s): Binding => ({ from: 'request', name: named[s.number - 1]!.name, before: '', after: '' }));
      reads.push({
        route,
        read,
        bindings,
        concatenations: [],
        support: 1,
        learnedFrom: answers.length,
        source: 'sizes',
        parameters: true,
        onlyForm: formOf(form.requests[0]!),
        sure,
        dataset,
        proved: new Set(own.map(r => r.eventId)),
      });
    }
    return reads;
  }
  return [];
}

/** Each combination of values once; null when one was answered with two sizes, or there are too many of the intruder's. */
function distinctAnswers(requests: readonly Request[]): Request[] | null {
  const out = new Map<string, Request>();
  for (const r of requests) {
    if (r.bytes === null || [...r.values.values()].some(v => /['"\\;%]/.test(v))) {
      if (r.actor !== null) return null;
      continue;
    }
    const key = JSON.stringify([...r.values].filter(([, v]) => v !== '').sort());
    const known = out.get(key);
    if (known && known.bytes !== r.bytes) return null;
    if (!known) {
      if (out.size >= mostAnswers) {
        if (r.actor !== null) return null;
        continue;
      }
      out.set(key, r);
    }
  }
  return [...out.values()];
}

/** Every way to read the parameters of a form. */
async function meaningsOf(engine: Engine, dataset: Dataset, form: Form): Promise<Condition[][]> {
  let all: Condition[][] = [[]];
  for (const name of form.names) {
    const own = await conditionsOf(
      engine,
      dataset,
      name,
      form.requests.map(r => r.values.get(name)!),
    );
    all = all.flatMap(list => own.map(c => [...list, c]));
    if (all.length > mostMeanings) return [];
  }
  return all;
}

async function conditionsOf(engine: Engine, dataset: Dataset, name: string, values: readonly string[]): Promise<Condition[]> {
  const out: Condition[] = [null];
  const distinct = [...new Set(values)];
  const ops: readonly Op[] = lower.test(name) ? ['>=', '>'] : upper.test(name) ? ['<=', '<'] : ['>=', '>', '<=', '<'];
  for (const column of dataset.columns) {
    const row = await engine.row<{ n: number }>(
      'exposure.infer_values',
      sql`select count(distinct cast(${sql.id(`c${column.no}`)} as varchar))::integer as n from ${sql.id(dataset.view)} where cast(${sql.id(`c${column.no}`)} as varchar) in (${sql.join(distinct.map(v => sql`${v}`))})`,
    );
    if (row.n === distinct.length) out.push({ name, column, op: '=' });
    const dates = (column.type === 'date' || column.type === 'time') && distinct.every(v => /^\d{4}-\d{2}-\d{2}$/.test(v));
    const numbers = column.type === 'int' && distinct.every(v => /^-?\d{1,15}$/.test(v));
    if (dates || numbers) for (const op of ops) out.push({ name, column, op });
  }
  return out;
}

async function measure(engine: Engine, dataset: Dataset, conditions: readonly Condition[], r: Request): Promise<Compared> {
  const compare = (m: NonNullable<Condition>): Sql => {
    const number = m.column.type === 'int' && m.op !== '=';
    const c = number ? sql`cast(${sql.id(`c${m.column.no}`)} as bigint)` : sql`cast(${sql.id(`c${m.column.no}`)} as varchar)`;
    const v = number ? sql`cast(${r.values.get(m.name)!} as bigint)` : sql`${r.values.get(m.name)!}`;
    return m.op === '='
      ? sql`${c} = ${v}`
      : m.op === '>='
        ? sql`${c} >= ${v}`
        : m.op === '>'
          ? sql`${c} > ${v}`
          : m.op === '<='
            ? sql`${c} <= ${v}`
            : sql`${c} < ${v}`;
  };
  const where = conditions.filter(c => c !== null).map(compare);
  const lengths = dataset.columns.map(c => {
    const d = sql`coalesce(d.${sql.id(c.name)}, '')`;
    return sql`coalesce(sum(strlen(${d}) + case when regexp_matches(${d}, '[",\r\n]') then 2 + strlen(${d}) - strlen(replace(${d}, '"', '')) else 0 end), 0)::bigint as ${sql.id(`l${c.no}`)}`;
  });
  const row = await engine.row<Record<string, number>>(
    'exposure.infer_export',
    sql`select count(*) as k, ${sql.join(lengths)} from ${sql.id(dataset.view)} t join ${sql.id(`data_${dataset.id}`)} d using (row_no) ${where.length > 0 ? sql`where ${sql.join(where, sql` and `)}` : sql``}`,
  );
  return { size: r.bytes!, k: Number(row['k']), lengths: dataset.columns.map(c => Number(row[`l${c.no}`])) };
}
