import fs from 'node:fs';
import path from 'node:path';
import { createInstance, type i18n } from 'i18next';
import { packageRoot } from './paths.ts';

export type Lang = 'ja' | 'en';
export const langs: readonly Lang[] = ['ja', 'en'];

let instance: i18n | undefined;

/** Every catalogue: `locales/<lang>/<namespace>.json`. */
export function readCatalogues(): Record<Lang, Record<string, Record<string, unknown>>> {
  const read = (lang: Lang) => {
    const dir = path.join(packageRoot, 'locales', lang);
    const files = fs
      .readdirSync(dir)
      .filter(f => f.endsWith('.json'))
      .sort();
    return Object.fromEntries(files.map(f => [f.slice(0, -5), JSON.parse(fs.readFileSync(path.join(dir, f), 'utf8'))]));
  };
  return { ja: read('ja'), en: read('en') };
}

function load(): i18n {
  if (instance) return instance;
  const resources = readCatalogues();
  instance = createInstance();
  void instance.init({
    resources,
    lng: 'ja',
    fallbackLng: false,
    ns: Object.keys(resources.ja),
    defaultNS: 'common',
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  return instance;
}

/** The sentence `namespace:key.path` in a language. A missing key is a bug and throws. */
export function t(lang: Lang, key: string, params: Readonly<Record<string, unknown>> = {}): string {
  const i = load();
  if (!i.exists(key, { lng: lang })) throw new Error(`no text for ${key} in ${lang}`);
  return i.t(key, { lng: lang, ...params });
}

/**
 * The sentence of a problem or a user error: code `events.bad-line` is key `events:problem.bad-line`.
 * An investigation must not die of a missing sentence (a test finds those), so the code itself stands in.
 */
export function problemText(lang: Lang, code: string, params: Readonly<Record<string, unknown>>): string {
  const dot = code.indexOf('.');
  const key = `${code.slice(0, dot)}:problem.${code.slice(dot + 1)}`;
  return load().exists(key, { lng: lang }) ? t(lang, key, params) : `${code} ${JSON.stringify(params)}`;
}
