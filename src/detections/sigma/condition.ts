import { type Expr, RuleError } from './ir.ts';

type Token = { readonly text: string; readonly at: number };

/**
 * The condition language: `or` binds least, then `and`, `not`, `x of pattern`, parentheses. Keywords in any case.
 * Names that begin with `_` are left out of `them` and of patterns that do not begin with `_`.
 */
export function parseCondition(text: string, searches: ReadonlyMap<string, Expr>): Expr {
  const tokens: Token[] = [...text.matchAll(/[()]|[^\s()]+/g)].map(m => ({ text: m[0], at: m.index }));
  let i = 0;
  let depth = 0;
  const peek = (n = 0): string => tokens[i + n]?.text.toLowerCase() ?? '';
  const fail = (what: string): never => {
    throw new RuleError(`condition: ${what} at ${tokens[i]?.at ?? text.length}`);
  };

  const or = (): Expr => list('or', and);
  const and = (): Expr => list('and', not);
  function list(op: 'and' | 'or', item: () => Expr): Expr {
    const items = [item()];
    while (peek() === op) {
      i++;
      items.push(item());
    }
    return items.length === 1 ? items[0]! : { op, items };
  }
  function not(): Expr {
    let negations = 0;
    for (; peek() === 'not'; i++) negations++;
    const item = atom();
    return negations === 0 ? item : negations % 2 === 1 ? { op: 'not', item } : { op: 'not', item: { op: 'not', item } };
  }
  function atom(): Expr {
    const token = tokens[i];
    if (!token) return fail('something is missing');
    if (token.text === '(') {
      i++;
      if (++depth > 100) fail('too many parentheses');
      const inner = or();
      depth--;
      if (tokens[i]?.text !== ')') fail('a parenthesis is missing');
      i++;
      return inner;
    }
    if (peek(1) === 'of' && /^(?:all|any|\d+)$/i.test(token.text)) return quantified();
    const search = searches.get(token.text);
    if (!search) return fail(/^\||near|count/.test(token.text) ? `"${token.text}" is not part of the language` : `no search "${token.text}"`);
    i++;
    return search;
  }
  function quantified(): Expr {
    const many = tokens[i]!.text.toLowerCase();
    const target = tokens[i + 2]?.text ?? fail('a name is missing');
    i += 3;
    const names = [...searches.keys()].filter(n => (target.toLowerCase() === 'them' ? !n.startsWith('_') : globbed(target, n)));
    if (names.length === 0) return fail(`no search matches "${target}"`);
    const items = names.map(n => searches.get(n)!);
    if (many === 'all') return { op: 'and', items };
    const n = many === 'any' ? 1 : Number(many);
    if (n < 1) return fail('a number below 1');
    return n === 1 ? { op: 'or', items } : atLeast(n, items);
  }
  const tree = or();
  if (i < tokens.length) fail(`"${tokens[i]!.text}" is not understood`);
  return tree;
}

function globbed(pattern: string, name: string): boolean {
  if (name.startsWith('_') && !pattern.startsWith('_')) return false;
  const source = pattern
    .split('*')
    .map(p => p.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(name);
}

/** At least n of the items: every choice of n. Small in practice. */
function atLeast(n: number, items: readonly Expr[]): Expr {
  if (n > items.length) throw new RuleError(`condition: ${n} of ${items.length} searches`);
  const choose = (k: number, from: number): Expr[][] =>
    k === 0 ? [[]] : items.slice(from).flatMap((item, j) => choose(k - 1, from + j + 1).map(rest => [item, ...rest]));
  const choices = choose(n, 0);
  if (choices.length > 2000) throw new RuleError('condition: too many choices');
  return { op: 'or', items: choices.map(c => ({ op: 'and', items: c })) };
}
