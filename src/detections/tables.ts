import { contentId, langs, t } from '../base/index.ts';
import { type ColumnSpec, type Engine, sql } from '../engine/index.ts';

export const stepKinds = [
  'scan',
  'credential-stuffing',
  'password-spray',
  'account-takeover',
  'idor-enumeration',
  'mass-export',
  'sqli-boolean',
  'sqli-time',
  'sqli-union',
  'sqli-error',
  'sqli-stacked',
  'path-traversal',
  'web-shell',
  'command-injection',
  'xss',
  'db-dump',
  'other',
] as const;
export type StepKind = (typeof stepKinds)[number];

export type Outcome = 'attempted' | 'succeeded' | 'blocked' | 'unknown';
export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';
export type EventId = number | bigint;

export type DetectionEvent = {
  readonly eventId: EventId;
  readonly atUs: number | null;
  readonly facts?: Readonly<Record<string, unknown>>;
};

/** What a rule or method says, before it is written. Titles come from `rule.<ruleId>` of the locales unless given. */
export type Detection = {
  readonly ruleId: string;
  readonly kind: StepKind;
  readonly family: string;
  readonly level: Level;
  readonly outcome: Outcome;
  readonly groupKey: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly events: readonly DetectionEvent[];
  /** Of a Sigma rule; absent for methods of ours. */
  readonly rule?: {
    readonly titleJa: string;
    readonly titleEn: string;
    readonly author: string;
    readonly licence: string;
    readonly link: string;
  };
};

const detectionColumns: readonly ColumnSpec[] = [
  { name: 'detection_id', type: 'VARCHAR' },
  { name: 'rule_id', type: 'VARCHAR' },
  { name: 'kind', type: 'VARCHAR' },
  { name: 'family', type: 'VARCHAR' },
  { name: 'level', type: 'VARCHAR' },
  { name: 'title_ja', type: 'VARCHAR' },
  { name: 'title_en', type: 'VARCHAR' },
  { name: 'author', type: 'VARCHAR' },
  { name: 'licence', type: 'VARCHAR' },
  { name: 'link', type: 'VARCHAR' },
  { name: 'outcome', type: 'VARCHAR' },
  { name: 'first_us', type: 'BIGINT' },
  { name: 'last_us', type: 'BIGINT' },
  { name: 'events', type: 'BIGINT' },
  { name: 'group_key', type: 'VARCHAR' },
  { name: 'facts', type: 'VARCHAR' },
];

const eventColumns: readonly ColumnSpec[] = [
  { name: 'detection_id', type: 'VARCHAR' },
  { name: 'event_id', type: 'BIGINT' },
  { name: 'facts', type: 'VARCHAR' },
];

/** Replace `detection` and `detection_event`. Ids depend on content only; rows are written in id order. */
export async function writeDetections(engine: Engine, detections: readonly Detection[], into = 'detection'): Promise<void> {
  const rows = detections
    .filter(d => d.events.length > 0)
    .map(d => ({ d, ...summarise(d) }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  await engine.transaction(async () => {
    await engine.load(
      into,
      detectionColumns,
      rows.map(({ d, id, first, last }) => {
        const [ja, en] = d.rule ? [d.rule.titleJa, d.rule.titleEn] : langs.map(lang => t(lang, `detections:rule.${d.ruleId}`));
        return [
          id,
          d.ruleId,
          d.kind,
          d.family,
          d.level,
          ja,
          en,
          d.rule?.author ?? 'Tadasu',
          d.rule?.licence ?? 'Apache-2.0',
          d.rule?.link ?? null,
          d.outcome,
          first,
          last,
          d.events.length,
          d.groupKey,
          JSON.stringify(d.facts),
        ];
      }),
    );
    await engine.load(`${into}_event`, eventColumns, eventRows(rows));
    if (into === 'detection') await engine.run('detection.order', sql`create index if not exists detection_event_by_id on detection_event (event_id)`);
  });
}

/** Put the detections of one rule beside those of all others, in place of what it said before. */
export async function replaceDetections(engine: Engine, ruleId: string, detections: readonly Detection[]): Promise<void> {
  await engine.run(
    'detection.of-rule-events',
    sql`delete from detection_event where detection_id in (select detection_id from detection where rule_id = ${ruleId})`,
  );
  await engine.run('detection.of-rule', sql`delete from detection where rule_id = ${ruleId}`);
  if (detections.length === 0) return;
  await writeDetections(engine, detections, 'detection_more');
  for (const t of ['detection', 'detection_event']) {
    const from = t.replace('detection', 'detection_more');
    await engine.run('detection.more', sql`insert into ${sql.id(t)} by name select * from ${sql.id(from)}`);
    await engine.run('detection.more', sql`drop table ${sql.id(from)}`);
  }
}

function* eventRows(rows: Iterable<{ d: Detection; id: string }>): Generator<readonly unknown[]> {
  for (const { d, id } of rows) for (const e of d.events) yield [id, e.eventId, e.facts ? JSON.stringify(e.facts) : null];
}

function summarise(d: Detection): { id: string; first: number | null; last: number | null } {
  let first: number | null = null;
  let last: number | null = null;
  let lowest: EventId = d.events[0]!.eventId;
  for (const e of d.events) {
    if (e.eventId < lowest) lowest = e.eventId;
    if (e.atUs === null) continue;
    if (first === null || e.atUs < first) first = e.atUs;
    if (last === null || e.atUs > last) last = e.atUs;
  }
  return { id: contentId('detection', { rule: d.ruleId, group: d.groupKey, event: String(lowest) }), first, last };
}
