import { type Lang, t } from '../base/index.ts';

/** An element, or the group of contact data, as people call it. */
export const elementLabel = (lang: Lang, element: string): string => t(lang, `common:element.${element === 'contact.*' ? 'contact.any' : element}`);

export const elementList = (lang: Lang, elements: readonly string[]): string => elements.map(e => elementLabel(lang, e)).join(lang === 'ja' ? '、' : ', ');
