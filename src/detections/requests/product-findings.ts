import { groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Detection, Level, Outcome, StepKind } from '../tables.ts';
import { count } from './judge.ts';
import { episodes } from './request.ts';
import { type RequestScore, scoreRequest } from './score-request.ts';

type Row = {
  event_id: number;
  at_us: number | null;
  client: string;
  target: string | null;
  user_agent: string | null;
  referer: string | null;
  status: number | null;
  outcome: number;
  message: string | null;
  level: string | null;
  extra: string | null;
};

type Finding = { readonly id: string | null; readonly text: string; readonly severity: string; readonly tags: readonly string[] };

/** Words in tags and messages of products, and what they speak of. */
const families: readonly (readonly [RegExp, string, StepKind])[] = [
  [/sqli|sql injection/i, 'sqli', 'other'],
  [/xss|cross-site script/i, 'xss', 'xss'],
  [/rce|remote command|command (?:execution|injection)|shell/i, 'command-injection', 'command-injection'],
  [/lfi|traversal|local file/i, 'path-traversal', 'path-traversal'],
  [/rfi|remote file|ssrf/i, 'ssrf', 'other'],
  [/injection-php|php injection|java attack|code injection/i, 'code-injection', 'command-injection'],
  [/scanner|crawler|bot/i, 'scan', 'scan'],
];
const grave = new Set(['EMERGENCY', 'ALERT', 'CRITICAL', 'HIGH', '0', '1', '2']);

/**
 * What a protecting product wrote down (web application firewalls): its findings by client and kind, with its rules and how often it stopped
 * the request. The request (with its body, which such logs hold) is scored by our own signatures too; both judgements are shown.
 */
export async function detectProductFindings(engine: Engine): Promise<Detection[]> {
  const rows = engine.stream<Row>(
    'detection.product-findings',
    sql`
    select event_id, at_us, 'i:' || coalesce(src_ip, '') || '|' || coalesce(user_agent, '') as client, target, user_agent, referer, status, coalesce(outcome, 0)::integer as outcome, message, level, extra
    from event where class = 6 and (action is distinct from 'audit' or contains(extra, 'request_body')) order by at_us nulls first, event_id`,
  );
  type Judged = {
    readonly row: Row;
    readonly atUs: number | null;
    readonly findings: readonly Finding[];
    readonly own: RequestScore | null;
    readonly family: string;
    readonly kind: StepKind;
  };
  const judged: Judged[] = [];
  for await (const batch of rows) {
    for (const row of batch) {
      const extra = read(row.extra);
      const findings = findingsOf(row, extra);
      const body = extra['request_body'];
      const [own] = scoreRequest({ target: row.target, userAgent: row.user_agent, referer: row.referer, body: typeof body === 'string' ? body : null });
      if (findings.length === 0 && !own) continue;
      const words = findings.flatMap(f => [f.text, ...f.tags]).join(' ');
      const named = families.find(([pattern]) => pattern.test(words));
      const kind = own?.technique.startsWith('sqli-') ? (own.technique as StepKind) : (named?.[2] ?? 'other');
      judged.push({ row: { ...row, extra: null }, atUs: row.at_us, findings, own: own ?? null, family: own?.family ?? named?.[1] ?? 'other', kind });
    }
  }
  const out: Detection[] = [];
  for (const [key, list] of groupBy(judged, j => `${j.family}|${j.kind}|${j.row.client}`)) {
    for (const part of episodes(list)) {
      const stopped = part.filter(j => j.row.outcome === 2).length;
      const rules = count(part.flatMap(j => j.findings.map(f => f.id ?? f.text)));
      const serious = part.filter(j => j.findings.some(f => grave.has(f.severity.toUpperCase()))).length;
      const best = Math.max(0, ...part.map(j => j.own?.score ?? 0));
      out.push({
        ruleId: 'product-finding',
        kind: part[0]!.kind,
        family: part[0]!.family,
        level: levelOf(part.length, stopped, serious, best),
        outcome: outcomeOf(part.length, stopped),
        groupKey: `product|${key}`,
        facts: {
          requests: part.length,
          stopped,
          grave: serious,
          product_rules: Object.fromEntries(rules.slice(0, 20)),
          messages: [...new Set(part.flatMap(j => j.findings.map(f => f.text)))].sort().slice(0, 10),
          own_score: best,
          own_signatures: [...new Set(part.flatMap(j => j.own?.signatures ?? []))].sort(),
          statuses: Object.fromEntries(count(part.map(j => String(j.row.status ?? '-')))),
        },
        events: part.map(j => ({
          eventId: j.row.event_id,
          atUs: j.atUs,
          facts: {
            rules: j.findings.map(f => f.id ?? f.text).slice(0, 20),
            ...(j.own && { score: j.own.score, part: j.own.part, signatures: j.own.signatures }),
          },
        })),
      });
    }
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : a.groupKey > b.groupKey ? 1 : (a.events[0]!.atUs ?? 0) - (b.events[0]!.atUs ?? 0)));
}

function outcomeOf(n: number, stopped: number): Outcome {
  return stopped === n ? 'blocked' : stopped > 0 ? 'attempted' : 'unknown';
}

/** A product's word alone is weak: it also speaks of oddly written but harmless requests. */
function levelOf(n: number, stopped: number, serious: number, best: number): Level {
  if (best === 0) return serious === 0 ? 'informational' : serious >= 5 && stopped < n ? 'medium' : 'low';
  if (stopped === n) return 'low';
  return n >= 20 || best >= 15 ? 'high' : n >= 3 || best >= 9 ? 'medium' : 'low';
}

function findingsOf(row: Row, extra: Readonly<Record<string, unknown>>): Finding[] {
  const text = (v: unknown): string => (typeof v === 'string' ? v : typeof v === 'number' ? String(v) : '');
  const list = Array.isArray(extra['rules']) ? extra['rules'] : [];
  const out = list
    .filter((r): r is Record<string, unknown> => typeof r === 'object' && r !== null)
    .map(r => ({
      id: text(r['id']) || null,
      text: text(r['msg']) || text(r['match']),
      severity: text(r['severity']),
      tags: Array.isArray(r['tags']) ? r['tags'].map(text) : [],
    }));
  if (out.length > 0 || row.message === null || row.message === '') return out;
  return [{ id: null, text: row.message.slice(0, 200), severity: row.level ?? '', tags: [] }];
}

function read(extra: string | null): Record<string, unknown> {
  if (extra === null) return {};
  try {
    const value: unknown = JSON.parse(extra);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
