import { type Effects, exitCodes } from '../base/index.ts';
import type { Element } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import { classifyColumns, legalCategories, openTables } from '../persons/index.ts';

/** `tadasu classify`: what each column means. A JSON list, one object a column, in the order of the files and columns. */
export async function classify(options: { files: string[]; json?: boolean }, effects: Effects): Promise<number> {
  const tables = await openTables(options.files, null, effects);
  try {
    await classifyColumns(tables, effects);
    const fileOf = new Map(tables.given.map(g => [g.dataset, g.file]));
    const rows = await tables.engine.rows<{ dataset_id: string; name: string; element: Element; confidence: number; basis: string }>(
      'classify.out',
      sql`
      select c.dataset_id, c.name, e.element, e.confidence, e.basis from dataset_column c join column_element e using (dataset_id, column_no) order by c.dataset_id, c.column_no`,
    );
    const list = tables.given
      .flatMap(g => rows.filter(r => r.dataset_id === g.dataset))
      .map(r => ({
        file: fileOf.get(r.dataset_id)!,
        column: r.name,
        element: r.element,
        confidence: r.confidence,
        evidence: JSON.parse(r.basis) as unknown,
        legal: legalCategories(r.element),
      }));
    process.stdout.write(`${JSON.stringify(list, null, 1)}\n`);
    return exitCodes.done;
  } finally {
    tables.close();
  }
}
