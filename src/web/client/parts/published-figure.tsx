import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Result } from '../data.ts';
import type { Proposal } from './decision-dialog.tsx';

type Choice = { readonly name: string; readonly label: string; readonly unit: 'records' | 'persons'; readonly lower: number; readonly upper: number };

/** Write down a figure that has been published, so that the next announcement can be held against it. Today's values are filled in. */
export function PublishedFigure({ result, onPropose }: { result: Result; onPropose: (p: Proposal) => void }) {
  const { t } = useTranslation();
  const choices = choicesOf(result, t);
  const [name, setName] = useState('persons.possible');
  const chosen = choices.find(c => c.name === name) ?? choices[0]!;
  const [typed, setTyped] = useState<{ lower: string; upper: string } | null>(null);
  const [date, setDate] = useState('');
  const [document, setDocument] = useState('');
  const [scope, setScope] = useState('');
  const { lower, upper } = typed ?? { lower: String(chosen.lower), upper: String(chosen.upper) };
  const valid = /^\d+$/.test(lower) && /^\d+$/.test(upper) && Number(lower) <= Number(upper) && date !== '';
  return (
    <section aria-labelledby="published">
      <h2 id="published">{t('case:decision.kind.figure.published')}</h2>
      <div className="fields">
        <label className="form">
          {t('decisions.figure')}
          <select
            value={name}
            onChange={e => {
              setName(e.target.value);
              setTyped(null);
            }}
          >
            {choices.map(c => (
              <option key={c.name} value={c.name}>
                {c.label}
              </option>
            ))}
          </select>
        </label>
        <label className="form">
          {t('decisions.from')}
          <input inputMode="numeric" value={lower} onChange={e => setTyped({ lower: e.target.value, upper })} />
        </label>
        <label className="form">
          {t('decisions.to')}
          <input inputMode="numeric" value={upper} onChange={e => setTyped({ lower, upper: e.target.value })} />
        </label>
        <label className="form">
          {t('decisions.published-on')}
          <input type="date" value={date} onChange={e => setDate(e.target.value)} />
        </label>
        <label className="form">
          {t('decisions.document')}
          <input value={document} onChange={e => setDocument(e.target.value)} maxLength={500} />
        </label>
        <label className="form">
          {t('decisions.scope')}
          <input value={scope} onChange={e => setScope(e.target.value)} maxLength={500} />
        </label>
      </div>
      <div className="actions">
        <button
          type="button"
          className="plain"
          disabled={!valid}
          onClick={() =>
            onPropose({
              kind: 'figure.published',
              words: [`${chosen.name}=${lower}..${upper}`],
              about: `${chosen.label}: ${Number(lower).toLocaleString('en-US')}–${Number(upper).toLocaleString('en-US')} (${date})`,
              fields: { unit: chosen.unit, published_on: date, document, scope },
            })
          }
        >
          {t('decisions.record')}
        </button>
      </div>
    </section>
  );
}

function choicesOf({ exposure }: Result, t: (key: string) => string): Choice[] {
  const units = ['persons', 'records'] as const;
  const tiers = ['confirmed', 'executed', 'possible', 'not_excluded'] as const;
  const bounds = (unit: (typeof units)[number], tier: (typeof tiers)[number]): { lower: number; upper: number } => {
    const value = exposure.figures[unit][tier];
    return typeof value === 'number' ? { lower: value, upper: value } : { lower: value.lower, upper: value.upper };
  };
  return [
    ...units.flatMap(unit =>
      tiers.map((tier): Choice => ({ name: `${unit}.${tier}`, label: `${t(`common:figure.${tier}`)} (${t(`unit.${unit}`)})`, unit, ...bounds(unit, tier) })),
    ),
    ...exposure.roles.flatMap(r =>
      units.map(
        (unit): Choice => ({
          name: `roles.${r.role}.${unit}`,
          label: `${t(`common:role.${r.role}`)} (${t(`unit.${unit}`)})`,
          unit,
          lower: r[unit].lower,
          upper: r[unit].upper,
        }),
      ),
    ),
  ];
}
