import path from 'node:path';
import { type Effects, exitCodes, t } from '../base/index.ts';
import { compareResults } from '../exposure/index.ts';

/** `tadasu diff DIR_A DIR_B`: each figure that changed, how many cells, and which inputs differ. */
export async function diff(options: { dirA: string; dirB: string; json?: boolean }, effects: Effects): Promise<number> {
  const c = await compareResults(path.resolve(options.dirA), path.resolve(options.dirB));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(c, null, 2)}\n`);
    return exitCodes.done;
  }
  const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string => t(effects.lang, `exposure:diff.${key}`, params);
  const lines = [say('title'), ...c.causes.map(x => `  ${say(`cause.${x.kind}`, { what: x.what })}`)];
  if (c.figures.length === 0 && c.cells.length === 0) lines.push(`  ${say('same')}`);
  for (const f of c.figures)
    lines.push(
      `  ${say('figure', { figure: f.figure, before: f.before.toLocaleString('en-US'), after: f.after.toLocaleString('en-US'), change: `${f.after > f.before ? '+' : ''}${(f.after - f.before).toLocaleString('en-US')}` })}`,
    );
  for (const x of c.cells) lines.push(`  ${say('cells', { ...x })}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.done;
}
