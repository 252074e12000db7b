import { civilFromDays, DAY, HOUR, type Micros, SECOND } from '../../base/index.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'));
const jst = 9 * HOUR;

let lastDay = NaN;
let civil = { year: 1970, month: 1, day: 1 };

function split(us: Micros): { h: string; m: string; s: string; us: number } {
  const day = Math.floor(us / DAY);
  if (day !== lastDay) {
    lastDay = day;
    civil = civilFromDays(day);
  }
  const rest = us - day * DAY;
  const sec = Math.floor(rest / SECOND);
  return { h: two[Math.floor(sec / 3600)]!, m: two[Math.floor(sec / 60) % 60]!, s: two[sec % 60]!, us: rest - sec * SECOND };
}

/** `17/Apr/2025:01:02:03 +0900` */
export function clfStamp(us: Micros): string {
  const t = split(us + jst);
  return `${two[civil.day]}/${months[civil.month - 1]}/${civil.year}:${t.h}:${t.m}:${t.s} +0900`;
}

/** `17/Apr/2025:01:02:03.456` in Japan time, without zone (HAProxy). */
export function haproxyStamp(us: Micros): string {
  const t = split(us + jst);
  return `${two[civil.day]}/${months[civil.month - 1]}/${civil.year}:${t.h}:${t.m}:${t.s}.${millis(t.us)}`;
}

/** `Apr 17 01:02:03` in Japan time (syslog). */
export function syslogStamp(us: Micros): string {
  const t = split(us + jst);
  return `${months[civil.month - 1]} ${String(civil.day).padStart(2, ' ')} ${t.h}:${t.m}:${t.s}`;
}

const millis = (us: number): string => String(Math.floor(us / 1000)).padStart(3, '0');

/** UTC date and time apart, whole seconds (IIS, CloudFront). */
export function utcParts(us: Micros): { date: string; time: string } {
  const t = split(us);
  return { date: `${civil.year}-${two[civil.month]}-${two[civil.day]}`, time: `${t.h}:${t.m}:${t.s}` };
}

/** `2025-04-16T16:02:03.456789Z` */
export function isoMicros(us: Micros): string {
  const t = split(us);
  return `${civil.year}-${two[civil.month]}-${two[civil.day]}T${t.h}:${t.m}:${t.s}.${String(t.us).padStart(6, '0')}Z`;
}

/** `2025-04-16T16:02:03.456Z` */
export function isoMillis(us: Micros): string {
  const t = split(us);
  return `${civil.year}-${two[civil.month]}-${two[civil.day]}T${t.h}:${t.m}:${t.s}.${millis(t.us)}Z`;
}

/** `2025-04-17 01:02:03.456 JST`; without milliseconds when `whole`. */
export function postgresStamp(us: Micros, whole = false): string {
  const t = split(us + jst);
  return `${civil.year}-${two[civil.month]}-${two[civil.day]} ${t.h}:${t.m}:${t.s}${whole ? '' : `.${millis(t.us)}`} JST`;
}
