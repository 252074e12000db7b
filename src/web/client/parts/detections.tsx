import { useTranslation } from 'react-i18next';
import { type StepDetection, useStepDetections } from '../data.ts';
import { State } from './state.tsx';

/** Why a step is one: each rule or method with its author and licence, and the figures it was judged by. */
export function Detections({ stepId }: { stepId: string }) {
  const { t } = useTranslation();
  const query = useStepDetections(stepId);
  return (
    <section aria-labelledby="detections">
      <h2 id="detections">{t('detections')}</h2>
      <State query={query} />
      {query.data?.length === 0 && <p className="soft">{t('no-detections')}</p>}
      {query.data?.map(d => (
        <Detection key={d.detection_id} detection={d} />
      ))}
    </section>
  );
}

function Detection({ detection: d }: { detection: StepDetection }) {
  const { t, i18n } = useTranslation();
  return (
    <details className="panel">
      <summary>
        <b>{i18n.language === 'ja' ? d.title_ja : d.title_en}</b> <span className={`tag ${d.outcome}`}>{t(`common:outcome.${d.outcome}`)}</span>{' '}
        <small>{t('events', { count: d.events })}</small>
      </summary>
      <p className="soft">
        <code>{d.rule_id}</code> · {[d.author, d.licence].filter(Boolean).join(' · ')}
        {d.link !== null && /^https:/.test(d.link) && (
          <>
            {' · '}
            <a href={d.link} target="_blank" rel="noreferrer noopener">
              {d.link}
            </a>
          </>
        )}
      </p>
      <dl className="facts">
        {Object.entries(d.facts).map(([key, value]) => (
          <div key={key}>
            <dt>{t(`detections:fact.${key}`, { defaultValue: key })}</dt>
            <dd>
              {key === 'basis' || key === 'certainty' ? (
                [value]
                  .flat()
                  .map(v => t(`detections:basis.${v}`, { defaultValue: String(v) }))
                  .join(', ')
              ) : (
                <Shown value={value} />
              )}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Figures as they are, lists in a line, what has parts with each part named. */
function Shown({ value }: { value: unknown }) {
  const { t } = useTranslation();
  if (Array.isArray(value) && value.some(isParts)) {
    return (
      <ul>
        {value.map((v, i) => (
          <li key={i}>
            <Shown value={v} />
          </li>
        ))}
      </ul>
    );
  }
  if (!isParts(value)) return plain(value);
  const parts = Object.entries(value)
    .filter(([key, v]) => key !== 'mark' && v !== null)
    .map(([key, v]) => `${t(`detections:part.${key}`, { defaultValue: key })} ${plain(v)}`);
  return [...('mark' in value ? [t(`detections:mark.${value.mark}`, { defaultValue: String(value.mark) })] : []), ...parts].join(' · ');
}

const isParts = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function plain(value: unknown): string {
  if (typeof value === 'number') return (Number.isInteger(value) ? value : Math.round(value * 1000) / 1000).toLocaleString('en-US');
  if (Array.isArray(value)) return value.length > 0 ? value.map(plain).join(', ') : '—';
  return value === null ? '—' : isParts(value) ? JSON.stringify(value) : String(value);
}
