import { useTranslation } from 'react-i18next';
import { Count, Figure, Persons } from './figure.tsx';

type Bounds = { records: { lower: number; upper: number }; persons: { lower: number; upper: number } };

/** One line of a table of intervals; `refName` is the reference of its figures without the last parts. */
export type BoundsRow = { key: string; label: string; refName: string; bounds: Bounds; part?: boolean };

/** What, certain records, possible records, persons: each number opens its basis. */
export function BoundsTable({ title, rows }: { title: string; rows: readonly BoundsRow[] }) {
  const { t } = useTranslation();
  if (rows.length === 0) return <p className="soft">{t('none')}</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{title}</th>
          {(['lower', 'upper', 'unit.persons'] as const).map(k => (
            <th key={k} scope="col" className="num">
              {t(k)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(r => (
          <tr key={r.key} className={r.part ? 'of-which' : undefined}>
            <th scope="row">{r.label}</th>
            {(['lower', 'upper'] as const).map(k => (
              <td key={k} className="num">
                <Figure refName={`${r.refName}.records.${k}`}>
                  <Count n={r.bounds.records[k]} unit="records" />
                </Figure>
              </td>
            ))}
            <td className="num">
              <Figure refName={`${r.refName}.persons`}>
                <Persons p={r.bounds.persons} />
              </Figure>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
