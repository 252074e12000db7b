import { BarChart, CustomChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { displayTime, parseIso } from '../../../base/time.ts';
import { timelineHeight, timelineOption } from '../../../view/timeline-chart.ts';
import { useCase, useResult, useTimeline } from '../data.ts';
import { State } from '../parts/state.tsx';
import { StepTable } from '../parts/step-table.tsx';

echarts.use([BarChart, CustomChart, AriaComponent, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent, SVGRenderer]);

export function Timeline() {
  const { t } = useTranslation();
  const result = useResult();
  const timeline = useTimeline();
  const zone = useCase().data?.timezone ?? 'UTC';
  const box = useRef<HTMLDivElement>(null);
  const steps = result.data?.intrusion.steps;
  const option = useMemo(() => {
    if (!result.data || !timeline.data) return null;
    return timelineOption(
      {
        ...timeline.data,
        steps: result.data.intrusion.steps.map(s => ({
          id: s.id,
          label: t(`common:step_kind.${s.kind}`),
          fromUs: parseIso(s.from)!,
          toUs: parseIso(s.to)!,
          outcome: s.outcome,
        })),
        gaps: result.data.evidence.flatMap(e => e.gaps).map(g => ({ fromUs: parseIso(g.from)!, toUs: parseIso(g.to)! })),
      },
      {
        others: t('chart.others'),
        intruder: t('chart.intruder'),
        steps: t('steps'),
        gap: t('chart.gap'),
        time: us => displayTime(Math.round(us), zone).slice(5, 19),
      },
    );
  }, [result.data, timeline.data, t, zone]);
  useEffect(() => {
    if (!box.current || !option) return undefined;
    const chart = echarts.init(box.current, null, { renderer: 'svg' });
    chart.setOption(option);
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      chart.dispose();
    };
  }, [option]);
  return (
    <>
      <h1>{t('page.timeline')}</h1>
      <State query={timeline.error ? timeline : result} />
      <div ref={box} className="chart" style={{ height: timelineHeight(steps?.length ?? 0) }} role="img" aria-label={t('chart.label')} />
      {steps && <StepTable steps={steps} />}
    </>
  );
}
