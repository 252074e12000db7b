import type { Effects } from '../base/index.ts';
import { createInsurerDrill, type Drill } from './create.ts';
import { createIndicatorDrill } from './indicator-drill.ts';
import type { DrillOptions } from './options.ts';
import { scenarios } from './scenarios.ts';

export * from './options.ts';
export type { Drill } from './create.ts';

/** Make one incident with truth: `out/{case.yaml, evidence/, data/, truth/}`. Throws UserError when the folder is not empty or options contradict each other. */
export async function createDrill(options: DrillOptions, effects: Effects): Promise<Drill> {
  const { scenario } = options;
  if (scenario === 'indicator-subsystem') return createIndicatorDrill(options, effects);
  return createInsurerDrill(options, scenarios[scenario], effects);
}
export * from './seeds.ts';
