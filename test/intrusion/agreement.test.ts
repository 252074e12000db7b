import { describe, expect, it } from 'vitest';
import { type ColumnSpec, Engine } from '../../src/engine/index.ts';
import { readSnapshot, recoverCells } from '../../src/intrusion/injection/index.ts';
import { rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { type Dialect, runAttack, type Strategy } from '../reference/blind-attacker.ts';

/** The conditions an intruder asked, evaluated on the snapshot: they agree where nothing changed since, and only there. */

const secrets = ['ｶﾄｳ ﾕｳｺ', '髙橋 花子', 'Añb-7'];
const codes = ['a1', 'b2', 'c3'];

async function recover(dialect: Dialect, strategy: Strategy, snapshot: readonly string[], keep: (index: number) => boolean = () => true) {
  const attack = (column: string, values: readonly string[], first: number) =>
    runAttack({
      dialect,
      strategy,
      channel: 'size',
      column,
      table: 'staff',
      values,
      encode: s => encodeURIComponent(s).replaceAll('%20', '+'),
      dress: s => s,
      random: () => 0.5,
      lengthFirst: false,
      clients: 1,
      negate: false,
    }).map((e, i) => ({ ...e, event_id: e.event_id + first, at_us: e.at_us + first * 1000, i }));
  const events = [...attack('secret', secrets, 0).filter(e => keep(e.i)), ...attack('code', codes, 1_000_000)];
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  try {
    const text = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'VARCHAR' }));
    const big = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'BIGINT' }));
    await engine.load('dataset', [...text('dataset_id table_name'), ...big('rows')], [['staff', 'staff', 3]]);
    await engine.load(
      'dataset_column',
      [...text('dataset_id name'), ...big('column_no')],
      ['id', 'secret', 'code'].map((name, i) => ['staff', name, i]),
    );
    await engine.load(
      'data_staff',
      [...big('row_no'), ...text('key id secret code')],
      codes.map((c, i) => [i, String(i + 1), String(i + 1), snapshot[i]!, c]),
    );
    const cells = await recoverCells(engine, rebuildInjections(events).cells, await readSnapshot(engine));
    return cells.filter(c => c.column === 'secret').sort((a, b) => a.ordinal! - b.ordinal!);
  } finally {
    engine.close();
  }
}

type Agreement = { answers: number; agree: number };
const agreement = (c: { facts: Readonly<Record<string, unknown>> }): Agreement => c.facts['agreement'] as Agreement;

describe('the questions evaluated on the snapshot', () => {
  for (const dialect of ['postgresql', 'mysql', 'mssql', 'oracle', 'sqlite'] as const)
    for (const strategy of ['greater', 'in-set', 'case'] as const)
      it(`${dialect}, ${strategy}: all agree where nothing changed; a changed value does not, and stays what was read`, async () => {
        const same = await recover(dialect, strategy, secrets);
        const readable = strategy === 'in-set' ? [2] : [0, 1, 2];
        for (const k of readable) {
          expect([same[k]!.value, same[k]!.key]).toEqual([secrets[k], String(k + 1)]);
          expect(agreement(same[k]!).agree).toBe(agreement(same[k]!).answers);
          expect(agreement(same[k]!).answers).toBeGreaterThan(15);
        }
        const changed = await recover(dialect, strategy, [secrets[0]!, secrets[1]!, 'zzzzzz']);
        expect([changed[2]!.value, changed[2]!.key, changed[2]!.facts['reason']]).toEqual([secrets[2], '3', 'differs-from-the-snapshot']);
        expect(agreement(changed[2]!).agree).toBeLessThan(agreement(changed[2]!).answers - 5);
      });

  it('a value of which lines are lost stays partial, and what is left of it agrees', async () => {
    const cells = await recover('postgresql', 'greater', secrets, i => i % 11 !== 3);
    expect(cells.some(c => c.status === 'partial')).toBe(true);
    for (const c of cells.filter(x => x.status === 'partial')) {
      expect(c.value).toBeNull();
      expect(agreement(c).agree).toBe(agreement(c).answers);
    }
  });
});
