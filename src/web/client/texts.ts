import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

/** The same catalogues as the server's: every sentence has one home. */
const files = import.meta.glob<Record<string, unknown>>('../../../locales/*/*.json', { eager: true, import: 'default' });

const resources: Record<string, Record<string, Record<string, unknown>>> = { ja: {}, en: {} };
for (const [file, catalogue] of Object.entries(files)) {
  const [, lang, namespace] = /\/(ja|en)\/([\w-]+)\.json$/.exec(file)!;
  resources[lang!]![namespace!] = catalogue;
}

export type Lang = 'ja' | 'en';

/** The language of the link, else of the last visit, else Japanese. */
export function firstLang(): Lang {
  const asked = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('lang');
  return asked === 'en' ? 'en' : 'ja';
}

void i18next.use(initReactI18next).init({
  resources,
  lng: firstLang(),
  fallbackLng: false,
  ns: Object.keys(resources['ja']!),
  defaultNS: 'web',
  interpolation: { escapeValue: false },
  initAsync: false,
});

export function setLang(lang: Lang): void {
  localStorage.setItem('lang', lang);
  document.documentElement.lang = lang;
  void i18next.changeLanguage(lang);
}
