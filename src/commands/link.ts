import { csvCell, type Effects, exitCodes, t, UserError } from '../base/index.ts';
import { sql } from '../engine/index.ts';
import { classifyColumns, identifyPersons, openTables } from '../persons/index.ts';

/**
 * `tadasu link`: which records of these tables are one person. CSV `file,key,person_strict,person_best,person_wide` on stdout;
 * with `--threshold` only that partition counts in the closing line. `--json` gives one JSON object a record.
 */
export async function link(
  options: { files: string[]; key: string; threshold?: 'best' | 'strict' | 'wide'; json?: boolean },
  effects: Effects,
): Promise<number> {
  const tables = await openTables(options.files, options.key, effects);
  try {
    for (const { dataset, file } of tables.given) {
      const held = await tables.engine.rows<{ name: string }>(
        'link.key',
        sql`select name from dataset_column where dataset_id = ${dataset} order by column_no`,
      );
      if (held.length === 0) throw new UserError('persons.no-rows', { file });
      if (!held.some(c => c.name.toLowerCase() === options.key.toLowerCase())) throw new UserError('persons.no-key-column', { key: options.key, file });
    }
    await classifyColumns(tables, effects);
    const summary = await identifyPersons(tables, effects);
    const fileOf = new Map(tables.given.map(g => [g.dataset, g.file]));
    if (!options.json) await print('file,key,person_strict,person_best,person_wide\n');
    for await (const batch of tables.engine.stream<{ dataset_id: string; key: string | null; person_strict: string; person_best: string; person_wide: string }>(
      'link.out',
      sql`
      select dataset_id, key, person_strict, person_best, person_wide from person_record order by dataset_id, row_no`,
    )) {
      await print(
        batch
          .map(r =>
            options.json
              ? `${JSON.stringify({ file: fileOf.get(r.dataset_id), key: r.key, person_strict: r.person_strict, person_best: r.person_best, person_wide: r.person_wide, ...(options.threshold && { person: r[`person_${options.threshold}`] }) })}\n`
              : `${csvCell(fileOf.get(r.dataset_id)!)},${csvCell(r.key)},${r.person_strict},${r.person_best},${r.person_wide}\n`,
          )
          .join(''),
      );
    }
    const { lower, best, upper } = summary.persons;
    const said = options.threshold === 'strict' ? upper : options.threshold === 'wide' ? lower : best;
    process.stderr.write(`${t(effects.lang, 'persons:link.summary', { records: summary.records, lower, best: said, upper })}\n`);
    return exitCodes.done;
  } finally {
    tables.close();
  }
}

function print(text: string): Promise<void> {
  return new Promise(resolve => (process.stdout.write(text) ? resolve() : process.stdout.once('drain', resolve)));
}
