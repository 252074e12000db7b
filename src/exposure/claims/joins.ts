import type { Column, Dataset } from '../catalogue.ts';

/** Columns by which two data sets are joined, by their names: the key of one under the same name in the other, or as `<table>_<key>` there. */
export function joinsOf(a: Dataset, b: Dataset): [Column, Column][] {
  if (a === b) return [];
  return [...refersTo(a, b), ...refersTo(b, a).map(([x, y]): [Column, Column] => [y, x])];
}

function refersTo(from: Dataset, to: Dataset): [Column, Column][] {
  const [name] = to.key;
  const key = to.key.length === 1 ? to.columns.find(c => c.name === name) : undefined;
  if (!key) return [];
  const plain = key.name.toLowerCase();
  const names = new Set([
    `${to.table}_${plain}`,
    `${to.table.replace(/s$/, '')}_${plain}`,
    ...(from.key.includes(key.name) && from.key.length === 1 ? [] : [plain]),
  ]);
  return from.columns.filter(c => names.has(c.name.toLowerCase())).map(c => [c, key]);
}
