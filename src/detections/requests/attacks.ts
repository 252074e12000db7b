import { type Engine, sql } from '../../engine/index.ts';
import type { Detection, Level, StepKind } from '../tables.ts';
import { judge, type Scored } from './judge.ts';
import { suspectTargets, suspectValues } from './prefilter.ts';
import { episodes } from './request.ts';
import { scoreRequest } from './score-request.ts';
import { StatementTrace } from './statement-trace.ts';

const kindOf: Record<string, StepKind> = {
  'path-traversal': 'path-traversal',
  'command-injection': 'command-injection',
  'code-injection': 'command-injection',
  xss: 'xss',
};

/** Table of the statements in which the payload of some request was found. */
export const tracedStatements = 'detection_traced';

type Candidate = {
  event_id: number;
  at_us: number | null;
  actor: string;
  src_ip: string | null;
  target: string | null;
  path: string | null;
  status: number | null;
  bytes_out: number | null;
  duration_us: number | null;
  user_agent: string | null;
  referer: string | null;
  forwarded: string | null;
  body: string | null;
  cookie: string | null;
};

/**
 * Attacks that one request shows by itself. DuckDB throws out what can hold no signature, the rest is scored over all decoding stages and
 * grouped by actor, technique and episode; status, sizes, times and the database log then say how far each group came. `leads`: a table or view of
 * requests that holds every suspect one.
 */
export async function detectAttacks(engine: Engine, leads = 'detection_request'): Promise<Detection[]> {
  const groups = new Map<string, Scored[]>();
  const candidates = engine.stream<Candidate>(
    'detection.attack-candidates',
    sql`
    select event_id, at_us, actor, src_ip, target, path, status, bytes_out, duration_us, user_agent, referer, forwarded,
      case when json_valid(extra) then coalesce(json_extract_string(extra, '$.body'), json_extract_string(extra, '$.request_body')) end as body,
      case when json_valid(extra) then json_extract_string(extra, '$.cookie') end as cookie
    from ${sql.id(leads)} where ${sql.join([suspectTargets, ...(await suspectValues(engine))], sql` or `)}
    order by at_us nulls first, event_id`,
  );
  for await (const batch of candidates) {
    for (const c of batch) {
      const [top] = scoreRequest({
        target: c.target,
        userAgent: c.user_agent,
        referer: c.referer,
        forwarded: c.forwarded,
        body: c.body,
        cookie: c.cookie,
      });
      if (!top) continue;
      // an agent that carries the payload is another one in each request
      const actor = top.part === 'user-agent' && c.actor.startsWith('i:') ? `i:${c.src_ip ?? ''}|` : c.actor;
      const key = `${top.technique}|${actor}`;
      let group = groups.get(key);
      if (!group) groups.set(key, (group = []));
      group.push({
        eventId: c.event_id,
        atUs: c.at_us,
        path: c.path,
        status: c.status,
        bytes: c.bytes_out,
        durationUs: c.duration_us,
        srcIp: c.src_ip,
        actor,
        score: top,
      });
    }
  }
  const trace = await StatementTrace.read(
    engine,
    [...groups.values()].flat().filter(e => e.score.family === 'sqli'),
  );
  const detections: Detection[] = [];
  for (const [key, all] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const events of episodes(all)) detections.push(detectionOf(key, events, trace));
  }
  await engine.load(
    tracedStatements,
    [{ name: 'event_id', type: 'BIGINT' }],
    [...trace.explained].sort((a, b) => a - b).map(id => [id]),
  );
  return detections;
}

function detectionOf(groupKey: string, events: readonly Scored[], trace: StatementTrace): Detection {
  const { technique, family } = events[0]!.score;
  const seen = new Map(events.map(e => [e.eventId, trace.find(e)]));
  const verdict = judge(technique, events, seen);
  const best = Math.max(...events.map(e => e.score.score));
  const signatures = [...new Set(events.flatMap(e => e.score.signatures))].sort();
  return {
    ruleId: technique,
    kind: technique.startsWith('sqli-') ? (technique as StepKind) : (kindOf[family] ?? 'other'),
    family,
    level: levelOf(verdict.outcome, events.length, best),
    outcome: verdict.outcome,
    groupKey,
    facts: {
      ...verdict.facts,
      requests: events.length,
      best_score: best,
      signatures,
      routes: distinct(events.map(e => e.path)),
      parameters: distinct(events.map(e => e.score.name)),
      addresses: distinct(events.map(e => e.srcIp)),
    },
    events: events.map(e => ({
      eventId: e.eventId,
      atUs: e.atUs,
      facts: {
        score: e.score.score,
        part: e.score.part,
        ...(e.score.name !== null && { parameter: e.score.name }),
        stage: e.score.stage,
        signatures: e.score.signatures,
        ...(seen.get(e.eventId) && { database: seen.get(e.eventId) }),
      },
    })),
  };
}

function levelOf(outcome: string, count: number, best: number): Level {
  if (outcome === 'succeeded') return 'critical';
  if (outcome === 'blocked') return 'low';
  return count >= 20 || best >= 15 ? 'high' : count >= 3 || best >= 9 ? 'medium' : 'low';
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter(v => v !== null))].sort().slice(0, 20);
}
