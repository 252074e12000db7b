import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Effects, exitCodes, groupBy, t, UserError } from '../base/index.ts';
import { type CaseFile, CaseStore, type EvidenceSpec, emptyCaseFile, type OpenCase, readProblems } from '../case/index.ts';
import { Engine, sql } from '../engine/index.ts';
import { derivedColumns, readEvents } from '../events/index.ts';
import { collectEvidence } from '../evidence/index.ts';
import type { Document } from './sigma/documents.ts';
import type { RuleHead, Unsupported } from './sigma/ir.ts';
import { jsonDocuments, looksLikeJson } from './sigma/json-file.ts';
import { readRuleFolder } from './sigma/rule-folder.ts';
import { type RuleRun, runRules } from './sigma/run.ts';

export type DetectFilesOptions = {
  readonly files: readonly string[];
  readonly rules: string;
  readonly stats?: boolean;
  readonly json?: boolean;
  readonly format?: string;
};

/** One match as it is printed. `event` is the record as it was read. */
export type PrintedMatch = {
  readonly rule_id: string;
  readonly title: string;
  readonly author: string;
  readonly level: string;
  readonly licence: string;
  readonly link: string | null;
  readonly file: string;
  readonly line: number;
  readonly event: unknown;
};

/**
 * `tadasu detect`: rules of a folder over log files in any of our formats, JSON events and Windows event logs.
 * One JSON line a match; `--stats` sums up what compiled, what did not and why, instead.
 */
