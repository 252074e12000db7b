import fs from 'node:fs';
import path from 'node:path';
import { exitCodes, t, UserError } from '../base/index.ts';
import { defaultOutDir, openForInvestigation, openResult } from '../case/index.ts';
import { investigate } from '../pipeline.ts';
import { rebuildableCase, startServer } from '../web/index.ts';
import type { Terminal } from './terminal.ts';

export type ServeOptions = { path?: string; port?: number; json?: boolean };

/** `tadasu serve [CASE.yaml | DIR]`: prints the URL and runs until it is stopped. */
export async function serve(options: ServeOptions, effects: Terminal): Promise<number> {
  const outDir = outDirOf(options.path ?? '.');
  const open = () => openResult(outDir, { threads: effects.threads });
  const kase = await open();
  const { casePath } = kase;
  const served = rebuildableCase(
    kase,
    async progress => {
      const fresh = await openForInvestigation(casePath, outDir, { threads: effects.threads });
      try {
        await investigate(fresh, { timeStampAuthority: null }, { ...effects, progress });
      } finally {
        fresh.close();
      }
    },
    open,
  );
  const server = await startServer(served, options.port ?? null);
  process.stdout.write(options.json ? `${JSON.stringify({ url: server.url })}\n` : `${t(effects.lang, 'commands:demo.serving', { url: server.url })}\n`);
  await new Promise<void>(resolve => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
  await served.close();
  return exitCodes.done;
}

/** A case file, its folder, or an output folder → the output folder. */
export function outDirOf(given: string): string {
  if (fs.existsSync(path.join(given, 'result.json'))) return given;
  if (/\.ya?ml$/i.test(given)) return defaultOutDir(given);
  const inside = path.join(given, 'tadasu-out');
  if (fs.existsSync(path.join(inside, 'result.json'))) return inside;
  throw new UserError('case.nothing-there', { dir: given });
}
