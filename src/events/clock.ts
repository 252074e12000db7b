import { type Effects, MINUTE, type Micros, type Problem, problem, SECOND } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { type ColumnSpec, sql } from '../engine/index.ts';
import { estimateOffset, type Offset } from './clock-estimate.ts';
import { makeClockMarks, readPairs } from './clock-marks.ts';
import { type ClockSource, readClockSources } from './clock-sources.ts';
import { defineEventView } from './event-view.ts';

/** How the offset of a source is known. `offsetUs` is subtracted from its stamps; the true one lies within `errorUs`. */
export type ClockOffset = {
  readonly source_id: string;
  readonly offset_us: Micros;
  readonly error_us: Micros;
  readonly basis: 'given' | 'reference' | 'estimated' | 'unknown';
  /** The source it was compared with, and by how many different tokens. */
  readonly linked_to: string | null;
  readonly support: number;
  readonly drifts: boolean;
};

const clockColumns = [
  { name: 'source_id', type: 'VARCHAR' },
  { name: 'offset_us', type: 'BIGINT' },
  { name: 'error_us', type: 'BIGINT' },
  { name: 'basis', type: 'VARCHAR' },
  { name: 'linked_to', type: 'VARCHAR' },
  { name: 'support', type: 'BIGINT' },
  { name: 'drifts', type: 'BOOLEAN' },
] as const satisfies readonly ColumnSpec[];

/**
 * How far the clock of each source (an evidence, or one of its servers) is from the others, whatever the size (methods §3.5). Offsets that the case states hold; without
 * one the clock that most sources agree with is the reference, and of two the more trustworthy one (see `trust`). Writes `clock_offset`, sets `event_file.clock_offset_us` and
 * `clock_error_us`, and makes view `event` anew. A source that shares nothing with the others keeps offset 0, basis `unknown`.
 */
export async function estimateClockOffsets(kase: OpenCase, effects: Effects): Promise<readonly ClockOffset[]> {
  await resetOffsets(kase);
  const stated = new Set(kase.file.evidence.filter(e => e.clockOffsetUs !== null).map(e => e.id));
  const sources = await readClockSources(kase, stated);
  const links = sources.length < 2 ? [] : await readLinks(kase, sources);
  const given = new Set(sources.filter(s => stated.has(s.evidence_id)).map(s => s.source_id));
  const start = chooseStart(sources, given);
  const found =
    start === null
      ? []
      : spread(
          sources.map(s => s.source_id),
          start,
          given,
          links,
        );
  const offsets = found.map((o, i) => (o.basis === 'unknown' ? likeItsOwn(o, i, sources, found) : o));
  for (const [i, o] of offsets.entries()) {
    if (o.basis !== 'estimated') continue;
    await kase.engine.run(
      'clock.set',
      sql`update event_file set clock_offset_us = clock_offset_us + ${o.offset_us}, clock_error_us = ${o.error_us}
        where file_no in (${sql.join(
          sources[i]!.files.map(n => sql`${n}`),
          sql`, `,
        )})`,
    );
  }
  await kase.engine.load(
    'clock_offset',
    clockColumns,
    offsets.map(o => clockColumns.map(c => o[c.name])),
  );
  if (offsets.some(o => o.basis === 'estimated')) await defineEventView(kase);
  await recordProblems(kase.engine, 'events.clock', problemsOf(offsets));
  effects.log('events.clocks', { sources: offsets.length, estimated: offsets.filter(o => o.basis === 'estimated').length });
  return offsets;
}

/** A server without witnesses of its own goes with the best known one of its evidence. */
function likeItsOwn(unknown: ClockOffset, at: number, sources: readonly ClockSource[], found: readonly ClockOffset[]): ClockOffset {
  const known = found.filter((o, i) => sources[i]!.evidence_id === sources[at]!.evidence_id && o.basis === 'estimated');
  const best = known.reduce<ClockOffset | null>((a, o) => (a === null || o.support > a.support ? o : a), null);
  return best ? { ...best, source_id: unknown.source_id } : unknown;
}

/** What an earlier run estimated is forgotten, so that the same evidence gives the same answer again. */
async function resetOffsets(kase: OpenCase): Promise<void> {
  for (const { id, clockOffsetUs } of kase.file.evidence) {
    await kase.engine.run('clock.reset', sql`update event_file set clock_offset_us = ${clockOffsetUs ?? 0}, clock_error_us = 0 where evidence_id = ${id}`);
  }
  await defineEventView(kase);
}

type Link = { readonly a: string; readonly b: string; readonly offset: Offset };

async function readLinks(kase: OpenCase, sources: readonly ClockSource[]): Promise<Link[]> {
  await makeClockMarks(kase, sources);
  const ids = sources.map(s => s.source_id);
  const links: Link[] = [];
  for (let i = 0; i < ids.length; i++) {
    for (let j = i + 1; j < ids.length; j++) {
      const offset = estimateOffset(await readPairs(kase, ids[i]!, ids[j]!));
      if (offset) links.push({ a: ids[i]!, b: ids[j]!, offset });
    }
  }
  await kase.engine.run('clock.done', sql`drop table if exists clock_mark`);
  return links;
}

