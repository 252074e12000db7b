import type { Expr, Leaf } from './ir.ts';

/**
 * Lower-case words of which at least one must stand in the message for the condition to hold; null when no such set exists.
 * `useless` words are too common to help. `visible` says whether a field's text is part of that message word for word. `piecewise`: the message is
 * looked at field by field, so that a word must not hold the blank that joins them.
 */
export function necessaryWords(
  expr: Expr,
  visible: (field: string) => boolean,
  useless: ReadonlySet<string> = new Set(),
  piecewise = false,
): ReadonlySet<string> | null {
  switch (expr.op) {
    case 'leaf':
      return leafWords(expr, visible, useless, piecewise);
    case 'search':
      return necessaryWords(expr.item, visible, useless, piecewise);
    case 'not':
      return null;
    case 'or': {
      const out = new Set<string>();
      for (const item of expr.items) {
        const words = necessaryWords(item, visible, useless, piecewise);
        if (words === null) return null;
        for (const w of words) out.add(w);
      }
      return out;
    }
    case 'and': {
      let best: ReadonlySet<string> | null = null;
      for (const item of expr.items) {
        const words = necessaryWords(item, visible, useless, piecewise);
        if (words !== null && (best === null || worth(words) > worth(best))) best = words;
      }
      return best;
    }
  }
}

/** Long words are rare; many words are many chances. */
function worth(words: ReadonlySet<string>): number {
  let shortest = Infinity;
  for (const w of words) shortest = Math.min(shortest, w.length);
  return shortest - Math.log2(1 + words.size) / 2;
}

const minLength = 3;

function leafWords(leaf: Leaf, visible: (field: string) => boolean, useless: ReadonlySet<string>, piecewise: boolean): ReadonlySet<string> | null {
  if (leaf.test.kind !== 'pattern' || (leaf.field !== null && !visible(leaf.field))) return null;
  let longest = '';
  for (const p of leaf.test.pattern) {
    if (typeof p !== 'string') continue;
    for (const piece of leaf.field === null && piecewise ? p.split(' ') : [p]) if (piece.length > longest.length) longest = piece;
  }
  // Letters whose lower case differs between engines would break the guarantee.
  return longest.length >= minLength && /^[\x20-\x7e]*$/.test(longest) && !useless.has(longest.toLowerCase()) ? new Set([longest.toLowerCase()]) : null;
}

/**
 * What a word leaves in the shape of a target that holds it (see `writeShape` of events), as a pattern: digits are 0, and so is a word of hexadecimal digits
 * with at least one from 0 to 9, of which the word may hold a part.
 */
export function shapeOfWord(word: string): string {
  return word.replace(/[a-z0-9]+|[^a-z0-9]/g, (token, at: number) => {
    if (!/[a-z0-9]/.test(token)) return token.replace(/[.*+?^${}()|[\]\\]/, '\\$&');
    const kept = token.replace(/[0-9]/g, '0');
    if (/[g-z]/.test(token)) return kept;
    const blank = '0'.repeat(token.length);
    const atEdge = at === 0 || at + token.length === word.length;
    if (!atEdge) return /[0-9]/.test(token) ? blank : kept;
    return kept === blank ? blank : `(?:${kept}|${blank})`;
  });
}
