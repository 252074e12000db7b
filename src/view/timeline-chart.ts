import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams, EChartsOption } from 'echarts';

/** What the timeline shows: steps as lanes above, events per source below; shared by the page and the printed report. */
export type TimelineData = {
  readonly fromUs: number;
  readonly toUs: number;
  readonly buckets: number;
  readonly rows: readonly { readonly evidence_id: string; readonly bucket: number; readonly events: number; readonly intruder: number }[];
  readonly steps: readonly { readonly id: string; readonly label: string; readonly fromUs: number; readonly toUs: number; readonly outcome: string }[];
  readonly gaps: readonly { readonly fromUs: number; readonly toUs: number }[];
};

export type TimelineTexts = { readonly others: string; readonly intruder: string; readonly steps: string; readonly gap: string; time(us: number): string };

const colours = { succeeded: '#ce0000', attempted: '#b45309', blocked: '#197a4b', unknown: '#626264', others: '#9db7f9', intruder: '#ce0000', gap: '#e6e6e6' };

/** An ECharts option; times on the axis are microseconds, so nothing passes through a Date. Outcomes differ by pattern as well as colour. */
export function timelineOption(data: TimelineData, texts: TimelineTexts): EChartsOption {
  const width = (data.toUs - data.fromUs) / Math.max(1, data.buckets);
  const total = (key: 'events' | 'intruder'): number[][] => {
    const sums = new Map<number, number>();
    for (const r of data.rows) sums.set(r.bucket, (sums.get(r.bucket) ?? 0) + (key === 'intruder' ? r.intruder : r.events - r.intruder));
    return [...sums].sort((a, b) => a[0] - b[0]).map(([b, n]) => [data.fromUs + (b + 0.5) * width, n]);
  };
  const laneHeight = 22;
  const lanes = data.steps.length;
  const lanesBottom = 40 + Math.max(1, lanes) * laneHeight;
  return {
    animation: false,
    textStyle: { fontFamily: 'BIZ UDPGothic, Noto Sans JP, sans-serif' },
    aria: { enabled: true, decal: { show: false } },
    legend: { top: 0, left: 0, itemHeight: 10, data: [texts.others, texts.intruder] },
    tooltip: { trigger: 'item', confine: true },
    grid: [
      { left: 220, right: 24, top: 32, height: Math.max(1, lanes) * laneHeight },
      { left: 220, right: 24, top: lanesBottom + 16, height: 140 },
    ],
    xAxis: [0, 1].map(i => ({
      type: 'value' as const,
      gridIndex: i,
      min: data.fromUs,
      max: Math.max(data.toUs, data.fromUs + 1),
      splitNumber: 5,
      splitLine: { show: true, lineStyle: { color: '#eee' } },
      axisLabel: { show: i === 1, formatter: (v: number) => texts.time(v), hideOverlap: true },
      axisTick: { show: i === 1 },
    })),
    yAxis: [
      {
        type: 'category',
        gridIndex: 0,
        inverse: true,
        data: data.steps.map(s => s.label),
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: { width: 205, overflow: 'truncate', fontSize: 12 },
      },
      { type: 'value', gridIndex: 1, minInterval: 1, splitNumber: 3, axisLabel: { formatter: (v: number) => v.toLocaleString('en-US') } },
    ],
    series: [
      {
        type: 'custom',
        name: texts.steps,
        xAxisIndex: 0,
        yAxisIndex: 0,
        encode: { x: [1, 2], y: 0 },
        data: data.steps.map((s, i) => ({
          value: [i, s.fromUs, s.toUs],
          name: s.label,
          itemStyle: { color: colours[s.outcome as keyof typeof colours] ?? colours.unknown },
        })),
        tooltip: { formatter: p => stepTip(data.steps[(p as { dataIndex: number }).dataIndex]!, texts) },
        renderItem: lane,
      },
      {
        type: 'bar',
        name: texts.others,
        xAxisIndex: 1,
        yAxisIndex: 1,
        stack: 'n',
        barWidth: '90%',
        itemStyle: { color: colours.others },
        data: total('events'),
        markArea: { silent: true, itemStyle: { color: colours.gap }, data: data.gaps.map(g => [{ xAxis: g.fromUs, name: texts.gap }, { xAxis: g.toUs }]) },
      },
      {
        type: 'bar',
        name: texts.intruder,
        xAxisIndex: 1,
        yAxisIndex: 1,
        stack: 'n',
        barWidth: '90%',
        itemStyle: { color: colours.intruder },
        data: total('intruder'),
      },
    ],
  };
}

export const timelineHeight = (steps: number): number => 40 + Math.max(1, steps) * 22 + 16 + 140 + 40;

function lane(_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) {
  const row = api.value(0) as number;
  const from = api.coord([api.value(1) as number, row]);
  const to = api.coord([api.value(2) as number, row]);
  // A step shorter than a pixel must still be seen.
  return {
    type: 'rect' as const,
    shape: { x: from[0]!, y: from[1]! - 7, width: Math.max(3, to[0]! - from[0]!), height: 14, r: 2 },
    style: { fill: String(api.visual('color')) },
  };
}

function stepTip(step: TimelineData['steps'][number], texts: TimelineTexts): string {
  const safe = (s: string): string => s.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
  return `${safe(step.label)}<br>${safe(texts.time(step.fromUs))} – ${safe(texts.time(step.toUs))}`;
}
