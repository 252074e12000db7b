import fs from 'node:fs';
import path from 'node:path';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { type Micros, nearest, parseDuration, parseIso, type Sentence, UserError, zoneOffset } from '../base/index.ts';
import type { ByColumn, CaseFile, Fact } from './case-file.ts';
import { elements, roles } from './elements.ts';

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const id = z.string().regex(idPattern, { message: 'id' });
const zone = z.string().refine(isZone, { message: 'zone' });
const bilingual = z.preprocess(rejoinCommas, z.union([z.string(), z.strictObject({ ja: z.string(), en: z.string() })]));
const instant = z.string().refine(v => parseIso(v) !== null, { message: 'instant' });
const duration = z.string().refine(v => parseDuration(v) !== null, { message: 'duration' });
const relativeGlob = z
  .string()
  .min(1)
  .refine(v => !v.includes('\0'), { message: 'path' });

function fact<T extends z.ZodType>(value: T) {
  return z.union([value, z.strictObject({ value, source: z.string().optional(), by: z.string().optional() })]);
}

function byColumn<T extends z.ZodType>(value: T) {
  return z.union([value, z.strictObject({ column: z.string(), map: z.record(z.string(), value) })]);
}

const evidenceSpec = z.strictObject({
  id,
  system: id.optional(),
  kind: z.enum(['web-access', 'sql-audit', 'auth', 'waf', 'events']),
  files: z.array(relativeGlob).min(1),
  format: z.string().min(1).optional(),
  fields: z.record(z.string(), z.unknown()).optional(),
  encoding: z.string().optional(),
  timezone: zone.optional(),
  clock_offset: duration.optional(),
});

const datasetSpec = z.strictObject({
  id,
  system: id.optional(),
  table: z.string().min(1).optional(),
  files: z.array(relativeGlob).min(1),
  encoding: z.string().optional(),
  key: z.array(z.string()).min(1).optional(),
  as_of: instant.optional(),
  created_column: z.string().min(1).optional(),
  changed_column: z.string().min(1).optional(),
  role: byColumn(z.enum(roles)).optional(),
  legal_person: byColumn(z.boolean()).optional(),
  columns: z.record(z.string(), z.enum(elements).nullable()).optional(),
});

const caseSpec = z.strictObject({
  schema: z.literal('tadasu.case/1'),
  id,
  title: bilingual.optional(),
  timezone: zone.optional(),
  organisation: z
    .strictObject({
      name: z.string().optional(),
      kind: z.string().optional(),
      listed: z.boolean().optional(),
      designated_infrastructure: z.boolean().optional(),
    })
    .optional(),
  facts: z
    .strictObject({
      detected_at: fact(instant).optional(),
      known_at: fact(instant).optional(),
      contained_at: fact(instant).optional(),
      attacker_ips: fact(z.array(z.string())).optional(),
      compromised_accounts: fact(z.array(z.string())).optional(),
      improper_purpose: fact(z.boolean()).optional(),
    })
    .optional(),
  systems: z.array(z.strictObject({ id, name: z.string() })).optional(),
  evidence: z.array(evidenceSpec),
  datasets: z.array(datasetSpec),
  routes: z.array(z.strictObject({ method: z.string(), path: z.string().startsWith('/'), reads: z.string().min(1) })).optional(),
  regimes: z.array(z.string()).optional(),
});

/** Read and check a case file. Throws a UserError whose details name key, line, what is expected and the nearest known key. */
export function readCaseFile(file: string): CaseFile {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UserError('case.cannot-read', { file, reason: (cause as NodeJS.ErrnoException).code ?? 'error' }, { cause });
  }
  return parseCaseFile(text, path.basename(file));
}

/** The same, from text; `name` is shown in messages. */
export function parseCaseFile(text: string, name: string): CaseFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors.map(e => ({ code: 'case.yaml-syntax', params: { line: lines.linePos(e.pos[0]).line, reason: e.message } }));
  if (syntax.length > 0) throw new UserError('case.invalid', { file: name, count: syntax.length }, { details: syntax });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 50 });
  } catch (cause) {
    throw new UserError(
      'case.invalid',
      { file: name, count: 1 },
      { cause, details: [{ code: 'case.yaml-syntax', params: { line: 1, reason: 'too many aliases' } }] },
    );
  }
  const parsed = caseSpec.safeParse(value);
  const details = parsed.success ? crossChecks(parsed.data, document, lines) : parsed.error.issues.flatMap(i => describe(i, document, lines));
  if (details.length > 0) throw new UserError('case.invalid', { file: name, count: details.length }, { details });
  return fill(parsed.data!);
}

