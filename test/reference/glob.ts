import type { Pattern } from '../../src/detections/sigma/ir.ts';

/** Whether a text is what a pattern describes: two fingers, and back to the last star where they part. Letters are code points. */
export function globMatches(pattern: Pattern, text: string): boolean {
  const units: (string | { any: 'one' | 'many' })[] = [];
  for (const p of pattern)
    if (typeof p === 'string') units.push(...p);
    else units.push(p);
  const chars = [...text];
  let u = 0;
  let c = 0;
  let starUnit = -1;
  let starChar = 0;
  while (c < chars.length) {
    const unit = units[u];
    if (unit !== undefined && (typeof unit === 'string' ? unit === chars[c] : unit.any === 'one')) {
      u++;
      c++;
    } else if (typeof unit === 'object' && unit.any === 'many') {
      starUnit = u++;
      starChar = c;
    } else if (starUnit >= 0) {
      u = starUnit + 1;
      c = ++starChar;
    } else return false;
  }
  while (u < units.length) {
    const unit = units[u];
    if (typeof unit !== 'object' || unit.any !== 'many') return false;
    u++;
  }
  return true;
}
