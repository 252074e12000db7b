import { afterAll, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { readProblems } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { findMissingFiles, rotationLimit, rotationName } from '../../src/events/coverage/rotation.ts';
import { defineEventView, measureCoverage } from '../../src/events/index.ts';
import { type GivenLog, type IngestedCase, ingestCase } from './ingest-case.ts';

type GapRow = { file_no: number; from_us: number; to_us: number; reason: string; detail: string };
const open: IngestedCase[] = [];
afterAll(() => {
  for (const c of open) c.close();
});

async function gapsOf(
  logs: readonly GivenLog[],
  oneSource = false,
): Promise<{ gaps: GapRow[]; problems: string[]; sources: { evidence_id: string; facts: string }[] }> {
  const c = await ingestCase(logs);
  open.push(c);
  const kase = { ...c.kase, file: { ...c.kase.file, timezone: 'Asia/Tokyo' } } as OpenCase;
  if (oneSource) await kase.engine.run('t', sql`update event_file set evidence_id = 'e1'`);
  if (oneSource) await defineEventView(kase);
  await measureCoverage(kase, quietEffects);
  return {
    gaps: await kase.engine.rows<GapRow>('t', sql`select file_no, from_us, to_us, reason, detail from coverage_gap order by from_us, to_us, reason, detail`),
    problems: (await readProblems(kase.engine)).map(p => p.code),
    sources: await kase.engine.rows('t', sql`select evidence_id, facts from coverage_source order by evidence_id`),
  };
}

const start = Date.UTC(2026, 3, 6, 1) * 1000;
const iso = (us: number): string => new Date(us / 1000).toISOString();
const pgStamp = (us: number): string => iso(us).replace('T', ' ').replace('Z', ' UTC');
const session = (us: number, pid: number): string => `${Math.floor(us / SECOND).toString(16)}.${pid.toString(16)}`;
const csvlog = (us: number, conn: string, line: number): string =>
  `${pgStamp(us)},"app","pet",7,"10.0.0.9:1",${conn},${line},"SELECT",${pgStamp(us)},3/51,0,LOG,00000,"statement: SELECT ${line}",,,,,,,,,"x","client backend",,0`;

describe('breaks in numbers', () => {
  const conns = Array.from({ length: 4 }, (_, i) => session(start + i * SECOND, i + 1));
  const records = Array.from({ length: 400 }, (_, i) => ({
    us: start + (i + 5) * 3 * SECOND,
    conn: conns[i % 4]!,
    line: Math.floor(i / 4) + 1,
  }));
  const write = (keep: (i: number) => boolean): string =>
    records
      .filter((_, i) => keep(i))
      .map(r => csvlog(r.us, r.conn, r.line))
      .join('\n');
  it('are none in a whole PostgreSQL log', async () => {
    expect((await gapsOf([{ name: 'pg.csv', bytes: write(() => true), kind: 'sql-audit' }])).gaps).toEqual([]);
  });
  it('show the lost stretch of a PostgreSQL log, and nothing else', async () => {
    const { gaps, problems } = await gapsOf([{ name: 'pg.csv', bytes: write(i => i < 100 || i >= 130), kind: 'sql-audit' }]);
    const sequence = gaps.filter(g => g.reason === 'sequence');
    expect(sequence).toHaveLength(1);
    expect(sequence[0]!.from_us).toBeLessThanOrEqual(records[100]!.us);
    expect(sequence[0]!.to_us).toBeGreaterThanOrEqual(records[129]!.us);
    expect(sequence[0]!.to_us - sequence[0]!.from_us).toBeLessThan(3 * MINUTE);
    expect(JSON.parse(sequence[0]!.detail)).toEqual({ kind: 'pg', missing: 30, sequences: 4 });
    expect(problems).toContain('events.gap-sequence');
  });
  it('show the lost head of sessions that began inside the log, not of those that began before it', async () => {
    const late = session(start + HOUR, 99);
    const early = session(start - HOUR, 98);
    const text = [csvlog(start, session(start, 1), 1), csvlog(start + MINUTE, early, 77), csvlog(start + HOUR + MINUTE, late, 5)].join('\n');
    const { gaps } = await gapsOf([{ name: 'pg.csv', bytes: text, kind: 'sql-audit' }]);
    expect(gaps).toMatchObject([{ reason: 'sequence', from_us: start + HOUR, to_us: start + HOUR + MINUTE }]);
  });
  it('are not believed in a log that somebody filtered', async () => {
    const { gaps, problems } = await gapsOf([{ name: 'pg.csv', bytes: write(i => i % 3 === 0), kind: 'sql-audit' }]);
    expect(gaps.filter(g => g.reason === 'sequence')).toEqual([]);
    expect(problems).toContain('events.sequence-filtered');
  });
  it('show audit records missing among those of one second', async () => {
    const item = (us: number, id: number): string =>
      JSON.stringify({
        timestamp: iso(us).slice(0, 19).replace('T', ' '),
        id,
        class: 'general',
        event: 'status',
        connection_id: 1,
        account: { user: 'a' },
        login: {},
        general_data: { query: 'x', status: 0 },
      });
    const all = Array.from({ length: 60 }, (_, i) => [item(start + i * MINUTE, 0), item(start + i * MINUTE, 1), item(start + i * MINUTE, 2)]).flat();
    const { gaps } = await gapsOf([{ name: 'audit.json', bytes: `[\n${all.filter((_, i) => i !== 31).join(',\n')}\n`, kind: 'sql-audit' }]);
    expect(gaps).toMatchObject([{ reason: 'sequence', from_us: start + 10 * MINUTE, to_us: start + 10 * MINUTE }]);
    expect((await gapsOf([{ name: 'audit.json', bytes: `[\n${all.join(',\n')}\n`, kind: 'sql-audit' }])).gaps).toEqual([]);
    expect((await gapsOf([{ name: 'audit.json', bytes: `[\n${all.filter((_, i) => i !== 30).join(',\n')}\n`, kind: 'sql-audit' }])).gaps).toMatchObject([
      { reason: 'sequence', from_us: start + 10 * MINUTE },
    ]);
  });
});

describe('damage', () => {
  const clf = (us: number): string => `[${new Date(us / 1000).toUTCString().slice(5, 16).replaceAll(' ', '/')}:${iso(us).slice(11, 19)} +0000]`;
  const line = (i: number, path: string): string => `10.0.0.${i % 200} - - ${clf(start + i * 7 * SECOND)} "GET ${path} HTTP/1.1" 200 12 "-" "agent"`;
  it('lines cut at one length', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => line(i, `/a?x=${'y'.repeat(i % 60 === 3 ? 3000 : i % 97)}`).slice(0, 1024));
    const { gaps, problems } = await gapsOf([{ name: 'access.log', bytes: `${lines.join('\n')}\n`, format: 'apache-combined' }]);
    expect(problems).toContain('events.cut-lines');
    expect(gaps.every(g => g.reason === 'truncated' && g.from_us === g.to_us)).toBe(true);
  });
  it('long lines of many lengths are not cut lines', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => line(i, `/a?x=${'y'.repeat(700 + ((i * 37) % 300))}`));
    expect((await gapsOf([{ name: 'access.log', bytes: `${lines.join('\n')}\n`, format: 'apache-combined' }])).problems).not.toContain('events.cut-lines');
  });
  it('a block of NUL bytes hides what stood between its neighbours', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => line(i, '/'));
    const bytes = Buffer.concat([Buffer.from(`${lines.slice(0, 40).join('\n')}\n`), Buffer.alloc(4096), Buffer.from(`${lines.slice(60).join('\n')}\n`)]);
    const { gaps } = await gapsOf([{ name: 'access.log', bytes, format: 'apache-combined' }]);
    const [gap] = gaps.filter(g => g.reason === 'truncated');
    expect(gap!.from_us).toBeLessThanOrEqual(start + 40 * 7 * SECOND);
    expect(gap!.to_us).toBeGreaterThanOrEqual(start + 59 * 7 * SECOND);
  });
  it('a last line that broke off', async () => {
    const { gaps } = await gapsOf([
      {
        name: 'access.log',
        bytes: `${Array.from({ length: 30 }, (_, i) => line(i, '/')).join('\n')}\n10.0.0.1 - - [06/A`,
        format: 'apache-combined',
      },
    ]);
    expect(gaps).toMatchObject([{ reason: 'truncated', from_us: start + 29 * 7 * SECOND }]);
  });
  it('silence at the border of two files is a lost rotation; inside a file it is silence', async () => {
    const busy = Array.from({ length: 4000 }, (_, i) => ({ us: start + i * 2 * SECOND, text: '' }));
    const write = (list: readonly { us: number }[]): string =>
      `${list.map((r, i) => `10.0.${i % 7}.${(i * 13) % 200} - - ${clf(r.us)} "GET / HTTP/1.1" 200 12 "-" "agent"`).join('\n')}\n`;
    const [early, late] = [busy.slice(0, 1500), busy.slice(2500)];
    const one = await gapsOf([{ name: 'access.log', bytes: write([...early, ...late]), format: 'apache-combined' }]);
    expect(one.gaps.map(g => g.reason)).toEqual(['silent']);
    expect(one.gaps[0]!.from_us).toBeLessThanOrEqual(busy[1500]!.us + 10 * SECOND);
    expect(one.gaps[0]!.to_us).toBeGreaterThanOrEqual(busy[2499]!.us - 10 * SECOND);
    const two = await gapsOf(
      [
        { name: 'access.log.1', bytes: write(early), format: 'apache-combined' },
        { name: 'access.log', bytes: write(late), format: 'apache-combined' },
      ],
      true,
    );
    expect(two.gaps.map(g => g.reason)).toEqual(['rotation']);
    const whole = await gapsOf([{ name: 'access.log', bytes: write(busy), format: 'apache-combined' }]);
    expect(whole.gaps).toEqual([]);
  });
});

