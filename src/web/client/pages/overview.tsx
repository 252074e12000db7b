import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { type Result, useResult } from '../data.ts';
import { type BoundsRow, BoundsTable } from '../parts/bounds-table.tsx';
import { Count, Figure, Persons } from '../parts/figure.tsx';
import { State } from '../parts/state.tsx';
import { StepTable } from '../parts/step-table.tsx';
import { Time } from '../parts/time.tsx';

export function Overview() {
  const { t } = useTranslation();
  const query = useResult();
  const r = query.data;
  if (!r) return <State query={query} />;
  return (
    <>
      <h1>{t('page.overview')}</h1>
      <Figures result={r} />
      <div className="columns">
        <section aria-labelledby="window">
          <h2 id="window">{t('window.title')}</h2>
          <dl className="facts">
            <div>
              <dt>{t('window.first')}</dt>
              <dd>
                <Time iso={r.intrusion.start.latest} />
              </dd>
            </div>
            <div>
              <dt>{t('window.not-before')}</dt>
              <dd>{r.intrusion.start.earliest === null ? t('unknown') : <Time iso={r.intrusion.start.earliest} />}</dd>
            </div>
            <div>
              <dt>{t('reports:technical.start-basis')}</dt>
              <dd>{t(`reports:window-basis.${r.intrusion.start.basis.split(':')[0]}`)}</dd>
            </div>
            <div>
              <dt>{t('window.last')}</dt>
              <dd>
                <Time iso={r.intrusion.end.earliest} />
              </dd>
            </div>
            <div>
              <dt>{t('window.not-after')}</dt>
              <dd>{r.intrusion.end.latest === null ? t('unknown') : <Time iso={r.intrusion.end.latest} />}</dd>
            </div>
            <div>
              <dt>{t('reports:technical.end-basis')}</dt>
              <dd>{t(`reports:window-basis.${r.intrusion.end.basis.split(':')[0]}`)}</dd>
            </div>
          </dl>
          {r.intrusion.left_censored && <p className="warning">{t('window.left-censored')}</p>}
        </section>
        <Deadlines result={r} />
      </div>
      <section aria-labelledby="steps">
        <h2 id="steps">{t('steps')}</h2>
        <StepTable steps={r.intrusion.steps} />
      </section>
      <section aria-labelledby="roles">
        <h2 id="roles">{t('roles')}</h2>
        <Roles result={r} />
      </section>
      <p className="soft">
        {t('integrity')} <code>{r.inputs_root}</code> · <Link to="/problems">{t('problems-count', { count: r.problems.length })}</Link>
      </p>
    </>
  );
}

const tiers = ['confirmed', 'executed', 'not_excluded'] as const;

function Figures({ result }: { result: Result }) {
  const { t } = useTranslation();
  const { records, persons } = result.exposure.figures;
  return (
    <section aria-label={t('figures.title')}>
      <ul className="cards">
        {tiers.map(k => (
          <li key={k} className={`card ${k}`}>
            <h2>{t(`common:figure.${k}`)}</h2>
            <p className="big">
              <Figure refName={`persons.${k}`}>
                <Persons p={persons[k]} />
              </Figure>
            </p>
            <p>
              <Figure refName={`records.${k}`}>
                <Count n={records[k]} unit="records" />
              </Figure>
            </p>
            <p className="soft">{t(`figures.${k}-means`)}</p>
          </li>
        ))}
      </ul>
      <p className="soft">
        {t('common:figure.possible')}:{' '}
        <Figure refName="records.possible">
          <Count n={records.possible} unit="records" />
        </Figure>{' '}
        /{' '}
        <Figure refName="persons.possible">
          <Persons p={persons.possible} />
        </Figure>{' '}
        — {t('figures.note')}
      </p>
    </section>
  );
}

function Deadlines({ result }: { result: Result }) {
  const { t, i18n } = useTranslation();
  const lang = i18n.language as 'ja' | 'en';
  return (
    <section aria-labelledby="deadlines">
      <h2 id="deadlines">{t('deadlines')}</h2>
      {result.obligations.length === 0 && <p className="soft">{t('no-deadlines')}</p>}
      <ul className="deadlines">
        {result.obligations.map(o => (
          <li key={o.id}>
            <b>{o.due ?? t('promptly')}</b> {t(`obligations:kind.${o.kind}`)} → {lang === 'ja' ? o.recipient : o.recipient_en}{' '}
            <span className={`tag ${o.status}`}>{t(`obligations:status.${o.status}`)}</span>
            <small>
              {o.legal_basis}
              <br />
              {lang === 'ja' ? o.counting : o.counting_en}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Roles({ result }: { result: Result }) {
  const { t } = useTranslation();
  const rows = result.exposure.roles.flatMap((r): BoundsRow[] => [
    { key: r.role, label: t(`common:role.${r.role}`), refName: `roles.${r.role}`, bounds: r },
    ...r.of_which.map(o => ({
      key: `${r.role}.${o.element}`,
      label: t('of-which', { item: t(`common:element.${o.element}`) }),
      refName: `roles.${r.role}.${o.element}`,
      bounds: o,
      part: true,
    })),
  ]);
  return <BoundsTable title={t('role')} rows={rows} />;
}
