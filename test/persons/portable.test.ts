import { afterAll, beforeAll, expect, test } from 'vitest';
import { given, surnames } from '../../src/drills/words/names.ts';
import { Engine, sql } from '../../src/engine/index.ts';
import { writePairs } from '../../src/persons/linkage/blocking.ts';
import { type Dialect, duckdb, type Steps } from '../../src/persons/linkage/dialect.ts';
import { estimateModel, writeLevels } from '../../src/persons/linkage/estimate.ts';
import { writeLinkNodes } from '../../src/persons/linkage/nodes.ts';
import { writeScores } from '../../src/persons/linkage/score.ts';
import { linkRowNames } from '../../src/persons/linkage/standardise.ts';
import { openPostgres, postgres } from '../reference/postgres-steps.ts';

const columns = [
  { name: 'rid', type: 'INTEGER' as const },
  { name: 'src', type: 'INTEGER' as const },
  { name: 'row_no', type: 'BIGINT' as const },
  { name: 'legal', type: 'BOOLEAN' as const },
  { name: 'japanese', type: 'BOOLEAN' as const },
  ...linkRowNames.map(name => ({ name, type: 'VARCHAR' as const })),
];
type Fields = Partial<Record<(typeof linkRowNames)[number], string>>;

const latin = ['john', 'jon', 'jonathan', 'mary', 'marie', 'peter', 'pete', 'smith', 'smyth', 'brown', 'browne', 'martha', 'marhta', 'dixon', 'dickson'];

/** Records of `people`, each written up to three times: as they are, with slips, with something missing; a few companies. */
function records(people: number): unknown[][] {
  let state = 12345;
  const below = (n: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor(state / 65536) % n;
  };
  const digits = (n: number): string => Array.from({ length: n }, () => below(10)).join('');
  const out: unknown[][] = [];
  for (let person = 0; person < people; person++) {
    const japanese = person % 3 !== 0;
    const [s, g] = [surnames[below(12)]!, given[below(20)]!];
    const name: Fields = japanese
      ? { surname: s.text, given: g.text, surname_read: s.kana, given_read: g.kana, whole: s.text + g.text, whole_read: s.kana + g.kana }
      : { surname: latin[7 + below(8)]!, given: latin[below(7)]! };
    const home = `市${below(9)}|町${below(9)}`;
    const whole: Fields = {
      ...name,
      ...(!japanese && { whole: `${name.surname}${name.given}` }),
      birth: `19${50 + below(40)}0${1 + below(9)}${10 + below(18)}`,
      sex: below(2) === 0 ? 'm' : 'f',
      ...(japanese
        ? { address: `${home}|${below(30)}-1-101`, block: `${home}|${below(30)}-1`, town: home }
        : { address: `${below(99)} ${latin[below(15)]} street` }),
      area: home.split('|')[0]!,
      phone: below(2) === 0 ? `090${digits(8)}` : `0${digits(9)}`,
      email: `${latin[below(15)]}.${digits(2)}@example.jp`,
      ...(below(4) === 0 && { ident: digits(9) }),
    };
    for (let copy = below(3); copy >= 0; copy--) {
      const row: Fields = { ...whole };
      const slip = below(6);
      if (slip === 0) row.birth = `${whole.birth!.slice(0, 7)}${below(10)}`;
      if (slip === 1) row.email = `x${whole.email}`;
      if (slip === 2 && whole.ident) row.ident = `${whole.ident.slice(0, 4)}${whole.ident[5]}${whole.ident[4]}${whole.ident.slice(6)}`;
      if (slip === 3) row.phone2 = `080${digits(8)}`;
      if (slip === 4) delete row.birth;
      const legal = person % 40 === 0;
      out.push([out.length, 0, out.length, legal, japanese, ...linkRowNames.map(n => row[n] ?? null)]);
    }
  }
  return out;
}

type Outcome = { nodes: number; pairs: number; model: unknown; scores: Record<string, unknown>[]; copies: unknown[] };

async function link(engine: Steps & { load(table: string, specs: typeof columns, rows: unknown[][]): Promise<unknown> }, d: Dialect): Promise<Outcome> {
  await engine.load('link_record', columns, records(170));
  const nodes = await writeLinkNodes(engine, [3], d);
  const { pairs } = await writePairs(engine, nodes, d);
  await writeLevels(engine, d);
  const model = await estimateModel(engine, nodes, pairs, d);
  await writeScores(engine, model, nodes, d);
  return {
    nodes,
    pairs,
    model,
    scores: await engine.rows('test.scores', sql`select * from link_score order by l, r`),
    copies: await engine.rows('test.members', sql`select rid, nid from link_member order by rid`),
  };
}

const close: (() => unknown)[] = [];
let [ours, theirs]: (Outcome | null)[] = [null, null];
beforeAll(async () => {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  const other = await openPostgres();
  close.push(
    () => engine.close(),
    () => other.close(),
  );
  ours = await link(engine, duckdb);
  theirs = await link(other, postgres);
}, 60_000);
afterAll(async () => {
  for (const end of close) await end();
});

test('PostgreSQL makes the same nodes of the same records, and the same pairs of them', () => {
  expect(ours!.nodes).toBeGreaterThan(130);
  expect(ours!.nodes).toBeLessThan(ours!.copies.length);
  expect(ours!.pairs).toBeGreaterThan(500);
  expect({ nodes: theirs!.nodes, pairs: theirs!.pairs, copies: theirs!.copies }).toEqual({ nodes: ours!.nodes, pairs: ours!.pairs, copies: ours!.copies });
});

test('it finds the same level in each comparison and learns the same from them', () => {
  const levels = ({ weight: _weight, ...rest }: Record<string, unknown>): Record<string, unknown> => rest;
  expect(theirs!.scores.map(levels)).toEqual(ours!.scores.map(levels));
  expect(theirs!.model).toEqual(ours!.model);
});

test('it weighs each pair alike and grades it alike', () => {
  expect(ours!.scores.map(s => s['grade'])).toEqual(expect.arrayContaining([0, 1, 2, 3]));
  ours!.scores.forEach((s, i) => {
    expect(Number(theirs!.scores[i]!['weight'])).toBeCloseTo(Number(s['weight']), 6);
  });
});
