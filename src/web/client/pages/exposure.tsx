import { useTranslation } from 'react-i18next';
import { type Result, useResult } from '../data.ts';
import { BoundsTable } from '../parts/bounds-table.tsx';
import { Figure, Range } from '../parts/figure.tsx';
import { State } from '../parts/state.tsx';

const tiers = ['confirmed', 'executed', 'possible', 'not_excluded'] as const;

export function Exposure() {
  const { t, i18n } = useTranslation();
  const query = useResult();
  if (!query.data) return <State query={query} />;
  const e = query.data.exposure;
  const label = (element: string): string => t(`common:element.${element === 'contact.*' ? 'contact.any' : element}`);
  return (
    <>
      <h1>{t('page.exposure')}</h1>
      <section>
        <h2>{t('combinations')}</h2>
        <BoundsTable
          title={t('items')}
          rows={e.combinations.map((c, i) => ({
            key: c.elements.join(),
            label: (c.elements.length > 0 ? c.elements : ['none']).map(label).join(t('list-separator')),
            refName: `combinations.${i}`,
            bounds: c,
          }))}
        />
      </section>
      <Counting exposure={e} />
      {e.datasets.map(d => (
        <Dataset key={d.id} dataset={d} label={label} />
      ))}
      <Contacts contacts={e.contacts} />
      <section>
        <h2>{t('absent')}</h2>
        {e.absent.length === 0 ? (
          <p className="soft">{t('none')}</p>
        ) : (
          <ul>
            {e.absent.map(a => (
              <li key={a.element}>
                <b>{label(a.element)}</b>: {a.text[i18n.language as 'ja' | 'en']}
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

/** Why records are more than persons: who is in several of them, who is no individual, who has died. */
function Counting({ exposure: e }: { exposure: Result['exposure'] }) {
  const { t } = useTranslation();
  const rows = [
    ['duplicates', 'records', e.duplicates.possible],
    ['legal-persons', 'records', e.legal_persons.records],
    ['deceased', 'persons', e.living.deceased],
  ] as const;
  return (
    <section>
      <h2>{t('common:counting.title')}</h2>
      <dl className="facts">
        {rows.map(([key, unit, bounds]) => (
          <div key={key}>
            <dt>{t(`common:counting.${key}`)}</dt>
            <dd>
              <Range p={bounds} unit={unit} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Contacts({ contacts }: { contacts: Result['exposure']['contacts'] }) {
  const { t } = useTranslation();
  if (contacts.length === 0) return null;
  return (
    <section>
      <h2>{t('exposure:contact.title')}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('reports:datasets.dataset')}</th>
            <th scope="col">{t('exposure:contact.kind')}</th>
            {(['values', 'records'] as const).flatMap(unit =>
              (['certain', 'possible'] as const).map(side => (
                <th key={`${unit}.${side}`} scope="col" className="num">
                  {t(`exposure:contact.${unit}`)} ({t(`exposure:contact.${side}`)})
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {contacts.map(c => (
            <tr key={`${c.dataset} ${c.contact}`}>
              <th scope="row">{c.dataset}</th>
              <td>{t(`exposure:contact.${c.contact}`)}</td>
              {(['values', 'records'] as const).flatMap(unit =>
                (['lower', 'upper'] as const).map(side => (
                  <td key={`${unit}.${side}`} className="num">
                    {c.contact === 'influenced' && unit === 'values' ? '—' : c[unit][side].toLocaleString('en-US')}
                  </td>
                )),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="soft">{t('exposure:contact.note')}</p>
    </section>
  );
}

function Dataset({ dataset: d, label }: { dataset: Result['exposure']['datasets'][number]; label: (e: string) => string }) {
  const { t } = useTranslation();
  return (
    <section aria-labelledby={`d-${d.id}`}>
      <h2 id={`d-${d.id}`}>
        {d.id} <small>{t('rows', { rows: d.rows.toLocaleString('en-US') })}</small>
      </h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('column')}</th>
            <th scope="col">{t('item')}</th>
            {tiers.map(k => (
              <th key={k} scope="col" className="num">
                {t(`common:figure.${k}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr className="total">
            <th scope="row">{t('records')}</th>
            <td />
            {tiers.map(k => (
              <td key={k} className="num">
                <Figure refName={`datasets.${d.id}.${k}`}>{d.records[k].toLocaleString('en-US')}</Figure>
              </td>
            ))}
          </tr>
          {d.columns.map(c => (
            <tr key={c.name} className={c.not_excluded === 0 ? 'soft' : ''}>
              <th scope="row">
                <code>{c.name}</code>
              </th>
              <td>
                {c.element === null ? '—' : label(c.element)}
                {c.attempted_only && <span className="tag attempted">{t('common:outcome.attempted')}</span>}
              </td>
              {tiers.map(k => (
                <td key={k} className="num">
                  {c[k] === 0 ? '0' : <Figure refName={`datasets.${d.id}.${c.name}.${k}`}>{c[k].toLocaleString('en-US')}</Figure>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
