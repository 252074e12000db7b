import { useTranslation } from 'react-i18next';
import { useStepRecovered } from '../data.ts';
import { LineLink } from './figure.tsx';
import { State } from './state.tsx';

const kinds = ['exact', 'partial', 'attempted'] as const;

/** What a step's injections obtained, by column. The values themselves are personal data and stay in recovered.jsonl. */
export function Recovered({ stepId }: { stepId: string }) {
  const { t } = useTranslation();
  const query = useStepRecovered(stepId);
  if (query.data?.length === 0) return null;
  return (
    <section aria-labelledby="recovered">
      <h2 id="recovered">{t('recovered.title')}</h2>
      <State query={query} />
      {query.data && (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('reports:datasets.dataset')}</th>
              <th scope="col">{t('column')}</th>
              {kinds.map(k => (
                <th key={k} scope="col" className="num">
                  {t(`recovered.${k}`)}
                </th>
              ))}
              <th scope="col">{t('evidence')}</th>
            </tr>
          </thead>
          <tbody>
            {query.data.map(r => (
              <tr key={`${r.table_name} ${r.column_name}`}>
                <th scope="row">
                  <code>{r.table_name ?? '—'}</code>
                </th>
                <td>
                  <code>{r.column_name}</code>
                </td>
                {kinds.map(k => (
                  <td key={k} className="num">
                    {r[k].toLocaleString('en-US')}
                  </td>
                ))}
                <td>
                  <LineLink file={r.file} line={r.line} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="soft">{t('recovered.note')}</p>
    </section>
  );
}
