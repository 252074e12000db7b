import { useTranslation } from 'react-i18next';
import { useResult } from '../data.ts';
import { State } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';

export function Evidence() {
  const { t } = useTranslation();
  const query = useResult();
  if (!query.data) return <State query={query} />;
  const n = (x: number): string => x.toLocaleString('en-US');
  return (
    <>
      <h1>{t('page.evidence')}</h1>
      {query.data.evidence.length === 0 && <p className="soft">{t('no-evidence')}</p>}
      {query.data.evidence.map(e => (
        <section key={`${e.id}/${e.file}`} className="panel">
          <h2>
            <code>{e.file}</code> <small>{e.format ?? t('unknown')}</small>
          </h2>
          <div className="completeness" role="img" aria-label={t('parsed-of', { parsed: n(e.lines.parsed), total: n(e.lines.total) })}>
            <span style={{ width: `${e.lines.total === 0 ? 0 : (100 * e.lines.parsed) / e.lines.total}%` }} />
          </div>
          <dl className="facts">
            <div>
              <dt>{t('lines')}</dt>
              <dd>
                {t('parsed-of', { parsed: n(e.lines.parsed), total: n(e.lines.total) })}
                {e.lines.unparsed > 0 && <span className="tag attempted">{t('unparsed', { count: e.lines.unparsed })}</span>}
              </dd>
            </div>
            <div>
              <dt>{t('period')}</dt>
              <dd>
                <Time iso={e.first} /> – <Time iso={e.last} />
              </dd>
            </div>
            <div>
              <dt>{t('gaps')}</dt>
              <dd>
                {e.gaps.length === 0 ? (
                  t('no-gaps')
                ) : (
                  <ul>
                    {e.gaps.slice(0, 20).map(g => (
                      <li key={g.from + g.reason}>
                        <Time iso={g.from} /> – <Time iso={g.to} /> {t(`common:gap.${g.reason}`)}
                      </li>
                    ))}
                  </ul>
                )}
              </dd>
            </div>
            <div>
              <dt>{t('blind')}</dt>
              <dd>{e.blind_to.length === 0 ? '—' : e.blind_to.map(b => t(`reports:blind.${b}`)).join(t('list-separator'))}</dd>
            </div>
            <div>
              <dt>SHA-256</dt>
              <dd>
                <code>{e.sha256}</code> <small>{n(e.bytes)} bytes</small>
              </dd>
            </div>
          </dl>
        </section>
      ))}
    </>
  );
}