type Spec = z.infer<typeof caseSpec>;

function fill(spec: Spec): CaseFile {
  const timezone = spec.timezone ?? 'Asia/Tokyo';
  const title = typeof spec.title === 'string' ? { ja: spec.title, en: spec.title } : (spec.title ?? { ja: spec.id, en: spec.id });
  const facts = spec.facts ?? {};
  const at = (v: string | Stated<string> | undefined): Fact<Micros> | null => {
    if (v === undefined) return null;
    const stated = asFact(v);
    return { ...stated, value: parseIso(stated.value, timezone)! };
  };
  return {
    id: spec.id,
    title,
    timezone,
    organisation: {
      name: spec.organisation?.name ?? null,
      kind: spec.organisation?.kind ?? null,
      listed: spec.organisation?.listed ?? false,
      designatedInfrastructure: spec.organisation?.designated_infrastructure ?? false,
    },
    facts: {
      detectedAt: at(facts.detected_at),
      knownAt: at(facts.known_at),
      containedAt: at(facts.contained_at),
      attackerIps: asFact(facts.attacker_ips ?? []),
      compromisedAccounts: asFact(facts.compromised_accounts ?? []),
      improperPurpose: facts.improper_purpose === undefined ? null : asFact(facts.improper_purpose),
    },
    systems: spec.systems ?? [],
    evidence: spec.evidence.map(e => ({
      id: e.id,
      system: e.system ?? null,
      kind: e.kind,
      files: e.files,
      format: e.format ?? 'auto',
      fields: e.fields ?? null,
      encoding: e.encoding ?? 'auto',
      timezone: e.timezone ?? timezone,
      clockOffsetUs: e.clock_offset === undefined ? null : parseDuration(e.clock_offset),
    })),
    datasets: spec.datasets.map(d => ({
      id: d.id,
      system: d.system ?? null,
      table: d.table ?? d.id,
      files: d.files,
      encoding: d.encoding ?? 'auto',
      key: d.key ?? [],
      asOfUs: d.as_of === undefined ? null : parseIso(d.as_of, timezone),
      createdColumn: d.created_column ?? null,
      changedColumn: d.changed_column ?? null,
      role: asByColumn(d.role ?? 'other'),
      legalPerson: asByColumn(d.legal_person ?? false),
      columns: d.columns ?? {},
    })),
    routes: spec.routes ?? [],
    regimes: spec.regimes ?? null,
  };
}

/**
 * `{ ja: 甲, en: Range 01, a pet site }` is YAML for a key `a pet site` without a value. In a title nobody means that:
 * such a key is the rest of the text before it.
 */
function rejoinCommas(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const out: Record<string, unknown> = {};
  let last: string | null = null;
  for (const [key, v] of Object.entries(value)) {
    if (v === null && last !== null && typeof out[last] === 'string') out[last] = `${out[last] as string}, ${key}`;
    else out[(last = key)] = v;
  }
  return out;
}

type Stated<T> = { value: T; source?: string | undefined; by?: string | undefined };

function asFact<T extends string | boolean | readonly string[]>(v: T | Stated<T>): Fact<T> {
  if (typeof v === 'object' && !Array.isArray(v)) {
    const stated = v as Stated<T>;
    return { value: stated.value, source: stated.source ?? null, by: stated.by ?? null };
  }
  return { value: v as T, source: null, by: null };
}

function asByColumn<T extends string | boolean>(v: T | { column: string; map: Record<string, T> }): ByColumn<T> {
  return typeof v === 'object' ? v : { constant: v };
}

function isZone(name: string): boolean {
  try {
    zoneOffset(name, 0);
    return true;
  } catch {
    return false;
  }
}

