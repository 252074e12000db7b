import { type Lang, t } from '../base/index.ts';
import { elementList } from './element-names.ts';

/** One text in each language. */
export type Words = Readonly<Record<Lang, string>>;

const inWords = (lang: Lang, value: string | number | Words): string =>
  typeof value === 'number' ? value.toLocaleString('en-US') : typeof value === 'string' ? value : value[lang];

/** A sentence of the catalogues in each language, filled with figures, names and words. */
export function words(key: string, params: Readonly<Record<string, string | number | Words>> = {}): Words {
  const fill = (lang: Lang): string => t(lang, key, Object.fromEntries(Object.entries(params).map(([k, v]) => [k, inWords(lang, v)])));
  return { ja: fill('ja'), en: fill('en') };
}

type Tiered = { readonly unit: 'records' | 'persons'; readonly tier: string; readonly dataset: string | null; readonly column: string | null };
/** A combination of elements, or a role with at most one element. */
type Subject = { readonly subject: readonly string[]; readonly role: string | null; readonly bound: 'lower' | 'upper' | 'persons' };

/** What a figure counts, as people call it. */
export function titleOfFigure(figure: Tiered | Subject): Words {
  if ('tier' in figure) {
    const { unit, dataset, column } = figure;
    const key = column !== null ? 'column' : dataset !== null ? 'dataset' : unit;
    return words(`explain:name.${key}`, { tier: words(`common:figure.${figure.tier}`), dataset: dataset ?? '', column: column ?? '' });
  }
  const subject = { ja: subjectIn('ja', figure), en: subjectIn('en', figure) };
  if (figure.bound === 'persons') return words('explain:name.subject-persons', { subject });
  return words('explain:name.subject-records', { subject, side: words(`explain:name.${figure.bound}`) });
}

function subjectIn(lang: Lang, { role, subject }: Subject): string {
  if (role === null) return elementList(lang, subject.length === 0 ? ['none'] : subject);
  const of = t(lang, `common:role.${role}`);
  return subject.length === 0 ? of : `${of}${lang === 'ja' ? '、' : ', '}${elementList(lang, subject)}`;
}
