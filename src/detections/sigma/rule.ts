import { parseAllDocuments } from 'yaml';
import { DAY, HOUR, MINUTE, SECOND } from '../../base/index.ts';
import { parseCondition } from './condition.ts';
import {
  type Compare,
  type Correlation,
  type CorrelationType,
  type Expr,
  type Logsource,
  type Rule,
  RuleError,
  type RuleHead,
  type Unsupported,
} from './ir.ts';
import { type Placeholders, readSearch } from './search.ts';

/** A filter document: its negation is added to the rules it names. */
export type Filter = {
  readonly id: string;
  readonly rules: 'any' | readonly string[];
  readonly logsource: Logsource;
  readonly expr: Expr;
  readonly file: string;
};
export type ReadRules = {
  readonly rules: readonly Rule[];
  readonly correlations: readonly Correlation[];
  readonly filters: readonly Filter[];
  readonly unsupported: readonly Unsupported[];
};

/** Every document of one rule file. What cannot be read or compiled is named, the rest goes on. */
export function readRules(text: string, file: string, placeholders: Placeholders = {}): ReadRules {
  const out = {
    rules: [] as Rule[],
    correlations: [] as Correlation[],
    filters: [] as Filter[],
    unsupported: [] as Unsupported[],
  };
  let documents: { toJS(): unknown; errors: readonly { message: string }[] }[];
  try {
    documents = [...parseAllDocuments(text, { uniqueKeys: false, logLevel: 'silent' })];
  } catch (error) {
    out.unsupported.push({ file, id: null, title: null, reason: `yaml: ${(error as Error).message}` });
    return out;
  }
  for (const document of documents) {
    const error = document.errors[0];
    if (error) {
      out.unsupported.push({ file, id: null, title: null, reason: `yaml: ${error.message.split('\n')[0]}` });
      continue;
    }
    let spec: unknown;
    try {
      spec = document.toJS();
    } catch (cause) {
      out.unsupported.push({ file, id: null, title: null, reason: `yaml: ${(cause as Error).message}` });
      continue;
    }
    if (spec === null) continue;
    const map = isMap(spec) ? spec : {};
    try {
      if (map['correlation'] !== undefined) out.correlations.push(readCorrelation(map, file));
      else if (map['filter'] !== undefined) out.filters.push(readFilter(map, file, placeholders));
      else if (map['detection'] !== undefined) out.rules.push(readRule(map, file, placeholders));
      else throw new RuleError('neither detection, correlation nor filter');
    } catch (cause) {
      if (!(cause instanceof RuleError)) throw cause;
      out.unsupported.push({ file, id: text1(map['id']), title: text1(map['title']), reason: cause.message });
    }
  }
  return out;
}

function readRule(map: Readonly<Record<string, unknown>>, file: string, placeholders: Placeholders): Rule {
  const expr = readDetection(map['detection'], placeholders);
  return {
    ...readHead(map, file),
    kind: 'rule',
    logsource: readLogsource(map['logsource']),
    expr,
    fields: [...fieldsOf(expr)].sort(),
  };
}

function readDetection(detection: unknown, placeholders: Placeholders, prefix = ''): Expr {
  if (!isMap(detection)) throw new RuleError('detection is no map');
  const { condition, timeframe, ...searches } = detection;
  if (timeframe !== undefined) throw new RuleError('timeframe without correlation');
  const read = new Map<string, Expr>();
  for (const [name, spec] of Object.entries(searches)) read.set(name, readSearch(prefix + name, spec, placeholders));
  const conditions = (Array.isArray(condition) ? condition : [condition]).map(c => {
    if (typeof c !== 'string') throw new RuleError('condition is missing');
    return parseCondition(c, read);
  });
  return conditions.length === 1 ? conditions[0]! : { op: 'or', items: conditions };
}

function readFilter(map: Readonly<Record<string, unknown>>, file: string, placeholders: Placeholders): Filter {
  const head = readHead(map, file);
  const spec = map['filter'];
  if (!isMap(spec)) throw new RuleError('filter is no map');
  const { rules, ...detection } = spec;
  return {
    id: head.id,
    file,
    logsource: readLogsource(map['logsource']),
    rules: rules === 'any' || rules === undefined ? 'any' : texts(rules),
    expr: readDetection(detection, placeholders, `_filt_${head.id}_`),
  };
}

/** The rules with the negation of every filter that names them. */
export function applyFilters(rules: readonly Rule[], filters: readonly Filter[]): Rule[] {
  return rules.map(rule => {
    const mine = filters.filter(
      f => (f.rules === 'any' || f.rules.includes(rule.id) || (rule.name !== null && f.rules.includes(rule.name))) && within(f.logsource, rule.logsource),
    );
    if (mine.length === 0) return rule;
    const expr: Expr = { op: 'and', items: [rule.expr, ...mine.map((f): Expr => ({ op: 'not', item: f.expr }))] };
    return { ...rule, expr, fields: [...fieldsOf(expr)].sort() };
  });
}