describe('rotation', () => {
  const file = (path: string, firstUs: number | null, lastUs: number | null, file_no = 1) => ({
    file_no,
    evidence_id: 'web',
    path,
    bytes: 1000,
    firstUs,
    lastUs,
  });
  it.each([
    ['logs/access.log', 'logs/access.log', 0, null],
    ['logs/access.log.3.gz', 'logs/access.log', 3, null],
    ['a-20260401.log.zst', 'a-*.log', null, '2026-04-01'],
    ['u_ex260401.log', 'u_ex*.log', null, '2026-04-01'],
    ['u_extra.log', 'u_extra.log', 0, null],
    ['pg-2026-04-01_000000.csv', 'pg-*_000000.csv', null, '2026-04-01'],
  ])('%s', (path, family, number, day) => expect(rotationName(path)).toEqual({ family, number, day }));
  it('misses the file that the numbers promise', () => {
    const gaps = findMissingFiles([file('access.log', 900, 1000, 1), file('access.log.1', 600, 900, 2), file('access.log.3', 100, 300, 3)]);
    expect(gaps).toMatchObject([{ reason: 'rotation', from_us: 300, to_us: 600, file_no: 2, detail: { missing_files: 1 } }]);
    expect(findMissingFiles([file('access.log', 900, 1000), file('access.log.1', 600, 900, 2), file('access.log.2.gz', 100, 600, 3)])).toEqual([]);
  });
  it('misses the day that the dates promise, daily or weekly', () => {
    const daily = ['01', '02', '03', '05', '06'].map((d, i) => file(`a-202604${d}.log`, +d * 1000, +d * 1000 + 999, i));
    expect(findMissingFiles(daily)).toMatchObject([{ from_us: 3999, to_us: 5000, detail: { missing_files: 1 } }]);
    const weekly = ['01', '08', '15', '29'].map((d, i) => file(`a-202604${d}.log`, +d * 1000, +d * 1000 + 999, i));
    expect(findMissingFiles(weekly)).toMatchObject([{ from_us: 15999, to_us: 29000 }]);
    expect(findMissingFiles(['01', '04', '09', '11'].map((d, i) => file(`a-202604${d}.log`, +d * 1000, +d * 1000 + 999, i)))).toEqual([]);
  });
  it('knows sizes at which logs are rotated', () => {
    expect([rotationLimit(10 * 1024 * 1024 - 100), rotationLimit(100_000_050), rotationLimit(123_456), rotationLimit(7_573_311)]).toEqual([
      10 * 1024 * 1024,
      100_000_000,
      null,
      null,
    ]);
  });
});

describe('years that the lines do not carry', () => {
  it('are counted back from the end of the file when it spans more than one New Year', async () => {
    const c = await ingestCase([
      {
        name: 'auth.log',
        bytes:
          'Dec  1 10:00:00 h sshd[1]: a\nMar  1 10:00:00 h sshd[1]: b\nNov 20 10:00:00 h sshd[1]: B\nJan  5 10:00:00 h sshd[1]: c\nNov 10 10:00:00 h sshd[1]: d\nJan  2 10:00:00 h sshd[1]: e\nNov 17 10:00:00 h sshd[1]: f\n',
        kind: 'auth',
        format: 'sshd',
        timezone: 'UTC',
      },
    ]);
    open.push(c);
    const rows = await c.kase.engine.rows<{ at_us: number; message: string }>('t', sql`select at_us, message from event order by event_id`);
    expect(rows.map(r => `${r.message} ${iso(r.at_us).slice(0, 4)}`)).toEqual(['a 2023', 'b 2024', 'B 2024', 'c 2025', 'd 2025', 'e 2026', 'f 2026']);
    expect((await readProblems(c.kase.engine)).map(p => p.code)).toContain('events.year-inferred');
  });
});
