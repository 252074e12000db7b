/** A column of a table file and the name it gets in the data set. */
export type ColumnName = { readonly given: string; readonly name: string };

const reserved = ['row_no', 'key'];

/**
 * Names fit for a table: trimmed, non-empty, unique without regard to case (the engine compares so), not one of ours.
 * What had to change gets a number; `changed` lists those.
 */
export function uniqueNames(header: readonly string[]): { columns: ColumnName[]; changed: ColumnName[] } {
  const taken = new Set(reserved);
  const wanted = new Set(header.map(h => clean(h).toLowerCase()));
  const columns = header.map((given, i) => {
    const base = clean(given) || `column_${i + 1}`;
    let name = base;
    for (let k = 2; taken.has(name.toLowerCase()) || (name !== base && wanted.has(name.toLowerCase())); k++) name = `${base}_${k}`;
    taken.add(name.toLowerCase());
    return { given, name };
  });
  return { columns, changed: columns.filter(c => c.name !== c.given.trim()) };
}

function clean(given: string): string {
  return given.replace(/[\u0000-\u001f\u007f\ufeff]+/g, ' ').trim();
}
