import fs from 'node:fs';
import path from 'node:path';
import { type Effects, packageRoot } from '../base/index.ts';
import { createInsurerDrill, type Drill } from './create.ts';
import { createIndicatorDrill } from './indicator-drill.ts';
import { type DrillOptions, readOptions } from './options.ts';
import { scenarios } from './scenarios.ts';

export type { Drill } from './create.ts';
export * from './options.ts';
export * from './score.ts';
export * from './seeds.ts';

/** Make one incident with truth: `out/{case.yaml, evidence/, data/, truth/}`. Throws UserError when the folder is not empty or options contradict each other. */
export async function createDrill(options: DrillOptions, effects: Effects): Promise<Drill> {
  const { scenario } = options;
  if (scenario === 'indicator-subsystem') return createIndicatorDrill(options, effects);
  return createInsurerDrill(options, scenarios[scenario], effects);
}

/** The incident described in `examples/<name>.json`, written to `out`. */
export async function createExample(name: string, out: string, effects: Effects): Promise<Drill> {
  const described = JSON.parse(fs.readFileSync(path.join(packageRoot, 'examples', `${name}.json`), 'utf8')) as Record<string, string | number | boolean>;
  const texts = Object.fromEntries(Object.entries(described).map(([k, v]) => [k, typeof v === 'number' ? String(v) : v]));
  return createDrill(readOptions({ ...texts, out }), effects);
}
