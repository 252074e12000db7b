import { type Engine, sql } from '../../engine/index.ts';
import { correlate, type Occurrence, type Window } from './correlate.ts';
import { documentEvaluation } from './document-target.ts';
import { type Document, loadDocuments } from './documents.ts';
import { eventColumns, eventEvaluations, forEvents, type Leads } from './event-target.ts';
import type { Correlation, Rule, Unsupported } from './ir.ts';
import { type Match, matchRules } from './match.ts';
import type { ReadRules } from './rule.ts';

/** A rule that matched one event. `where` says which table the number belongs to. */
export type RuleMatch = { readonly rule: Rule; readonly where: 'event' | 'document'; readonly event: number };
export type CorrelationMatch = { readonly rule: Correlation; readonly window: Window; readonly where: 'event' | 'document' };
export type RuleRun = {
  readonly matches: readonly RuleMatch[];
  readonly correlations: readonly CorrelationMatch[];
  readonly unsupported: readonly Unsupported[];
  readonly silent: ReadonlySet<string>;
  /** The table of leads was made. */
  readonly kept: boolean;
};

/**
 * All rules over the view `event` and over documents. Rules that only feed a correlation are matched but named in `silent`
 * unless the correlation says `generate`.
 */
export async function runRules(
  engine: Engine,
  read: ReadRules,
  documents: AsyncIterable<Document> | null,
  withEvents: boolean,
  leads: Leads | null = null,
): Promise<RuleRun> {
  let kept = false;
  const matches: RuleMatch[] = [];
  const unsupported: Unsupported[] = [];
  const correlations: CorrelationMatch[] = [];
  const collect = (rules: readonly Rule[], where: RuleMatch['where'], result: { matches: Match[]; unsupported: Unsupported[] }): void => {
    for (const m of result.matches) matches.push({ rule: rules[m.rule]!, where, event: m.event });
    unsupported.push(...result.unsupported);
  };
  if (withEvents) {
    for (const { rules, evaluation } of await eventEvaluations(engine, forEvents(read.rules), leads)) {
      const result = await matchRules(engine, rules, evaluation);
      collect(rules, 'event', result);
      kept ||= result.kept;
    }
    correlations.push(...(await correlateMatches(engine, read, matches, 'event')));
  }
  if (documents) {
    const fields = [
      ...new Set([
        ...read.rules.flatMap(r => r.fields),
        ...read.correlations.flatMap(c => [...c.groupBy, ...(c.field ? [c.field] : []), ...Object.values(c.aliases).flatMap(a => Object.values(a))]),
      ]),
    ];
    const { rows, resolve } = await loadDocuments(engine, 'sigma_document', documents, fields);
    if (rows > 0) {
      const evaluation = await documentEvaluation(engine, 'sigma_document', read.rules, resolve);
      collect(read.rules, 'document', await matchRules(engine, read.rules, evaluation));
      correlations.push(...(await correlateMatches(engine, read, matches, 'document', resolve)));
    }
  }
  const fed = new Set(read.correlations.filter(c => !c.generate).flatMap(c => c.rules));
  return { matches, correlations, unsupported, silent: fed, kept };
}

type Fields = (field: string) => ReturnType<Awaited<ReturnType<typeof loadDocuments>>['resolve']>;

async function correlateMatches(
  engine: Engine,
  read: ReadRules,
  matches: readonly RuleMatch[],
  where: RuleMatch['where'],
  resolve?: Fields,
): Promise<CorrelationMatch[]> {
  const out: CorrelationMatch[] = [];
  const done = new Map<string, Occurrence[]>();
  // A correlation may look at correlations before it: its window's end stands for it.
  const open = [...read.correlations];
  for (let round = 0; open.length > 0 && round < 20; round++) {
    for (const c of [...open]) {
      const feeders = c.rules.map(name => read.correlations.find(x => x.id === name || x.name === name)).filter(x => x !== undefined);
      if (feeders.some(f => open.includes(f) && f !== c)) continue;
      open.splice(open.indexOf(c), 1);
      const occurrences = await occurrencesOf(
        engine,
        c,
        matches.filter(m => m.where === where && c.rules.some(n => n === m.rule.id || n === m.rule.name)),
        where,
        resolve,
      );
      for (const f of feeders) for (const o of done.get(f.id) ?? []) occurrences.push({ ...o, rule: c.rules.find(n => n === f.id || n === f.name)! });
      const windows = correlate(c, occurrences);
      done.set(
        c.id,
        windows.map(w => ({
          rule: c.id,
          event: w.events[w.events.length - 1]!,
          atUs: w.toUs,
          source: 'correlation',
          group: w.group,
          value: String(w.metric),
        })),
      );
      out.push(...windows.map(window => ({ rule: c, window, where })));
    }
  }
  return out;
}

async function occurrencesOf(
  engine: Engine,
  c: Correlation,
  matches: readonly RuleMatch[],
  where: RuleMatch['where'],
  resolve: Fields | undefined,
): Promise<Occurrence[]> {
  const out: Occurrence[] = [];
  const byRule = new Map<Rule, number[]>();
  for (const m of matches) {
    const list = byRule.get(m.rule);
    if (list) list.push(m.event);
    else byRule.set(m.rule, [m.event]);
  }
  for (const [rule, events] of byRule) {
    const named = c.rules.find(n => n === rule.id || n === rule.name)!;
    const field = (f: string): string => c.aliases[f]?.[rule.name ?? ''] ?? c.aliases[f]?.[rule.id] ?? f;
    const text = (f: string): ReturnType<typeof sql> => {
      const columns = where === 'document' ? resolve!(field(f)) : eventColumns(rule, field(f));
      return columns.length === 0 ? sql`null` : sql`cast(${columns[0]!.expr} as varchar)`;
    };
    const groups = c.groupBy.length === 0 ? [sql`'' as g0`] : c.groupBy.map((f, i) => sql`${text(f)} as ${sql.id(`g${i}`)}`);
    const from = where === 'document' ? sql`sigma_document` : sql`event`;
    const key = where === 'document' ? sql`doc_no` : sql`event_id`;
    const source = where === 'document' ? sql`file` : sql`cast(file_no as varchar)`;
    const rows = await engine.rows<Record<string, string | number | null>>(
      'sigma.occurrences',
      sql`
      select ${key} as event, at_us, ${source} as source, ${c.field ? text(c.field) : sql`null`} as value, ${sql.join(groups)} from ${from}
      where ${key} in (select unnest(${JSON.stringify(events)}::json::bigint[])) and at_us is not null order by at_us, ${key}`,
    );
    for (const r of rows) {
      const parts = c.groupBy.map((_, i) => r[`g${i}`] ?? null);
      // Without the value it is grouped by, an event belongs to no group.
      if (parts.some(p => p === null)) continue;
      out.push({
        rule: named,
        event: r['event'] as number,
        atUs: r['at_us'] as number,
        source: r['source'] as string,
        group: parts.join('\u001f'),
        value: r['value'] === null ? null : String(r['value']),
      });
    }
  }
  return out;
}