/** What the shape alone cannot say: ids are unique, named systems exist. */
function crossChecks(spec: Spec, document: Document, lines: LineCounter): Sentence[] {
  const out: Sentence[] = [];
  for (const list of ['systems', 'evidence', 'datasets'] as const) {
    const seen = new Set<string>();
    (spec[list] ?? []).forEach((item, i) => {
      const fold = item.id.toLowerCase();
      if (seen.has(fold))
        out.push({ code: 'case.duplicate-id', params: { key: `${list}[${i}].id`, line: lineOf(document, lines, [list, i, 'id']), id: item.id } });
      seen.add(fold);
    });
  }
  if (spec.systems === undefined) return out;
  const known = spec.systems.map(s => s.id);
  for (const list of ['evidence', 'datasets'] as const) {
    spec[list].forEach((item, i) => {
      if (item.system !== undefined && !known.includes(item.system)) {
        out.push({
          code: 'case.unknown-system',
          params: { key: `${list}[${i}].system`, line: lineOf(document, lines, [list, i, 'system']), id: item.system, known: known.join(', ') },
        });
      }
    });
  }
  return out;
}

function describe(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): Sentence[] {
  const base = issue.path as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => {
      const near = nearest(key, knownKeys(base));
      const params = { key: keyText([...base, key]), line: lineOf(document, lines, [...base, key]) };
      return near === null
        ? { code: 'case.unknown-key', params: { ...params, known: knownKeys(base).join(', ') } }
        : { code: 'case.unknown-key-near', params: { ...params, nearest: near } };
    });
  }
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.filter(e => e.length > 0);
    const got = valueAt(document, base);
    const best = branches.find(b => !b.some(i => i.code === 'invalid_type' && i.path.length === 0)) ?? branches[0];
    if (best && typeof got === 'object' && got !== null) return best.flatMap(i => describe({ ...i, path: [...base, ...i.path] }, document, lines));
  }
  const params = { key: keyText(base), line: lineOf(document, lines, base), expected: expectation(issue) };
  if (valueAt(document, base) === undefined) return [{ code: 'case.missing-key', params }];
  const options = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  const near = options.length > 0 ? nearest(String(valueAt(document, base)), options) : null;
  return [near === null ? { code: 'case.bad-value', params } : { code: 'case.bad-value-near', params: { ...params, nearest: near } }];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return issue.values.map(v => JSON.stringify(v)).join(' | ');
    case 'invalid_union':
      return [...new Set(issue.errors.flat().map(e => expectation(e as z.core.$ZodIssue)))].join(' / ');
    case 'too_small':
      return `≥ ${String(issue.minimum)}`;
    case 'custom':
      return expectedForm[issue.message] ?? issue.message;
    case 'invalid_format':
      return issue.message === 'id' ? expectedForm['id']! : issue.format;
    default:
      return issue.message;
  }
}

const expectedForm: Record<string, string> = {
  id: 'A-Z a-z 0-9 . _ - (1–64)',
  zone: 'IANA time zone, e.g. Asia/Tokyo',
  instant: 'ISO 8601, e.g. 2025-04-21T09:10:00+09:00',
  duration: '0s, 1500ms, -287m, 9h',
};

/** The keys the schema knows at a path, walked through arrays and unions. */
function knownKeys(at: readonly (string | number)[]): string[] {
  let schema: z.core.$ZodType | undefined = caseSpec;
  for (const step of at) schema = schema && child(schema, step);
  return schema ? keysOf(schema) : [];
}

function keysOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodOptional) return keysOf(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(keysOf);
  return [];
}

function child(schema: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional) return child(schema.unwrap(), step);
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodObject) return schema.shape[String(step)];
  if (schema instanceof z.ZodUnion) return schema.options.map(o => child(o, step)).find(s => s !== undefined);
  return undefined;
}

function keyText(path: readonly (string | number)[]): string {
  return path.map((p, i) => (typeof p === 'number' ? `[${p}]` : i === 0 ? p : `.${p}`)).join('') || '(top)';
}

function valueAt(document: Document, path: readonly (string | number)[]): unknown {
  return path.length === 0 ? document.toJS() : (document.getIn(path) as unknown);
}

/** Line of a key (from 1); for a missing key, of the nearest parent that exists. */
function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let n = path.length; n > 0; n--) {
    const parent = n === 1 ? document.contents : document.getIn(path.slice(0, n - 1), true);
    const last = path[n - 1]!;
    if (isMap(parent)) {
      const pair = parent.items.find(p => String((p.key as { value?: unknown })?.value ?? p.key) === String(last));
      const key = pair?.key;
      if (isNode(key) && key.range) return lines.linePos(key.range[0]).line;
    } else {
      const node = document.getIn(path.slice(0, n), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
  }
  return 1;
}
