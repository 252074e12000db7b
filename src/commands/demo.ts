import fs from 'node:fs';
import path from 'node:path';
import { t } from '../base/index.ts';
import { defaultOutDir } from '../case/index.ts';
import { createDrill } from '../drills/index.ts';
import { investigateCommand } from './investigate.ts';
import { serve } from './serve.ts';
import type { Terminal } from './terminal.ts';

export type DemoOptions = { dir?: string; port?: number; serve?: boolean };

/** `npm start`: makes the example incident once, investigates it, shows it. */
export async function demo(options: DemoOptions, effects: Terminal): Promise<number> {
  const dir = path.resolve(options.dir ?? '.demo');
  const casePath = path.join(dir, 'case.yaml');
  if (!fs.existsSync(casePath)) {
    process.stderr.write(`${t(effects.lang, 'commands:demo.creating')}: ${dir}\n`);
    const fresh = `${dir}.new`;
    fs.rmSync(fresh, { recursive: true, force: true });
    await createDrill({ scenario: 'full-chain', scale: 0.2, seed: 1, out: fresh }, effects);
    fs.rmSync(dir, { recursive: true, force: true });
    fs.renameSync(fresh, dir);
  }
  const code = await investigateCommand({ case: casePath }, effects);
  if (options.serve === false) return code;
  return serve({ path: defaultOutDir(casePath), ...(options.port !== undefined && { port: options.port }) }, effects);
}
