import { civilFromDays, DAY, type Micros } from '../../base/index.ts';
import { civilOf, inNamedZone, inZone, monthNumber, openDigits, readIso, type Stamp } from './stamp.ts';

/** The part before the message. `text` is the rest. */
export type SyslogHeader = {
  readonly stamp: Stamp | null;
  readonly host: string;
  readonly tag: string;
  readonly pid: string;
  readonly priority: number | null;
  readonly data: string;
  readonly text: string;
};

const bsd = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ([A-Z]{3,4}|[+-]\d\d:?\d\d))?:? (?=\S)/;
const iso = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)\s+/;
const rfc5424 = /^<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\"]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: (?:\uFEFF)?|$)/;
const hostTag = /^(\S+) +([^\s:[\]]+)(?:\[(\d+)\])?: ?/;
const tagOnly = /^([^\s:[\]]+)(?:\[(\d+)\])?: ?/;

/**
 * Gives stamps without a year their year. The first such line gets the latest year that does not lead past the file's last
 * modification (a day of slack for zones); a jump back of more than half a year, or of more than a week where
 * the next year still fits, is a New Year. When New Years lead past the modification time, `span` covers the year
 * before too; `facts().first_year` then names the year to start again from. Without a modification time there is no stamp.
 */
export type YearClock = {
  /** True when it cannot give any year: lines then have no time. */
  readonly silent: boolean;
  stamp(month: number, day: number, hour: number, minute: number, second: number, fraction: string): Stamp | null;
  facts(): Readonly<Record<string, string | number>>;
};

export function yearClock(zone: string, modifiedUs: Micros | null, firstYear?: number): YearClock {
  let year: number | null = firstYear ?? null;
  let rollovers = 0;
  let conflicts = 0;
  let excess = 0;
  let last: Micros | null = null;
  const limit = modifiedUs === null ? null : modifiedUs + DAY;
  const at = (y: number, month: number, day: number, hour: number, minute: number, second: number, fraction: string): Micros | null =>
    civilOf(y, month, day, hour, minute, second, fraction);
  const start = (month: number, day: number, hour: number, minute: number, second: number, fraction: string): number => {
    let y = limit === null ? 1970 : civilFromDays(Math.floor(limit / DAY)).year;
    for (let back = 0; limit !== null && back < 8; back++, y--) {
      const us = at(y, month, day, hour, minute, second, fraction);
      if (us !== null && inZone(us, zone).us <= limit) return y;
    }
    return y;
  };
  return {
    silent: limit === null && firstYear === undefined,
    stamp(month, day, hour, minute, second, fraction) {
      if (month === 0 || (limit === null && firstYear === undefined)) return null;
      year ??= start(month, day, hour, minute, second, fraction);
      let civil = at(year, month, day, hour, minute, second, fraction);
      if (civil === null && month === 2 && day === 29) civil = leapDay(year, hour, minute, second, fraction);
      if (civil === null) return null;
      if (last !== null && last - civil > 7 * DAY) {
        const next = at(year + 1, month, day, hour, minute, second, fraction);
        const plausible = last - civil > 183 * DAY || (limit !== null && next !== null && inZone(next, zone).us <= limit);
        if (next !== null && plausible) {
          year++;
          rollovers++;
          civil = next;
        }
      } else if (last !== null && civil - last > 330 * DAY && rollovers > 0) {
        const before = at(year - 1, month, day, hour, minute, second, fraction);
        if (before !== null) return fold(inZone(before, zone));
      }
      last = civil;
      return fold(inZone(civil, zone));
    },
    facts: (): Readonly<Record<string, string | number>> =>
      year === null
        ? {}
        : {
            first_year: year - rollovers - Math.ceil(excess / (366 * DAY)),
            last_year: year,
            year_rollovers: rollovers,
            year_conflicts: conflicts,
            year_basis: firstYear === undefined ? 'modification-time' : 'given',
          },
  };
  function fold(stamp: Stamp): Stamp {
    if (limit === null || stamp.us <= limit) return stamp;
    conflicts++;
    excess = Math.max(excess, stamp.us - limit);
    const earlier = 366 * DAY;
    return { us: stamp.us - earlier, span: stamp.span + earlier };
  }
}

function leapDay(year: number, hour: number, minute: number, second: number, fraction: string): Micros | null {
  for (let y = year; y > year - 8; y--) {
    const us = civilOf(y, 2, 29, hour, minute, second, fraction);
    if (us !== null) return us;
  }
  return null;
}

/** One line's header, or null when it is no syslog line. */
export function readSyslogHeader(text: string, zone: string, clock: YearClock): SyslogHeader | null {
  const five = rfc5424.exec(text);
  if (five) {
    return {
      stamp: five[2] === '-' ? null : openDigits(readIso(five[2]!, zone), five[2]!),
      host: dash(five[3]!),
      tag: dash(five[4]!),
      pid: dash(five[5]!),
      priority: +five[1]!,
      data: dash(five[7]!),
      text: text.slice(five[0].length),
    };
  }
  const pri = /^<(\d{1,3})>/.exec(text);
  const body = pri ? text.slice(pri[0].length) : text;
  const priority = pri ? +pri[1]! : null;
  const b = bsd.exec(body);
  let stamp: Stamp | null = null;
  let rest: string;
  if (b) {
    const month = monthNumber(b[1]!);
    if (b[3] !== undefined) {
      const civil = civilOf(+b[3], month, +b[2]!, +b[4]!, +b[5]!, +b[6]!, b[7]);
      stamp = civil === null ? null : b[8] ? inNamedZone(civil, b[8], zone) : inZone(civil, zone);
    } else stamp = clock.stamp(month, +b[2]!, +b[4]!, +b[5]!, +b[6]!, b[7] ?? '');
    if (!stamp && !clock.silent) return null;
    stamp = openDigits(stamp, b[0]);
    rest = body.slice(b[0].length);
  } else {
    const i = iso.exec(body);
    if (!i) return null;
    stamp = openDigits(readIso(i[1]!, zone), i[1]!);
    if (!stamp) return null;
    rest = body.slice(i[0].length);
  }
  const h = hostTag.exec(rest);
  if (h && !/^[a-zA-Z_][\w.-]*=/.test(rest)) return { stamp, host: h[1]!, tag: h[2]!, pid: h[3] ?? '', priority, data: '', text: rest.slice(h[0].length) };
  const g = tagOnly.exec(rest);
  if (g) return { stamp, host: '', tag: g[1]!, pid: g[2] ?? '', priority, data: '', text: rest.slice(g[0].length) };
  const host = /^([A-Za-z0-9_.:-]+) (?=\S)/.exec(rest);
  const named = host && !host[1]!.includes('=');
  return {
    stamp,
    host: named ? host[1]! : '',
    tag: '',
    pid: '',
    priority,
    data: '',
    text: named ? rest.slice(host[0].length) : rest,
  };
}

const dash = (text: string): string => (text === '-' ? '' : text);