/**
 * How far a clock is to be trusted before anything is compared: clocks of cloud services; PostgreSQL, whose session ids repeat the time
 * in UTC, so that its zone cannot be wrong; other stamps in UTC; stamps with a zone; stamps without one.
 */
const trust: Readonly<Record<string, number>> = {
  'aws-alb': 0,
  'aws-cloudfront': 0,
  cloudtrail: 0,
  'pg-csvlog': 1,
  'pg-jsonlog': 1,
  'mysql-audit-json': 2,
  'mysql-general': 2,
  'mysql-slow': 2,
  evtx: 2,
  'iis-w3c': 3,
  'mariadb-audit': 5,
  sshd: 5,
  syslog: 5,
  haproxy: 5,
  'apache-error': 5,
};
const trustOf = (format: string): number => trust[format] ?? 4;

function chooseStart(sources: readonly ClockSource[], given: ReadonlySet<string>): string | null {
  const ranked = [...sources].sort(
    (a, b) => Number(given.has(b.source_id)) - Number(given.has(a.source_id)) || trustOf(a.format) - trustOf(b.format) || (a.source_id < b.source_id ? -1 : 1),
  );
  return ranked[0]?.source_id ?? null;
}

/** Offsets relative to the start along the best supported links (Prim), then moved so that the largest group that agrees has 0. */
export function spread(ids: readonly string[], start: string, given: ReadonlySet<string>, links: readonly Link[]): ClockOffset[] {
  const known = new Map<string, { lo: Micros; hi: Micros; from: string | null; support: number; drifts: boolean }>();
  for (const id of ids) if (id === start || given.has(id)) known.set(id, { lo: 0, hi: 0, from: null, support: 0, drifts: false });
  for (;;) {
    const open = links.filter(l => known.has(l.a) !== known.has(l.b)).sort((x, y) => y.offset.support - x.offset.support || (x.a + x.b < y.a + y.b ? -1 : 1));
    const l = open[0];
    if (!l) break;
    const [from, to, sign] = known.has(l.a) ? [l.a, l.b, 1] : [l.b, l.a, -1];
    const base = known.get(from)!;
    const [lo, hi] = sign === 1 ? [l.offset.lo, l.offset.hi] : [-l.offset.hi, -l.offset.lo];
    known.set(to, { lo: base.lo + lo, hi: base.hi + hi, from, support: l.offset.support, drifts: l.offset.drifts });
  }
  const shift =
    given.size > 0
      ? 0
      : majority(
          [...known].map(([id, k]) => ({ id, ...k })),
          start,
        );
  return ids.map(id => {
    const k = known.get(id);
    const blank = { source_id: id, offset_us: 0, error_us: 0, linked_to: null, support: 0, drifts: false };
    if (given.has(id)) return { ...blank, basis: 'given' as const };
    if (!k) return { ...blank, basis: ids.length === 1 ? ('reference' as const) : ('unknown' as const) };
    const [lo, hi] = [k.lo - shift, k.hi - shift];
    if (k.from === null && lo === 0) return { ...blank, basis: 'reference' as const };
    const offset_us = lo <= 0 && hi >= 0 ? 0 : Math.round((lo + hi) / 2);
    return {
      source_id: id,
      offset_us,
      error_us: Math.ceil(Math.max(hi - offset_us, offset_us - lo)),
      basis: 'estimated' as const,
      linked_to: k.from,
      support: k.support,
      drifts: k.drifts,
    };
  });
}

/** The offset of the largest group of sources whose clocks agree within two seconds; the start's own (0) when groups are of one size. */
function majority(known: readonly { id: string; lo: Micros; hi: Micros }[], start: string): Micros {
  const middle = (k: { lo: Micros; hi: Micros }): Micros => (k.lo <= 0 && k.hi >= 0 ? 0 : Math.round((k.lo + k.hi) / 2));
  const group = (at: Micros): number => known.filter(k => Math.abs(middle(k) - at) <= 2 * SECOND).length;
  let best = middle(known.find(k => k.id === start)!);
  for (const k of [...known].sort((a, b) => (a.id < b.id ? -1 : 1))) if (group(middle(k)) > group(best)) best = middle(k);
  return best;
}

function problemsOf(offsets: readonly ClockOffset[]): Problem[] {
  return offsets.flatMap(o => {
    if (o.basis === 'unknown') return [problem('events.clock-unknown', 'info', { ref: o.source_id }, { ref: o.source_id })];
    if (o.basis !== 'estimated' || (Math.abs(o.offset_us) < SECOND && !o.drifts)) return [];
    const params = {
      ref: o.source_id,
      seconds: Math.round(o.offset_us / SECOND),
      error: Math.ceil(o.error_us / SECOND),
      support: o.support,
    };
    const zone = Math.abs(o.offset_us) >= 30 * MINUTE - SECOND && Math.abs(o.offset_us - Math.round(o.offset_us / (15 * MINUTE)) * 15 * MINUTE) <= 5 * SECOND;
    return [problem(o.drifts ? 'events.clock-drifts' : zone ? 'events.clock-zone' : 'events.clock-offset', 'warning', { ref: o.source_id }, params)];
  });
}
