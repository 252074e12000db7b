import { describe, expect, it } from 'vitest';
import { type ColumnSpec, Engine } from '../../src/engine/index.ts';
import { readSnapshot, recoverCells } from '../../src/intrusion/injection/index.ts';
import { rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { injectionEvent } from '../fixtures/injection-event.ts';

type Answering = { readonly size: (holds: boolean) => number; readonly duration: (holds: boolean) => number | null };
const bySize: Answering = { size: holds => (holds ? 5120 : 880), duration: () => null };
const byWork: Answering = { size: () => 900, duration: holds => (holds ? 2_100_000 : 5000) };

/** A script that tries one letter after the other until one fits, and stops where none does. */
function askLetters(values: readonly string[], dress: (condition: string) => string, { size, duration }: Answering) {
  const alphabet = [...'0123456789abcdefghij'];
  const events: ReturnType<typeof injectionEvent>[] = [];
  const ask = (condition: string, holds: boolean): void => {
    const query = `id=${encodeURIComponent(dress(condition))}`;
    const at = 1_745_000_000_000_000 + events.length * 3_000_000;
    events.push(
      injectionEvent({
        event_id: (events.length + 1) * 16,
        at_us: at,
        src_ip: '198.51.100.1',
        path: '/item',
        query,
        status: 200,
        bytes_out: size(holds),
        duration_us: duration(holds),
        target_length: query.length,
        time_kind: 1,
      }),
    );
  };
  for (const [row, value] of values.entries())
    for (let place = 1; place <= value.length + 1; place++)
      for (const letter of alphabet) {
        const holds = value[place - 1] === letter;
        ask(`substr((SELECT code FROM staff ORDER BY id LIMIT 1 OFFSET ${row}),${place},1)='${letter}'`, holds);
        if (holds) break;
      }
  return events;
}

/** What the script obtained of `asked`, where the snapshot holds `snapshot`. */
async function recover(asked: readonly string[], snapshot: readonly string[], dress = (c: string): string => `3 AND ${c}`, answering = bySize) {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  try {
    const text = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'VARCHAR' }));
    const big = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'BIGINT' }));
    await engine.load('dataset', [...text('dataset_id table_name'), ...big('rows')], [['staff', 'staff', snapshot.length]]);
    await engine.load(
      'dataset_column',
      [...text('dataset_id name'), ...big('column_no')],
      ['id', 'code'].map((name, i) => ['staff', name, i]),
    );
    await engine.load(
      'data_staff',
      [...big('row_no'), ...text('key id code')],
      snapshot.map((c, i) => [i, String(i + 1), String(i + 1), c]),
    );
    const cells = await recoverCells(engine, rebuildInjections(askLetters(asked, dress, answering)).cells, await readSnapshot(engine));
    return [...cells].sort((a, b) => a.ordinal! - b.ordinal!).map(c => [c.value, c.status]);
  } finally {
    engine.close();
  }
}

describe('a value that was read letter by letter until none fitted', () => {
  const codes = ['a1b2c', '90fg1', 'c0ded'];
  it('is whole when the snapshot holds it and nothing that goes on', async () => {
    expect(await recover(codes, codes)).toEqual(codes.map(c => [c, 'exact']));
  });
  it('stays open when the snapshot holds one that goes on with a letter that was not tried, several, or another', async () => {
    expect(await recover(codes, ['a1b2c+9', '90fg1', 'c0ded'])).toEqual([
      [null, 'partial'],
      ['90fg1', 'exact'],
      ['c0ded', 'exact'],
    ]);
    expect((await recover(codes, ['a1b2c', '90fg1', 'zzzzz', 'a1b2cZ'])).map(c => c[1])).toEqual(['partial', 'exact', 'partial']);
  });
});

describe('an answer that only the work behind it tells', () => {
  const slowly = (condition: string): string => `3 AND (CASE WHEN (${condition}) THEN (SELECT count(*) FROM a, b, c) ELSE 1 END)>0`;
  const codes = ['a1b2c', '90fg1', 'c0ded'];
  it('is read from how long requests took', async () => {
    expect(await recover(codes, codes, slowly, byWork)).toEqual(codes.map(c => [c, 'exact']));
  });
  it('tells nothing where all took as long', async () => {
    const alike = await recover(codes, codes, slowly, { ...byWork, duration: () => 5000 });
    expect(alike.every(([value, status]) => value === null && status === 'attempted')).toBe(true);
  });
});
