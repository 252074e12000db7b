import path from 'node:path';
import { groupBy, type Problem, packageRoot, problem } from '../base/index.ts';
import { type Engine, type Sql, sql } from '../engine/index.ts';
import { eventDocuments } from './detect-files.ts';
import { shapePrefilter, suspectValues, targetPrefilter } from './requests/prefilter.ts';
import { episodes, oddTargets, requestColumns, viewRequests } from './requests/request.ts';
import type { RuleHead } from './sigma/ir.ts';
import type { ReadRules } from './sigma/rule.ts';
import { readRuleFolder } from './sigma/rule-folder.ts';
import { runRules } from './sigma/run.ts';
import { type Detection, type Level, type Outcome, type StepKind, stepKinds } from './tables.ts';

const kinds = new Set<string>(stepKinds);
const levels = new Set(['informational', 'low', 'medium', 'high', 'critical']);
const outcomes = new Set(['attempted', 'succeeded', 'blocked', 'unknown']);

/**
 * Our rules in `rules/`, and others that somebody brings, over events and records; one detection a rule, actor and episode. The pass over requests also
 * finds those that may hold an attack: `leads` is what holds all of them.
 */
export async function detectByRules(engine: Engine, others: ReadRules | null = null): Promise<{ detections: Detection[]; problems: Problem[]; leads: string }> {
  const own = uncovered(readRuleFolder(path.join(packageRoot, 'rules')));
  const read: ReadRules = others === null ? own : joinRules(own, others);
  const leads = {
    table: 'detection_leads',
    targetPattern: targetPrefilter,
    shapePattern: shapePrefilter,
    oddTargets: (holds: Sql) => oddTargets(engine, holds),
    also: await suspectValues(engine),
    columns: [...requestColumns, 'db_user'],
  };
  const run = await runRules(engine, read, (await engine.hasTable('event_file')) ? eventDocuments(engine, no => String(no)) : null, true, leads);
  if (run.kept) await viewRequests(engine, 'detection_lead', leads.table);
  // What only feeds a correlation is told by it.
  const told = (rule: RuleHead): boolean => !run.silent.has(rule.id) && !(rule.name !== null && run.silent.has(rule.name));
  const ids = run.matches.filter(m => told(m.rule)).map(m => ({ rule: m.rule as RuleHead, where: m.where, event: m.event }));
  for (const c of run.correlations.filter(x => told(x.rule))) for (const e of c.window.events) ids.push({ rule: c.rule, where: c.where, event: e });
  const rows = await readMatched(engine, ids, run.kept ? leads.table : null);
  const detections: Detection[] = [];
  const located = rows.map(r => ({ eventId: r.event_id, atUs: r.at_us, actor: r.actor, rule: ids[r.n]!.rule }));
  for (const [, list] of groupBy(located, m => `${m.rule.id}\u0000${m.actor}`)) {
    const rule = list[0]!.rule;
    const sorted = [...new Map(list.map(m => [m.eventId, m])).values()].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.eventId < b.eventId ? -1 : 1));
    for (const part of episodes(sorted)) {
      detections.push({
        ruleId: rule.id,
        kind: pick(rule.custom['kind'], kinds, 'other') as StepKind,
        family: 'rule',
        level: pick(rule.level, levels, 'medium') as Level,
        outcome: pick(rule.custom['outcome'], outcomes, 'unknown') as Outcome,
        groupKey: `rule|${list[0]!.actor}`,
        facts: { rule_file: rule.file, tags: rule.tags },
        events: part.map(e => ({ eventId: e.eventId, atUs: e.atUs })),
        rule: {
          titleJa: rule.titleJa ?? rule.title,
          titleEn: rule.title,
          author: rule.author,
          licence: rule.licence ?? '',
          link: rule.link ?? '',
        },
      });
    }
  }
  return {
    detections,
    leads: run.kept ? 'detection_lead' : 'detection_request',
    problems: [...read.unsupported, ...run.unsupported].map(u => problem('detections.rule-unsupported', 'warning', { ref: u.file }, { reason: u.reason })),
  };
}

type Matched = { n: number; event_id: number; at_us: number | null; actor: string };

/** Time and actor of what matched, `n`: its place in the list. Most of it is among the leads. */
async function readMatched(
  engine: Engine,
  ids: readonly { readonly where: 'event' | 'document'; readonly event: number }[],
  leads: string | null,
): Promise<Matched[]> {
  await engine.load(
    'detection_suspicious',
    [
      { name: 'n', type: 'BIGINT' },
      { name: 'id', type: 'BIGINT' },
      { name: 'document', type: 'BOOLEAN' },
    ],
    ids.map((m, i) => [i, m.event, m.where === 'document']),
  );
  const withDocuments = ids.some(m => m.where === 'document');
  const read = (from: Sql): Promise<Matched[]> =>
    engine.rows<Matched>(
      'detection.rule-events',
      sql`
      select n, event_id, at_us, coalesce('s:' || session, 'a:' || account, 'd:' || db_user, 'i:' || src_ip || '|' || coalesce(user_agent, ''), '') as actor
      from (select n, id from detection_suspicious where not document ${withDocuments ? sql`union all select n, d.event_id from detection_suspicious s join sigma_document d on d.doc_no = s.id where document` : sql``}) m
      join ${from} on event_id = m.id order by n`,
    );
  if (leads === null) return read(sql`event`);
  const known = await read(sql.id(leads));
  const found = new Set(known.map(r => r.n));
  if (!withDocuments && found.size === ids.length) return known;
  const rest = await read(sql`event`);
  return [...known, ...rest.filter(r => !found.has(r.n))].sort((a, b) => a.n - b.n);
}

/** Without the rules of ours that a method of ours says better in a case; they are for `tadasu detect`, which runs rules alone. */
function uncovered(read: ReadRules): ReadRules {
  const open = (r: RuleHead): boolean => r.custom['covered'] !== true;
  return { ...read, rules: read.rules.filter(open), correlations: read.correlations.filter(open) };
}

function joinRules(a: ReadRules, b: ReadRules): ReadRules {
  return {
    rules: [...a.rules, ...b.rules],
    correlations: [...a.correlations, ...b.correlations],
    filters: [...a.filters, ...b.filters],
    unsupported: [...a.unsupported, ...b.unsupported],
  };
}

function pick(value: unknown, allowed: ReadonlySet<string>, other: string): string {
  return typeof value === 'string' && allowed.has(value) ? value : other;
}
