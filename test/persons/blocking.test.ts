import { expect, test } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { writePairs } from '../../src/persons/linkage/blocking.ts';
import { linkRowNames } from '../../src/persons/linkage/standardise.ts';

type Known = Partial<Record<(typeof linkRowNames)[number], string>> & { readonly japanese?: boolean };

/** Which of these records meet, as pairs of their numbers. */
async function meetings(records: readonly Known[]): Promise<string[]> {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  await engine.load(
    'link_node',
    [
      { name: 'nid', type: 'INTEGER' },
      { name: 'legal', type: 'BOOLEAN' },
      { name: 'japanese', type: 'BOOLEAN' },
      ...linkRowNames.map(name => ({ name, type: 'VARCHAR' as const })),
    ],
    records.map((r, i) => [i, false, r.japanese ?? true, ...linkRowNames.map(n => r[n] ?? null)]),
  );
  await writePairs(engine, records.length);
  const pairs = await engine.rows<{ l: number; r: number }>('test.pairs', sql`select l, r from link_pair order by l, r`);
  engine.close();
  return pairs.map(p => `${p.l}-${p.r}`);
}

const sato = { surname: '佐藤', given: '実', whole: '佐藤実' };

test('namesakes whose birth dates share neither year nor day do not meet; a birth date that is not known leaves it open', async () => {
  expect(
    await meetings([
      { ...sato, birth: '19550505', area: '札幌市' },
      { ...sato, birth: '19780130', area: '那覇市' },
      { ...sato, area: '大阪市' },
    ]),
  ).toEqual(['0-2', '1-2']);
});

test('a slip in one part of a birth date is still met by name', async () => {
  expect(
    await meetings([
      { ...sato, birth: '19550505' },
      { ...sato, birth: '19550506' },
      { ...sato, birth: '19560505' },
      { ...sato, birth: '19550605' },
    ]),
  ).toEqual(['0-1', '0-2', '0-3', '1-3']);
});

test('in Latin letters namesakes meet whatever their birth dates say: slips are to be expected', async () => {
  const smith = { surname: 'smith', given: 'john', whole: 'smithjohn', japanese: false };
  expect(
    await meetings([
      { ...smith, birth: '19550505' },
      { ...smith, birth: '19780130' },
    ]),
  ).toEqual(['0-1']);
});
