import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

/** A number that can be asked why. */
export function Figure({ refName, children }: { refName: string; children: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <Link to="." search={(s: object) => ({ ...s, why: `figure:${refName}`, line: undefined })} className="figure" title={t('why.open')}>
      {children}
    </Link>
  );
}

/** A place in the evidence; opens the original line. */
export function LineLink({ file, line }: { file: string; line: number }) {
  return (
    <Link to="." search={(s: object) => ({ ...s, why: undefined, line: `${file}:${line}` })} className="place" title={file}>
      <code>
        {file.slice(file.lastIndexOf('/') + 1)}:{line}
      </code>
    </Link>
  );
}

/** `1,234 件`; the unit is small. */
export function Count({ n, unit }: { n: number; unit: 'records' | 'persons' }) {
  const { t } = useTranslation();
  return (
    <>
      <span className="n">{n.toLocaleString('en-US')}</span>
      <small>{t(`unit.${unit}`)}</small>
    </>
  );
}

/** `12 人` or `10–12 人`. */
export function Range({ p, unit }: { p: { lower: number; upper: number }; unit: 'records' | 'persons' }) {
  const { t } = useTranslation();
  if (p.lower === p.upper) return <Count n={p.upper} unit={unit} />;
  return (
    <>
      <span className="n">
        {p.lower.toLocaleString('en-US')}–{p.upper.toLocaleString('en-US')}
      </span>
      <small>{t(`unit.${unit}`)}</small>
    </>
  );
}

export const Persons = ({ p }: { p: { lower: number; upper: number } }) => <Range p={p} unit="persons" />;
