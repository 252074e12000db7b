import { DAY, utcMicros } from '../../base/index.ts';

/** Steps left out of a walk through numbers, days, months or spans of days. */

/** `2024-05-31` as days since 1970, `2024-05` as months since year 0 (both as whole numbers); null for anything else. */
export function dayOf(text: string | null | undefined): number | null {
  const m = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/.exec(text ?? '');
  if (!m) return null;
  const [year, month] = [Number(m[1]), Number(m[2])];
  return m[3] === undefined ? year * 12 + month - 1 : utcMicros(year, month, Number(m[3])) / DAY;
}

const two = (n: number): string => String(n).padStart(2, '0');

function dayText(n: number, months: boolean): string {
  if (months) return `${String(Math.floor(n / 12)).padStart(4, '0')}-${two((((n % 12) + 12) % 12) + 1)}`;
  // Civil date of a day number, by eras of 400 years.
  const z = n + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return `${String(yoe + era * 400 + (month <= 2 ? 1 : 0)).padStart(4, '0')}-${two(month)}-${two(doy - Math.floor((153 * mp + 2) / 5) + 1)}`;
}

/** `columns` holds, for each walked slot, what the requests gave it. One tuple of values for each missing step. */
export function missingSteps(columns: readonly (readonly string[])[]): string[][] {
  const [first, second] = columns;
  if (!first) return [];
  if (second) return missingSpans(first, second);
  const days = first.map(dayOf);
  if (!days.every(d => d !== null)) return holesIn(first.map(Number).filter(n => Number.isFinite(n))).map(n => [String(n)]);
  const months = first[0]!.length === 7;
  return holesIn(days).map(n => [dayText(n, months)]);
}

/** Spans of days laid end to end: what lies between two that do not meet, and one step before the first and after the last. */
function missingSpans(from: readonly string[], to: readonly string[]): string[][] {
  const spans = [...new Set(from.map((f, i) => `${f} ${to[i]!}`))]
    .map(s => s.split(' ').map(t => dayOf(t)!) as [number, number])
    .map(([a, b]) => (a <= b ? ([a, b] as const) : ([b, a] as const)))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const months = from[0]!.length === 7;
  const flipped = dayOf(from[0]!)! > dayOf(to[0]!)!;
  if (spans.length < 5) return [];
  const steps = spans.slice(1).map((s, i) => s[0] - spans[i]![0]);
  const usual = [...steps].sort((a, b) => a - b)[steps.length >> 1]!;
  // Months differ by a few days.
  if (usual <= 0 || steps.filter(s => Math.abs(s - usual) <= Math.max(3, 0.1 * usual)).length < 0.5 * steps.length) return [];
  const out: [number, number][] = [];
  let longest = 1;
  spans.slice(1).forEach((s, i) => {
    const before = spans[i]!;
    if (s[0] - before[0] < 1.5 * usual || s[0] - before[0] > 9 * usual) return;
    longest = Math.max(longest, Math.round((s[0] - before[0]) / usual) - 1);
    out.push([before[0] + 1, s[1]]);
  });
  const length = Math.max(...spans.map(s => s[1] - s[0]));
  out.push([spans[0]![0] - longest * usual - 3, spans[0]![1]], [spans.at(-1)![0], spans.at(-1)![0] + longest * usual + length + 3]);
  return out.map(([a, b]) => (flipped ? [dayText(b, months), dayText(a, months)] : [dayText(a, months), dayText(b, months)]));
}

/** Numbers missing from an arithmetic walk. The step is the commonest difference; parts where fewer than half the steps were asked for are no walk. */
export function holesIn(numbers: readonly number[]): number[] {
  if (numbers.length < 6) return [];
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const differences = new Map<number, number>();
  for (let i = 1; i < sorted.length; i++) {
    const d = sorted[i]! - sorted[i - 1]!;
    differences.set(d, (differences.get(d) ?? 0) + 1);
  }
  const [step, times] = [...differences].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [0, 0];
  if (step <= 0 || times < 0.5 * (sorted.length - 1)) return [];
  const out: number[] = [];
  let longest = 1;
  for (let i = 1; i < sorted.length; i++) {
    const gap = sorted[i]! - sorted[i - 1]!;
    if (gap <= step || gap % step !== 0 || gap / step > 8) continue;
    longest = Math.max(longest, gap / step - 1);
    for (let n = sorted[i - 1]! + step; n < sorted[i]!; n += step) out.push(n);
  }
  // The ends of the walk may be missing as well, as many steps as are missing inside.
  for (let n = 1; n <= longest; n++) out.push(sorted[0]! - n * step, sorted[sorted.length - 1]! + n * step);
  return out.filter(n => n >= 0);
}
