import { afterAll, describe, expect, it } from 'vitest';
import { quietEffects, SECOND } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { type ClockFile, splitServers } from '../../src/events/clock-sources.ts';
import { estimateClockOffsets } from '../../src/events/index.ts';
import { type IngestedCase, ingestCase } from './ingest-case.ts';

let files = 0;
const file = (path: string, from: number, to: number): ClockFile => ({ file_no: ++files, path, first_us: from * SECOND, last_us: to * SECOND });
const pathsOf = (servers: ClockFile[][]): string[][] => servers.map(s => s.map(f => f.path));

describe('servers of one evidence', () => {
  it('files one after the other are of one server, also when one ends a little after the next began', () => {
    const rotated = [file('access.log', 2000, 2600), file('access.log.1', 1000, 2005), file('access.log.2', 0, 1000)];
    expect(pathsOf(splitServers(rotated))).toEqual([['access.log.2', 'access.log.1', 'access.log']]);
  });
  it('files of the same time are of different servers, each with its own rotated files', () => {
    const given = ['web1/access.log', 'web1/access.log.1', 'web2/access.log', 'web2/access.log.1'].map((path, i) =>
      file(path, i % 2 ? 0 : 1000, i % 2 ? 1000 : 2000),
    );
    expect(pathsOf(splitServers(given))).toEqual([
      ['web1/access.log.1', 'web1/access.log'],
      ['web2/access.log.1', 'web2/access.log'],
    ]);
  });
  it('very many at once are pieces of one log', () => {
    const pieces = Array.from({ length: 20 }, (_, i) => file(`node${i}.log`, 0, 100));
    expect(splitServers(pieces)).toHaveLength(1);
  });
});

describe('clocks of two servers in one evidence', () => {
  const open: IngestedCase[] = [];
  afterAll(() => {
    for (const c of open) c.close();
  });
  const stamp = (s: number): string => new Date(Date.UTC(2026, 5, 1) + s * 1000).toISOString();
  const web = (s: number, word: string): string =>
    `{"time":"${stamp(s)}","remote_addr":"192.0.2.${s % 9}","method":"GET","uri":"/find?q=${word}","status":200,"bytes":700}\n`;
  const row = (s: number, word: string): string =>
    `${stamp(s).slice(0, 23).replace('T', ' ')} UTC,"u","d",7,"[local]",6b02949c.7,${s},"SELECT",2026-06-01 00:00:00 UTC,6/7,0,LOG,00000,"statement: SELECT * FROM t WHERE w = '${word}'",,,,,,,,,"","client backend",,0\n`;

  it('each gets its own offset; one whose requests left no trace goes with the other', async () => {
    let [one, two, quiet, db] = ['', '', '', ''];
    for (let s = 0; s < 600; s += 5) {
      const word = `w${(s * 7919) % 100_003}`;
      db += row(s, word);
      if (s % 2) one += web(s, word);
      else two += web(s + 47, word);
      quiet += web(s, 'same');
    }
    const c = await ingestCase(
      [
        { name: 'web-a.log', bytes: one },
        { name: 'web-b.log', bytes: two },
        { name: 'web-c.log', bytes: quiet },
        { name: 'db.csv', bytes: db, kind: 'sql-audit' },
      ],
      {},
      undefined,
    );
    open.push(c);
    await c.kase.engine.run('t', sql`update event_file set evidence_id = 'e1' where file_no < 4`);
    const offsets = await estimateClockOffsets(c.kase, quietEffects);
    expect(offsets.map(o => [o.source_id, o.basis])).toEqual([
      ['e1 (web-a.log)', 'estimated'],
      ['e1 (web-b.log)', 'estimated'],
      ['e1 (web-c.log)', 'estimated'],
      ['e4', 'reference'],
    ]);
    const [a, b, other] = await c.kase.engine.rows<{ clock_offset_us: number }>('t', sql`select clock_offset_us from event_file order by file_no`);
    expect(a!.clock_offset_us).toBe(0);
    expect(Math.abs(b!.clock_offset_us - 47 * SECOND)).toBeLessThanOrEqual(offsets[1]!.error_us + SECOND / 100);
    expect([a, b]).toContainEqual(other);
  });
});