export async function detectFiles(options: DetectFilesOptions, effects: Effects): Promise<number> {
  for (const f of options.files) if (!fs.existsSync(f)) throw new UserError('detections.no-file', { path: f });
  const read = readRuleFolder(options.rules);
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-detect-'));
  const engine = await Engine.open({ file: ':memory:', threads: effects.threads, tempDirectory: work });
  const store = new CaseStore(path.join(work, 'case.sqlite'));
  try {
    const json: string[] = [];
    const logs: string[] = [];
    for (const f of options.files) (((options.format ?? 'auto') === 'auto' || options.format === 'jsonl') && (await looksLikeJson(f)) ? json : logs).push(f);
    const twins = await sameContent(logs);
    const shown = await readLogs(engine, store, work, [...twins.keys()], options.format ?? 'auto', effects);
    const bad = { count: 0 };
    const run = await runRules(engine, read, documents(engine, json, shown, bad), logs.length > 0);
    if (options.stats) printStats(read.rules.length + read.correlations.length, [...read.unsupported, ...run.unsupported], run, options, effects);
    else await printMatches(engine, run, shown, twins);
    const problems = new Map<string, number>();
    for (const p of logs.length > 0 ? await readProblems(engine) : []) problems.set(p.code, (problems.get(p.code) ?? 0) + p.count);
    for (const [code, count] of problems) effects.log('detect.problem', { code, count });
    if (bad.count > 0) effects.log('detect.not-json', { lines: bad.count });
    return exitCodes.done;
  } finally {
    engine.close();
    store.close();
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Files of the same bytes are read once: each first name with all names of its content. */
async function sameContent(files: readonly string[]): Promise<Map<string, string[]>> {
  const bySize = groupBy(files, f => fs.statSync(f).size);
  const out = new Map<string, string[]>();
  for (const list of bySize.values()) {
    if (list.length === 1) {
      out.set(list[0]!, list);
      continue;
    }
    const byHash = new Map<string, string[]>();
    for (const f of list) {
      const hash = createHash('sha256');
      await pipeline(fs.createReadStream(f), hash);
      const key = hash.digest('hex');
      byHash.set(key, [...(byHash.get(key) ?? []), f]);
    }
    for (const names of byHash.values()) out.set(names[0]!, names);
  }
  return out;
}

/** Read logs into the event table of a case that exists only for this command; gives the names as the person wrote them, by file number. */
async function readLogs(
  engine: Engine,
  store: CaseStore,
  work: string,
  files: readonly string[],
  format: string,
  effects: Effects,
): Promise<Map<number, string>> {
  const shown = new Map<number, string>();
  if (files.length === 0) return shown;
  const absolute = files.map(f => path.resolve(f));
  const root = path.parse(absolute[0]!).root;
  const evidence = absolute.map(
    (f, i): EvidenceSpec => ({
      id: `f${String(i).padStart(6, '0')}`,
      system: null,
      kind: 'events',
      files: [path.relative(root, f)],
      format,
      fields: null,
      encoding: 'auto',
      timezone: 'UTC',
      clockOffsetUs: null,
    }),
  );
  const file: CaseFile = { ...emptyCaseFile('detect', 'UTC'), evidence };
  const kase: OpenCase = { file, casePath: path.join(root, 'case.yaml'), caseDir: root, outDir: work, engine, store };
  await collectEvidence(kase, effects);
  await readEvents(kase, effects);
  const rows = await engine.rows<{ file_no: number; evidence_id: string }>('detect.files', sql`select file_no, evidence_id from source_file order by file_no`);
  for (const r of rows) shown.set(r.file_no, files[Number(r.evidence_id.slice(1))]!);
  return shown;
}

/** JSON files first, then the records of event logs (EVTX and the like) that the events stage read. */
async function* documents(engine: Engine, json: readonly string[], shown: ReadonlyMap<number, string>, bad: { count: number }): AsyncGenerator<Document> {
  for (const f of json) yield* jsonDocuments(f, f, bad);
  if (shown.size > 0) yield* eventDocuments(engine, fileNo => shown.get(fileNo) ?? '');
}

/** Records of event logs in the event table: those whose fields are in `extra`. */
export async function* eventDocuments(engine: Engine, nameOf: (fileNo: number) => string): AsyncGenerator<Document> {
  const files = await engine.rows<{ file_no: number }>(
    'detect.record-files',
    sql`select file_no from event_file where format in ('evtx', 'cloudtrail', 'jsonl') order by file_no`,
  );
  if (files.length === 0) return;
  const rows = await engine.rows<{ event_id: number; file_no: number; line_no: number; at_us: number | null; extra: string }>(
    'detect.records',
    sql`
    select event_id, file_no, line_no, at_us, extra from event where file_no in (${sql.join(files.map(f => sql.lit(f.file_no)))}) and extra is not null and class <> 0 order by event_id`,
  );
  for (const r of rows) {
    const data = JSON.parse(r.extra) as unknown;
    yield { file: nameOf(r.file_no), line: r.line_no, text: r.extra, data, eventId: r.event_id, atUs: r.at_us };
  }
}

async function printMatches(engine: Engine, run: RuleRun, shown: ReadonlyMap<number, string>, twins: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const isSilent = (rule: RuleHead): boolean => run.silent.has(rule.id) || (rule.name !== null && run.silent.has(rule.name));
  const lines: { order: string; text: string }[] = [];
  const push = (rule: RuleHead, file: string, line: number, event: unknown, more: Record<string, unknown> = {}): void => {
    for (const name of twins.get(file) ?? [file]) {
      lines.push({
        order: `${name}\u0000${String(line).padStart(12, '0')}\u0000${rule.id}`,
        text: JSON.stringify({ ...headOf(rule), file: name, line, event, ...more }),
      });
    }
  };
  const events = new Set<number>();
  const records = new Set<number>();
  for (const m of run.matches) (m.where === 'event' ? events : records).add(m.event);
  for (const c of run.correlations) for (const e of c.window.events) (c.where === 'event' ? events : records).add(e);
  const found = { event: await eventRows(engine, events, shown), document: await documentRows(engine, records) };
  for (const m of run.matches) {
    if (isSilent(m.rule)) continue;
    const row = found[m.where].get(m.event);
    if (row) push(m.rule, row.file, row.line, row.event);
  }
  for (const c of run.correlations) {
    if (isSilent(c.rule)) continue;
    const rows = c.window.events.map(e => found[c.where].get(e)).filter(r => r !== undefined);
    const last = rows[rows.length - 1];
    if (last)
      push(c.rule, last.file, last.line, last.event, {
        correlation: {
          group: c.window.group.split('\u001f'),
          metric: c.window.metric,
          events: rows.map(r => ({ file: r.file, line: r.line })),
        },
      });
  }
  lines.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  for (let i = 0; i < lines.length; i += 1000)
    process.stdout.write(
      lines
        .slice(i, i + 1000)
        .map(l => `${l.text}\n`)
        .join(''),
    );
}

function headOf(rule: RuleHead): Pick<PrintedMatch, 'rule_id' | 'title' | 'author' | 'level' | 'licence' | 'link'> {
  return {
    rule_id: rule.id,
    title: rule.title,
    author: rule.author,
    level: rule.level,
    licence: rule.licence ?? licenceOf(rule),
    link: rule.link,
  };
}

/** Rules state their licence or come from a collection whose licence names them; unknown stays unknown. */
function licenceOf(rule: RuleHead): string {
  return rule.status !== null && rule.tags.some(tag => tag.startsWith('attack.')) ? 'DRL-1.1' : 'unknown';
}

type Found = Map<number, { file: string; line: number; event: unknown }>;

async function eventRows(engine: Engine, ids: ReadonlySet<number>, shown: ReadonlyMap<number, string>): Promise<Found> {
  const out: Found = new Map();
  if (ids.size === 0) return out;
  await engine.load(
    'sigma_wanted',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...ids].map(id => [id]),
  );
  for await (const batch of engine.stream<Record<string, unknown>>('detect.events', sql`select event.* from event join sigma_wanted using (event_id)`)) {
    for (const row of batch) {
      const event = Object.fromEntries(Object.entries(row).filter(([k, v]) => v !== null && !hidden.has(k)));
      out.set(row['event_id'] as number, {
        file: shown.get(row['file_no'] as number) ?? '',
        line: row['line_no'] as number,
        event,
      });
    }
  }
  return out;
}

const hidden = new Set<string>([
  'event_id',
  'file_no',
  'evidence_id',
  'system_id',
  'nth',
  'byte_off',
  'byte_len',
  'line_count',
  'start_lo_us',
  'start_hi_us',
  'end_lo_us',
  'end_hi_us',
  'decode_depth',
  'decode_flags',
  'time_us',
  ...derivedColumns.map(c => c.name),
]);

async function documentRows(engine: Engine, ids: ReadonlySet<number>): Promise<Found> {
  const out: Found = new Map();
  if (ids.size === 0) return out;
  await engine.load(
    'sigma_wanted',
    [{ name: 'doc_no', type: 'BIGINT' }],
    [...ids].map(id => [id]),
  );
  for await (const batch of engine.stream<{ doc_no: number; file: string; line: number; text: string }>(
    'detect.documents',
    sql`select doc_no, file, line, text from sigma_document join sigma_wanted using (doc_no)`,
  )) {
    for (const r of batch) out.set(r.doc_no, { file: r.file, line: r.line, event: JSON.parse(r.text) as unknown });
  }
  return out;
}

function printStats(compiled: number, unsupported: readonly Unsupported[], run: RuleRun, options: DetectFilesOptions, effects: Effects): void {
  const matched = new Set(run.matches.map(m => m.rule.id));
  const stats = {
    documents: compiled + unsupported.filter(u => !u.reason.startsWith('engine:')).length,
    compiled: compiled - unsupported.filter(u => u.reason.startsWith('engine:')).length,
    unsupported: unsupported.map(u => ({ file: u.file, id: u.id, title: u.title, reason: u.reason })),
    rules_matched: matched.size,
    matches: run.matches.length,
    correlations: run.correlations.length,
  };
  if (options.json || process.stdout.isTTY !== true) process.stdout.write(`${JSON.stringify(stats, null, 2)}\n`);
  else {
    process.stdout.write(`${t(effects.lang, 'detections:stats.summary', stats)}\n`);
    for (const u of stats.unsupported) process.stdout.write(`  ${u.file}: ${u.reason}\n`);
  }
}
