import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Result } from '../data.ts';
import { LineLink } from './figure.tsx';
import { Time } from './time.tsx';

export function StepTable({ steps }: { steps: Result['intrusion']['steps'] }) {
  const { t, i18n } = useTranslation();
  if (steps.length === 0) return <p className="soft">{t('no-steps')}</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t('when')}</th>
          <th scope="col">{t('kind')}</th>
          <th scope="col">{t('result')}</th>
          <th scope="col">{t('what')}</th>
          <th scope="col">{t('evidence')}</th>
        </tr>
      </thead>
      <tbody>
        {steps.map(s => (
          <tr key={s.id}>
            <td className="nowrap">
              <Time iso={s.from} />
              <br />– <Time iso={s.to} />
            </td>
            <td>
              <Link to="/steps/$id" params={{ id: s.id }}>
                {t(`common:step_kind.${s.kind}`)}
              </Link>
              <br />
              <small>{s.attack.join(' ')}</small>
            </td>
            <td>
              <span className={`tag ${s.outcome}`}>{t(`common:outcome.${s.outcome}`)}</span>
            </td>
            <td>{s.summary[i18n.language as 'ja' | 'en']}</td>
            <td>
              {s.evidence.slice(0, 2).map(e => (
                <div key={`${e.file}:${e.line}`}>
                  <LineLink file={e.file} line={e.line} />
                </div>
              ))}
              <small className="nowrap">{t('events', { count: s.events })}</small>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