function within(wide: Logsource, narrow: Logsource): boolean {
  return (['product', 'category', 'service'] as const).every(k => wide[k] === null || wide[k] === narrow[k]);
}

const correlationTypes = new Set(['event_count', 'value_count', 'temporal', 'temporal_ordered', 'value_sum', 'value_avg', 'value_percentile', 'value_median']);
const compares = new Set(['gt', 'gte', 'lt', 'lte', 'eq', 'neq']);

function readCorrelation(map: Readonly<Record<string, unknown>>, file: string): Correlation {
  const c = map['correlation'];
  if (!isMap(c)) throw new RuleError('correlation is no map');
  const type = String(c['type']);
  if (!correlationTypes.has(type)) throw new RuleError(`correlation type "${type}" is not known`);
  const temporal = type === 'temporal' || type === 'temporal_ordered';
  const condition = c['condition'];
  if (condition !== undefined && !isMap(condition)) throw new RuleError('correlation condition over rule names');
  const conditions = Object.entries(condition ?? {})
    .filter(([k]) => compares.has(k))
    .map(([k, v]) => ({ compare: k as Compare, value: Number(v) }));
  if (conditions.length === 0 && !temporal) throw new RuleError('correlation without condition');
  if (conditions.some(x => !Number.isFinite(x.value))) throw new RuleError('correlation condition is no number');
  for (const k of Object.keys(condition ?? {}))
    if (!compares.has(k) && k !== 'field' && k !== 'percentile') throw new RuleError(`correlation condition "${k}" is not known`);
  const field = text1(condition?.['field']) ?? text1(c['field']);
  if (field === null && type.startsWith('value_')) throw new RuleError(`${type} needs a field`);
  const rules = texts(c['rules']);
  if (rules.length === 0) throw new RuleError('correlation names no rules');
  if (rules.length > 60) throw new RuleError('correlation over more than 60 rules');
  return {
    ...readHead(map, file),
    kind: 'correlation',
    type: type as CorrelationType,
    rules,
    groupBy: texts(c['group-by'] ?? []),
    spanUs: span(c['timespan'] ?? c['timeframe']),
    conditions,
    field,
    percentile: Number(condition?.['percentile'] ?? 50),
    aliases: isMap(c['aliases']) ? (c['aliases'] as Correlation['aliases']) : {},
    generate: c['generate'] === true || map['generate'] === true,
  };
}

function span(value: unknown): number {
  const m = /^(\d+)([smhdwM])$/.exec(String(value ?? ''));
  if (!m) throw new RuleError(`timespan "${String(value)}" is not understood`);
  return Number(m[1]) * { s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY, M: 30 * DAY }[m[2] as 's']!;
}

function readHead(map: Readonly<Record<string, unknown>>, file: string): RuleHead {
  const title = text1(map['title']);
  if (title === null) throw new RuleError('title is missing');
  const references = texts(map['references'] ?? []);
  const id = text1(map['id']) ?? text1(map['name']) ?? title;
  return {
    id,
    name: text1(map['name']),
    title,
    titleJa: text1(map['title_ja']),
    author: text1(map['author']) ?? '',
    licence: text1(map['license'] ?? map['licence']),
    level: text1(map['level']) ?? 'medium',
    status: text1(map['status']),
    link: text1(map['link']) ?? references[0] ?? null,
    references,
    tags: texts(map['tags'] ?? []),
    file,
    custom: isMap(map['tadasu']) ? map['tadasu'] : {},
  };
}

function readLogsource(value: unknown): Logsource {
  const map = isMap(value) ? value : {};
  const lower = (k: string): string | null => text1(map[k])?.toLowerCase() ?? null;
  return { product: lower('product'), category: lower('category'), service: lower('service') };
}

/** All field names a condition looks at. */
export function fieldsOf(expr: Expr, out = new Set<string>()): Set<string> {
  if (expr.op === 'leaf') {
    if (expr.field !== null) out.add(expr.field);
    if (expr.test.kind === 'field') out.add(expr.test.other);
  } else if (expr.op === 'not' || expr.op === 'search') fieldsOf(expr.item, out);
  else for (const i of expr.items) fieldsOf(i, out);
  return out;
}

function isMap(x: unknown): x is Record<string, unknown> {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}

function text1(x: unknown): string | null {
  return typeof x === 'string' ? x : typeof x === 'number' ? String(x) : null;
}

function texts(x: unknown): string[] {
  return (Array.isArray(x) ? x : [x]).filter(v => typeof v === 'string' || typeof v === 'number').map(String);
}
