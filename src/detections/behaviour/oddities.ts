import type { Engine } from '../../engine/index.ts';
import { detectProductFindings } from '../requests/product-findings.ts';
import type { Detection } from '../tables.ts';
import { detectHabits } from './habits.ts';
import { detectOpaqueIds } from './opaque-ids.ts';
import { detectPrivilegeGrowth } from './privilege-growth.ts';

/** What is out of the ordinary, measured against robust baselines, and what protecting products said. Mostly shown without accusing anybody. */
export async function detectOddities(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  return [
    ...(await detectProductFindings(engine)),
    ...(await detectOpaqueIds(engine, found)),
    ...(await detectPrivilegeGrowth(engine, found)),
    ...(await detectHabits(engine)),
  ];
}
