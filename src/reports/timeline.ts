import * as echarts from 'echarts';
import { displayTime, type Lang, parseIso, t } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import { type Block, type TimelineData, timelineHeight, timelineOption } from '../view/index.ts';
import type { ReportInput } from './report-input.ts';

export type EventCounts = Pick<TimelineData, 'fromUs' | 'toUs' | 'buckets' | 'rows'>;

/** Events per source in equal buckets over the whole time, and how many of them are the intruder's. */
export async function countEventsOverTime({ engine }: OpenCase, buckets: number): Promise<EventCounts> {
  const span = await engine.row<{ lo: number | null; hi: number | null }>(
    'timeline.span',
    sql`select min(at_us) as lo, max(at_us) as hi from event where class <> 0`,
  );
  if (span.lo === null || span.hi === null) return { fromUs: 0, toUs: 0, buckets, rows: [] };
  const width = Math.max(1, Math.ceil((span.hi - span.lo + 1) / buckets));
  const rows = await engine.rows<EventCounts['rows'][number]>(
    'timeline.counts',
    sql`
    select e.evidence_id, ((e.at_us - ${span.lo}) // ${width})::integer as bucket, count(*) as events, count(a.event_id) as intruder
    from event e left join (select distinct event_id from actor_event) a using (event_id)
    where e.at_us is not null and e.class <> 0 group by 1, 2 order by 1, 2`,
  );
  return { fromUs: span.lo, toUs: span.lo + width * buckets, buckets, rows };
}

/** The timeline as a picture, drawn by the same function as the page's. */
export function timelinePicture(lang: Lang, input: ReportInput, counts: EventCounts): Block[] {
  const { steps } = input.result.intrusion;
  if (steps.length === 0 || counts.rows.length === 0) return [];
  const option = timelineOption(
    {
      ...counts,
      steps: steps.map(s => ({ id: s.id, label: t(lang, `common:step_kind.${s.kind}`), fromUs: parseIso(s.from)!, toUs: parseIso(s.to)!, outcome: s.outcome })),
      gaps: input.result.evidence.flatMap(e => e.gaps).map(g => ({ fromUs: parseIso(g.from)!, toUs: parseIso(g.to)! })),
    },
    {
      others: t(lang, 'web:chart.others'),
      intruder: t(lang, 'web:chart.intruder'),
      steps: t(lang, 'web:steps'),
      gap: t(lang, 'web:chart.gap'),
      time: us => displayTime(Math.round(us), input.zone).slice(5, 19),
    },
  );
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 960, height: timelineHeight(steps.length) });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return [{ kind: 'picture', svg, alt: t(lang, 'web:chart.label') }];
}
