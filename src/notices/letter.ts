import fs from 'node:fs';
import path from 'node:path';
import { type Lang, packageRoot, t } from '../base/index.ts';
import type { CaseFile } from '../case/index.ts';
import { elementLabel } from '../persons/index.ts';
import { fillTemplate, type ReportResult, sortElements, spokenPeriod } from '../reports/index.ts';
import type { Document, Inline } from '../view/index.ts';
import type { Addressee } from './addressees.ts';

export type LetterInput = { readonly file: CaseFile; readonly result: ReportResult };

/** One letter. Content: outline, the person's own items, cause, secondary damage, what the person can do (施行規則第10条: items 1, 2, 4, 5, 9). */
export function letter(lang: Lang, input: LetterInput, person: Addressee, letterNo: string): Document {
  const { file, result } = input;
  const blank = (what: string): Inline => ({ kind: 'strong', text: t(lang, 'reports:fill-in', { what: t(lang, `reports:fill.${what}`) }) });
  const system = file.systems.map(s => s.name).join(lang === 'ja' ? '、' : ', ');
  const address =
    person.address === null
      ? t(lang, 'notices:no-address')
      : `${person.postalCode === null ? '' : `〒${person.postalCode.replace(/^〒/, '')}\n`}${person.address}`;
  const blocks = fillTemplate(readTemplate(lang), {
    inlines: {
      date: blank('date'),
      organisation: file.organisation.name ?? blank('organisation'),
      representative: blank('representative'),
      system: system === '' ? blank('system') : system,
      name: person.name ?? t(lang, 'notices:no-name'),
      address,
      period: spokenPeriod(lang, result.intrusion.start.latest, result.intrusion.end.earliest, file.timezone, true),
      secondary: blank('secondary'),
      contact: blank('contact'),
      letter_no: letterNo,
    },
    tables: {
      items: [{ kind: 'list', items: sortElements(person.elements).map(e => [elementLabel(lang, e)]) }],
    },
    flags: { bank: person.elements.includes('finance.bank_account'), password: person.elements.includes('auth.password') },
  });
  return {
    lang,
    title: t(lang, 'notices:title'),
    date: null,
    header: '',
    footer: file.organisation.name ?? result.case,
    mark: t(lang, 'reports:draft'),
    body: 'mincho',
    blocks,
  };
}

const templates = new Map<Lang, string>();

function readTemplate(lang: Lang): string {
  let text = templates.get(lang);
  if (text === undefined) templates.set(lang, (text = fs.readFileSync(path.join(packageRoot, 'templates', `notice.${lang}.md`), 'utf8')));
  return text;
}
