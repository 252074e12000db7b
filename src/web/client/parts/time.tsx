import { displayTime, parseIso } from '../../../base/time.ts';
import { useCase } from '../data.ts';

/** An instant in the zone of the case, always with its offset. */
export function Time({ iso, us }: { iso?: string | null; us?: number | null }) {
  const zone = useCase().data?.timezone ?? 'UTC';
  const at = us ?? (iso ? parseIso(iso) : null);
  return at === null || at === undefined ? <span>—</span> : <time>{displayTime(at, zone)}</time>;
}
