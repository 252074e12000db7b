import { problem } from '../../base/index.ts';
import type { ColumnSpec } from '../../engine/index.ts';
import { readContent } from '../../evidence/index.ts';
import { note, type Places } from './csv-survey.ts';
import { EncodingSurvey, toUtf8 } from './encoding.ts';
import { flatObject } from './json-lines.ts';
import type { OpenFile, TableFile } from './table-file.ts';

/** Open JSON lines: one object a line, columns in the order they first appear. Lines that are no object are problems. */
export async function openJsonLines(file: OpenFile): Promise<TableFile> {
  const look = new EncodingSurvey();
  for await (const chunk of readContent(file.absolute)) look.add(chunk);
  const found = look.finish(file.encoding);
  const where = { file: file.source.path, ref: file.source.evidence_id };
  const header: string[] = [];
  const known = new Set<string>();
  const bad: Places = { count: 0, lines: [] };
  const repeated: Places = { count: 0, lines: [] };
  let invalid = 0;
  const lines = (): AsyncGenerator<{ line: number; text: string }> => linesOf(toUtf8(readContent(file.absolute), found, () => invalid++));
  for await (const { line, text } of lines()) {
    const members = flatObject(text);
    if (!members) {
      note(bad, line);
      continue;
    }
    if (new Set(members.map(m => m[0])).size < members.length) note(repeated, line);
    for (const [name] of members) {
      if (known.has(name)) continue;
      known.add(name);
      header.push(name);
    }
  }
  if (invalid > 0) file.problems.push(problem('evidence.dataset-bad-bytes', 'warning', where, { encoding: found.label }, invalid));
  if (bad.count > 0)
    file.problems.push(problem('evidence.dataset-bad-json', 'error', { ...where, line: bad.lines[0]! }, { lines: bad.lines.join(', ') }, bad.count));
  if (repeated.count > 0)
    file.problems.push(
      problem('evidence.dataset-repeated-names', 'warning', { ...where, line: repeated.lines[0]! }, { lines: repeated.lines.join(', ') }, repeated.count),
    );
  return {
    format: 'jsonl',
    encoding: found.label,
    header,
    async load(target) {
      const specs: ColumnSpec[] = [
        { name: 'row_no', type: 'BIGINT' },
        { name: 'key', type: 'VARCHAR' },
        ...target.columns.map(name => ({ name, type: 'VARCHAR' as const })),
      ];
      const place = new Map(header.map((name, i) => [name, target.places[i]!]));
      let rowNo = target.firstRow;
      async function* rows(): AsyncGenerator<readonly unknown[]> {
        for await (const { text } of lines()) {
          const members = flatObject(text);
          if (!members) continue;
          const values: (string | null)[] = new Array(target.columns.length).fill(null);
          for (const [name, value] of members) values[place.get(name)!] = value;
          yield [rowNo++, target.keyText(values), ...values];
        }
      }
      return target.engine.append(target.table, specs, rows());
    },
    async linesOf(wanted) {
      const at = new Map<number, number>();
      let row = 0;
      for await (const { line, text } of lines()) if (flatObject(text)) at.set(row++, line);
      return wanted.map(r => at.get(r) ?? null);
    },
  };
}

async function* linesOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<{ line: number; text: string }> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  for await (const chunk of content) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      line++;
      const text = bytes.toString('utf8', from, end).trim();
      if (text !== '') yield { line, text };
      from = end + 1;
    }
    rest = Buffer.from(bytes.subarray(from));
  }
  const text = rest.toString('utf8').trim();
  if (text !== '') yield { line: line + 1, text };
}
