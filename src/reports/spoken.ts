import { type Lang, type Micros, parseIso, t } from '../base/index.ts';

type Spoken = { readonly day: string; readonly time: string; readonly place: string };

/** Day, hour and minute as people say them, in the zone. */
function speak(lang: Lang, us: Micros, zone: string): Spoken {
  const format = new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: lang === 'ja' ? 'numeric' : 'long',
    day: 'numeric',
    weekday: 'short',
    hour: 'numeric',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = Object.fromEntries(format.formatToParts(us / 1000).map(p => [p.type, p.value]));
  if (lang === 'ja')
    return {
      day: `${parts['year']}年${parts['month']}月${parts['day']}日(${parts['weekday']})`,
      time: `${Number(parts['hour'])}時${parts['minute']}分`,
      place: zone === 'Asia/Tokyo' ? '日本時間' : zone,
    };
  return { day: `${parts['day']} ${parts['month']} ${parts['year']}`, time: `${parts['hour']!.padStart(2, '0')}:${parts['minute']}`, place: zone };
}

/** An instant as letters and announcements write it: `2025年4月21日(月) 9時10分(日本時間)`, or `21 April 2025, 09:10 (Asia/Tokyo)`. */
export function spokenTime(lang: Lang, us: Micros, zone: string): string {
  return t(lang, 'reports:spoken.time', speak(lang, us, zone));
}

/**
 * From when until when, of two instants of result.json: a moment where both are the same minute, the day once where it is the same day.
 * `during`: as part of a sentence (`…までの間に`, `between …`), not standing alone.
 */
export function spokenPeriod(lang: Lang, from: string | null, to: string | null, zone: string, during = false): string {
  const form = during ? 'during' : 'alone';
  const [fromUs, toUs] = [from, to].map(iso => (iso === null ? null : parseIso(iso)));
  if (fromUs == null || toUs == null) {
    const known = (us: Micros | null | undefined): string => (us == null ? t(lang, 'reports:technical.unknown') : spokenTime(lang, us, zone));
    return t(lang, `reports:spoken.${form}.days`, { from: known(fromUs), to: known(toUs) });
  }
  const [first, last] = [speak(lang, fromUs, zone), speak(lang, toUs, zone)];
  if (first.day !== last.day) return t(lang, `reports:spoken.${form}.days`, { from: spokenTime(lang, fromUs, zone), to: spokenTime(lang, toUs, zone) });
  return t(lang, `reports:spoken.${form}.${first.time === last.time ? 'moment' : 'day'}`, { ...first, until: last.time });
}
