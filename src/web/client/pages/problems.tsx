import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useResult } from '../data.ts';
import { LineLink } from '../parts/figure.tsx';
import { State } from '../parts/state.tsx';

const severities = ['error', 'warning', 'info'] as const;

export function Problems() {
  const { t } = useTranslation();
  const query = useResult();
  const [only, setOnly] = useState<string | null>(null);
  if (!query.data) return <State query={query} />;
  const all = query.data.problems;
  const shown = all.filter(p => only === null || p.severity === only);
  return (
    <>
      <h1>{t('page.problems')}</h1>
      <p>{t('problems-intro')}</p>
      <div className="facets" role="group" aria-label={t('severity')}>
        {severities.map(s => (
          <button key={s} type="button" aria-pressed={only === s} onClick={() => setOnly(only === s ? null : s)}>
            {t(`common:severity.${s}`)} {all.filter(p => p.severity === s).length}
          </button>
        ))}
      </div>
      {shown.length === 0 ? (
        <p className="soft">{t('no-problems')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('severity')}</th>
              <th scope="col">{t('what')}</th>
              <th scope="col">{t('where')}</th>
              <th scope="col" className="num">
                {t('count')}
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.slice(0, 1000).map((p, i) => {
              const dot = p.code.indexOf('.');
              return (
                <tr key={`${p.code}-${p.where.file ?? p.where.ref ?? ''}-${p.where.line ?? 0}-${i}`}>
                  <td>
                    <span className={`tag ${p.severity}`}>{t(`common:severity.${p.severity}`)}</span>
                  </td>
                  <td>{t(`${p.code.slice(0, dot)}:problem.${p.code.slice(dot + 1)}`, p.params)}</td>
                  <td>
                    {p.where.file !== undefined && p.where.line !== undefined ? (
                      <LineLink file={p.where.file} line={p.where.line} />
                    ) : (
                      <code>{p.where.file ?? p.where.ref ?? '—'}</code>
                    )}
                  </td>
                  <td className="num">{p.count.toLocaleString('en-US')}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {shown.length > 1000 && <p className="soft">{t('first-thousand', { total: shown.length })}</p>}
    </>
  );
}
