import { type Lang, t } from '../../base/index.ts';

/** Where a premise stands: a file relative to the case, a physical line, bytes of the content, the hash of the file as received. */
export type ProofPlace = { readonly file: string; readonly line: number; readonly byte: number; readonly bytes: number; readonly sha256: string };

/** One sentence of a proof and what it rests on. `key` and `params` name the sentence in the catalogue; `text` is it in both languages. */
export type ProofNode = {
  readonly key: string;
  readonly params: Readonly<Record<string, string | number>>;
  readonly text: { readonly ja: string; readonly en: string };
  readonly place?: ProofPlace;
  readonly children: readonly ProofNode[];
};

/** Make a node: `key` is below `exposure:proof.`; a parameter that starts with `@` is itself a key, said in each language. */
export function proofNode(
  key: string,
  params: Readonly<Record<string, string | number>> = {},
  children: readonly ProofNode[] = [],
  place?: ProofPlace,
): ProofNode {
  const say = (lang: Lang): string => {
    const filled = Object.fromEntries(
      Object.entries(params).map(([k, v]) => [
        k,
        typeof v === 'string' && v.startsWith('@') ? t(lang, `exposure:${v.slice(1)}`) : typeof v === 'number' && k !== 'line' ? v.toLocaleString('en-US') : v,
      ]),
    );
    return t(lang, `exposure:proof.${key}`, filled);
  };
  return { key, params, text: { ja: say('ja'), en: say('en') }, ...(place && { place }), children };
}

/** A proof as an indented tree of plain lines. */
export function proofText(node: ProofNode, lang: Lang, depth = 0): string {
  const place = node.place ? `  [${node.place.file}:${node.place.line} @${node.place.byte}+${node.place.bytes} sha256:${node.place.sha256}]` : '';
  return [`${'  '.repeat(depth)}${depth === 0 ? '' : '- '}${node.text[lang]}${place}`, ...node.children.map(c => proofText(c, lang, depth + 1))].join('\n');
}
