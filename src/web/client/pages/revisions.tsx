import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { waterfallSvg } from '../../../view/waterfall-chart.ts';
import { type Revisions as Data, type FigureSplit, useRevisions } from '../data.ts';
import { State } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';

const number = (n: number): string => n.toLocaleString('en-US');
const signed = (n: number): string => `${n > 0 ? '+' : n < 0 ? '−' : '±'}${number(Math.abs(n))}`;
const shownAtFirst = 6;

/** What was published against today, the runs, and the change of each figure by cause. */
export function Revisions() {
  const { t } = useTranslation('revisions');
  const [pair, setPair] = useState<{ from: number | null; to: number | null }>({ from: null, to: null });
  const query = useRevisions(pair.from, pair.to);
  return (
    <>
      <h1>{t('web:page.revisions')}</h1>
      <p>{t('page.intro')}</p>
      <State query={query} />
      {query.data && (
        <>
          <Published data={query.data} />
          <Runs data={query.data} />
          <Changes data={query.data} onPair={setPair} />
        </>
      )}
    </>
  );
}

function Published({ data }: { data: Data }) {
  const { t } = useTranslation('revisions');
  return (
    <section aria-labelledby="published">
      <h2 id="published">{t('page.published')}</h2>
      {data.published.length === 0 ? (
        <p className="soft">{t('page.none-published')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('page.on')}</th>
              <th scope="col">{t('page.figure')}</th>
              <th scope="col" className="num">
                {t('page.as-published')}
              </th>
              <th scope="col" className="num">
                {t('page.today')}
              </th>
              <th scope="col">{t('page.why')}</th>
            </tr>
          </thead>
          <tbody>
            {data.published.map(p => (
              <tr key={p.seq}>
                <td className="nowrap">{p.published_on}</td>
                <td>
                  <code>{p.figure}</code> {p.withdrawn && <span className="tag">{t('page.withdrawn')}</span>}
                  <br />
                  <span className="soft">{[p.document, p.scope].filter(x => x !== '').join(' · ')}</span>
                </td>
                <td className="num nowrap">
                  {[...new Set(p.bounds.map(b => number(b.published)))].join(' – ')} {t(`web:unit.${p.unit}`)}
                </td>
                <td className="num nowrap">{p.bounds.some(b => b.today === null) ? '—' : [...new Set(p.bounds.map(b => number(b.today ?? 0)))].join(' – ')}</td>
                <td>
                  {p.bounds[0]?.today === null
                    ? t('page.not-today')
                    : p.bounds
                        .filter(b => b.today !== b.published)
                        .map(b => (
                          <p key={b.bound} className="flush">
                            <b>{t(`page.${b.bound}`)}</b> {signed((b.today ?? 0) - b.published)}:{' '}
                            {[
                              ...(b.rounding === 0 ? [] : [`${t('page.rounding')} ${signed(b.rounding)}`]),
                              ...stepsOf(b.split, t).map(s => `${s.label} ${signed(s.change)}`),
                            ].join(t('web:list-separator'))}
                          </p>
                        ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Runs({ data }: { data: Data }) {
  const { t } = useTranslation('revisions');
  return (
    <section aria-labelledby="runs">
      <h2 id="runs">{t('page.runs')}</h2>
      {data.runs.length === 0 ? (
        <p className="soft">{t('page.no-runs')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col" className="num">
                {t('web:decisions.seq')}
              </th>
              <th scope="col">{t('page.at')}</th>
              <th scope="col">{t('page.changed')}</th>
              <th scope="col" className="num">
                {t('web:figures.executed')}
              </th>
              <th scope="col" className="num">
                {t('web:figures.possible')}
              </th>
            </tr>
          </thead>
          <tbody>
            {data.runs.map((r, i) => (
              <tr key={r.seq}>
                <td className="num">{r.seq}</td>
                <td className="nowrap">
                  <Time iso={r.at} />
                </td>
                <td>{i === 0 ? t('page.first-run') : r.changed.map(c => t(`cause.${c}`)).join(t('web:list-separator'))}</td>
                {(['executed', 'possible'] as const).map(tier => (
                  <td key={tier} className="num nowrap">
                    {number(r.figures[`figures.records.${tier}`] ?? 0)} {t('web:unit.records')}
                    <br />
                    {number(r.figures[`figures.persons.${tier}.lower`] ?? 0)} – {number(r.figures[`figures.persons.${tier}.upper`] ?? 0)}{' '}
                    {t('web:unit.persons')}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Changes({ data, onPair }: { data: Data; onPair: (pair: { from: number | null; to: number | null }) => void }) {
  const { t } = useTranslation('revisions');
  const [all, setAll] = useState(false);
  if (data.runs.length < 2)
    return data.runs.length === 1 ? (
      <section aria-labelledby="changes">
        <h2 id="changes">{t('page.changes')}</h2>
        <p className="soft">{t('page.one-run')}</p>
      </section>
    ) : null;
  const headline = data.splits.filter(s => s.figure.startsWith('figures.'));
  const shown = all ? data.splits : headline.slice(0, shownAtFirst);
  const rest = data.splits.length - shown.length;
  const choose = (side: 'from' | 'to') => (
    <label>
      {t(`page.${side}`)}{' '}
      <select
        value={data[side] ?? ''}
        onChange={e => onPair({ from: side === 'from' ? Number(e.target.value) : data.from, to: side === 'to' ? Number(e.target.value) : data.to })}
      >
        {data.runs.map(r => (
          <option key={r.seq} value={r.seq}>
            {r.seq}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <section aria-labelledby="changes">
      <h2 id="changes">{t('page.changes')}</h2>
      <p className="pair">
        {choose('from')} {choose('to')}
      </p>
      {data.splits.length === 0 && <p className="soft">{t('page.no-changes')}</p>}
      {shown.map(s => (
        <figure key={s.figure} className="waterfall">
          <figcaption>
            <code>{s.figure.replace(/^figures\./, '')}</code>
          </figcaption>
          <Waterfall split={s} />
        </figure>
      ))}
      {rest > 0 && (
        <button type="button" onClick={() => setAll(true)}>
          {t('page.more', { count: rest })}
        </button>
      )}
    </section>
  );
}

function stepsOf(split: FigureSplit | null, t: (key: string, params?: Record<string, unknown>) => string): { label: string; change: number }[] {
  if (split === null) return [];
  const together = split.together.map(c => t(`cause.${c}`)).join(t('web:list-separator'));
  return [
    ...split.parts.map(p => ({ label: t(`cause.${p.cause}`), change: p.change })),
    ...(split.remainder === 0 ? [] : [{ label: t('remainder', { causes: together }), change: split.remainder }]),
  ];
}

/** The split as a picture: an image, so that nothing in a label can become part of the page. */
function Waterfall({ split: s }: { split: FigureSplit }) {
  const { t } = useTranslation('revisions');
  const title = t('page.waterfall', { figure: s.figure, before: number(s.before), after: number(s.after) });
  const svg = waterfallSvg({ before: s.before, after: s.after, steps: stepsOf(s, t) }, { title, before: t('before'), after: t('after'), number, signed });
  return <img alt={title} src={`data:image/svg+xml,${encodeURIComponent(svg)}`} />;
}
