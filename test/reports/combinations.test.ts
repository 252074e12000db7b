import { expect, test } from 'vitest';
import type { ExposureCounts } from '../../src/persons/index.ts';
import { combinationsTable } from '../../src/reports/tables.ts';

test('records without any personal element have a name in the table, too', () => {
  const one = { records: { lower: 1, upper: 1 }, persons: { lower: 1, best: 1, upper: 1 } };
  const counts = {
    combinations: [
      { elements: ['person.name', 'contact.*'], ...one },
      { elements: [], ...one },
    ],
  } as unknown as ExposureCounts;
  for (const [lang, labels] of [
    ['ja', ['氏名、連絡先', '個人情報ではない項目']],
    ['en', ['Name, Contact data', 'Not personal data']],
  ] as const) {
    const table = combinationsTable(lang, counts);
    expect(table.kind === 'table' && table.rows.map(r => r[0]![0])).toEqual(labels);
  }
});
