import { type Effects, UserError } from '../base/index.ts';
import { createInsurerDrill, type Drill } from './create.ts';
import type { DrillOptions } from './options.ts';
import { scenarios } from './scenarios.ts';

export * from './options.ts';
export type { Drill } from './create.ts';

/** Make one incident with truth: `out/{case.yaml, evidence/, data/, truth/}`. Throws UserError when the folder is not empty or options contradict each other. */
export async function createDrill(options: DrillOptions, effects: Effects): Promise<Drill> {
  const { scenario } = options;
  if (scenario === 'indicator-subsystem' || scenario === 'pet-insurance') throw new UserError('drills.not-built', { scenario });
  return createInsurerDrill(options, scenarios[scenario], effects);
}
