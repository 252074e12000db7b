import { useInfiniteQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get, type Result, type StepEvent, useDecisions, useResult } from '../data.ts';
import { DecisionDialog, type Proposal } from '../parts/decision-dialog.tsx';
import { Detections } from '../parts/detections.tsx';
import { LineLink } from '../parts/figure.tsx';
import { Recovered } from '../parts/recovered.tsx';
import { State } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';

/** One step with all its events, a page at a time. */
export function Step() {
  const { t, i18n } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const result = useResult();
  const events = useInfiniteQuery({
    queryKey: ['step', id],
    initialPageParam: 0,
    retry: false,
    queryFn: ({ pageParam }) => get<{ rows: StepEvent[]; next: number | null }>(`/steps/${encodeURIComponent(id)}/events?after=${pageParam}`),
    getNextPageParam: last => last.next,
  });
  const step = result.data?.intrusion.steps.find(s => s.id === id);
  return (
    <>
      <h1>{step ? t(`common:step_kind.${step.kind}`) : id}</h1>
      {step && <p className="lead">{step.summary[i18n.language as 'ja' | 'en']}</p>}
      {step && <StepDecision step={step} />}
      <Recovered stepId={id} />
      <Detections stepId={id} />
      <h2>{t('step-events')}</h2>
      <State query={events} />
      <table>
        <thead>
          <tr>
            <th scope="col">{t('when')}</th>
            <th scope="col">{t('source')}</th>
            <th scope="col">{t('what')}</th>
            <th scope="col">{t('result')}</th>
            <th scope="col">{t('evidence')}</th>
          </tr>
        </thead>
        <tbody>
          {events.data?.pages
            .flatMap(p => p.rows)
            .map(e => (
              <tr key={e.event_id}>
                <td className="nowrap">
                  <Time us={e.at_us} />
                </td>
                <td>
                  {e.src_ip}
                  {e.account !== null && (
                    <>
                      <br />
                      <small>{e.account}</small>
                    </>
                  )}
                </td>
                <td className="target">
                  <code>{e.sql_text ?? `${e.method ?? ''} ${e.target ?? ''}`}</code>
                </td>
                <td>
                  {e.status ?? ''}
                  {e.bytes_out !== null && (
                    <>
                      <br />
                      <small>{e.bytes_out.toLocaleString('en-US')} B</small>
                    </>
                  )}
                </td>
                <td>
                  <LineLink file={e.file} line={e.line} />
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      {events.hasNextPage && (
        <button type="button" className="primary" onClick={() => void events.fetchNextPage()}>
          {t('more')}
        </button>
      )}
    </>
  );
}

/** Confirm the step or set it aside, and what was decided about it. */
function StepDecision({ step }: { step: Result['intrusion']['steps'][number] }) {
  const { t, i18n } = useTranslation();
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const made = useDecisions().data?.decisions.filter(d => d.body['step_id'] === step.id && d.withdrawnBy === null) ?? [];
  return (
    <div className="actions">
      {made.map(d => (
        <span key={d.seq} className="tag done">
          {t(`case:decision.kind.${d.kind}`)} — {d.by}
        </span>
      ))}
      {(['step.confirmed', 'step.dismissed'] as const)
        .filter(kind => !made.some(d => d.kind === kind))
        .map(kind => (
          <button
            key={kind}
            type="button"
            className="plain"
            onClick={() => setProposal({ kind, words: [step.id], about: step.summary[i18n.language as 'ja' | 'en'] })}
          >
            {t(`case:decision.kind.${kind}`)}
          </button>
        ))}
      {proposal && <DecisionDialog proposal={proposal} onClose={() => setProposal(null)} />}
    </div>
  );
}
