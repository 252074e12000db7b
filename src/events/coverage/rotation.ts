import { addDays, type Micros } from '../../base/index.ts';
import type { Gap } from './tables.ts';

/** One file of an evidence source. Stamps are corrected; null when it has none. */
export type RotatedFile = {
  readonly file_no: number;
  readonly evidence_id: string;
  readonly path: string;
  readonly bytes: number;
  readonly firstUs: Micros | null;
  readonly lastUs: Micros | null;
};

type Named = { readonly file: RotatedFile; readonly family: string; readonly number: number | null; readonly day: string | null };

/** `access.log.3.gz` → family `access.log`, number 3; `access-20260401.log` → family `access-*.log`, day 2026-04-01; IIS has `u_ex260401.log`. */
export function rotationName(path: string): { family: string; number: number | null; day: string | null } {
  const base = path.replace(/\.(?:gz|zst)$/i, '');
  const dated = /^(.*?)(\d{4})([-_.]?)(0[1-9]|1[0-2])\3(0[1-9]|[12]\d|3[01])(?!\d)(.*)$/s.exec(base);
  if (dated) return { family: `${dated[1]}*${dated[6]}`, number: null, day: `${dated[2]}-${dated[4]}-${dated[5]}` };
  const iis = /^(.*ex)(\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.log)$/s.exec(base);
  if (iis) return { family: `${iis[1]}*${iis[5]}`, number: null, day: `20${iis[2]}-${iis[3]}-${iis[4]}` };
  const numbered = /^(.*)\.(\d{1,4})$/s.exec(base) ?? /^(.*\D)(\d{1,4})(\.[A-Za-z]+)$/s.exec(base);
  if (numbered) return { family: `${numbered[1]}${numbered[3] ? `*${numbered[3]}` : ''}`, number: +numbered[2]!, day: null };
  return { family: base, number: 0, day: null };
}

/** Files that the names promise and nobody gave us, as gaps between their neighbours. */
export function findMissingFiles(files: readonly RotatedFile[]): Gap[] {
  const families = new Map<string, Named[]>();
  for (const file of files) {
    const named = { file, ...rotationName(file.path) };
    const key = `${file.evidence_id}\0${named.family}\0${named.day === null ? 'n' : 'd'}`;
    families.set(key, [...(families.get(key) ?? []), named]);
  }
  return [...families.values()].flatMap(f => (f.length < 2 ? [] : f[0]!.day === null ? missingNumbers(f) : missingDays(f)));
}

/** Numbers count upwards into the past (`.1` is the newest) or into the future; the stamps tell which. */
function missingNumbers(family: readonly Named[]): Gap[] {
  const sorted = family.filter(n => n.file.firstUs !== null && n.file.lastUs !== null).sort((a, b) => a.number! - b.number!);
  const out: Gap[] = [];
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1]!, sorted[i]!];
    const missing = b.number! - a.number! - 1;
    if (missing < 1 || missing > 1000) continue;
    const [early, late] = a.file.firstUs! <= b.file.firstUs! ? [a, b] : [b, a];
    if (early.file.lastUs! > late.file.firstUs!) continue;
    out.push(between(early.file, late.file, { missing_files: missing, family: a.family }));
  }
  return out;
}

/** The step between days is what most neighbours have; a larger one that is a multiple of it is a hole. */
function missingDays(family: readonly Named[]): Gap[] {
  const sorted = [...family].sort((a, b) => (a.day! < b.day! ? -1 : a.day! > b.day! ? 1 : a.file.file_no - b.file.file_no));
  const days = [...new Set(sorted.map(n => n.day!))];
  if (days.length < 3) return [];
  const steps = days.slice(1).map((d, i) => stepBetween(days[i]!, d));
  const usual = mostCommon(steps.filter(s => s > 0));
  if (usual === null || steps.filter(s => s === usual).length * 2 < steps.length) return [];
  const out: Gap[] = [];
  for (let i = 1; i < days.length; i++) {
    const step = steps[i - 1]!;
    if (step <= usual || step % usual !== 0) continue;
    const early = sorted
      .filter(n => n.day === days[i - 1] && n.file.lastUs !== null)
      .map(n => n.file)
      .sort((a, b) => b.lastUs! - a.lastUs! || a.file_no - b.file_no)[0];
    const late = sorted
      .filter(n => n.day === days[i] && n.file.firstUs !== null)
      .map(n => n.file)
      .sort((a, b) => a.firstUs! - b.firstUs! || a.file_no - b.file_no)[0];
    if (early && late && early.lastUs! <= late.firstUs!) out.push(between(early, late, { missing_files: step / usual - 1, family: sorted[0]!.family }));
  }
  return out;
}

function stepBetween(a: string, b: string): number {
  for (let n = 1; n <= 400; n++) if (addDays(a, n) === b) return n;
  return 0;
}

function mostCommon(values: readonly number[]): number | null {
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? null;
}

function between(early: RotatedFile, late: RotatedFile, detail: Record<string, unknown>): Gap {
  return {
    file_no: late.file_no,
    evidence_id: late.evidence_id,
    from_us: early.lastUs!,
    to_us: late.firstUs!,
    reason: 'rotation',
    detail: { ...detail, after: early.path, before: late.path },
  };
}

const mega = 1024 * 1024;
const limits = [1, 5, 10, 16, 20, 25, 32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000, 1024, 2048].flatMap(n => [n * mega, n * 1_000_000]);

/** The rotation limit that a size is just at (within 64 KiB), or null. Small files are at no limit. */
export function rotationLimit(bytes: number): number | null {
  return limits.find(l => Math.abs(bytes - l) <= Math.min(65536, l / 200)) ?? null;
}
