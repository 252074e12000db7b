import { MINUTE, type Micros } from '../base/index.ts';
import type { Random } from './random.ts';

/** A pause between two requests of one person: `mean` on average, never zero. */
export function pause(random: Random, mean: Micros): Micros {
  return 50_000 + Math.min(20 * MINUTE, Math.floor(random.exponential(mean)));
}
