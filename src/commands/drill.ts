import { type Effects, exitCodes, t, UserError } from '../base/index.ts';
import { createDrill, readOptions, scenarioNames } from '../drills/index.ts';

type Raw = Readonly<Record<string, string | number | boolean | undefined>>;

/** `drill create`: a simulated incident with truth. `--list` names the scenarios. Returns the exit code; UserError for what a person can mend. */
export async function drillCreate(options: Raw, effects: Effects): Promise<number> {
  if (options['list'] === true) {
    process.stdout.write(options['json'] === true ? `${JSON.stringify(scenarioNames)}\n` : `${t(effects.lang, 'drills:scenarios')}\n${scenarioNames.map(n => `  ${n}\n`).join('')}`);
    return exitCodes.done;
  }
  const action = options['action'];
  if (action !== undefined && action !== 'create') throw new UserError('drills.unknown-action', { action: String(action) });
  const texts = Object.fromEntries(Object.entries(options).map(([k, v]) => [k, typeof v === 'number' ? String(v) : v]));
  const drill = await createDrill(readOptions(texts), effects);
  process.stdout.write(options['json'] === true ? `${JSON.stringify(drill)}\n`
    : `${t(effects.lang, 'drills:created', { dir: drill.dir, web: drill.webLines, database: drill.databaseLines, cells: drill.cells })}\n`);
  return exitCodes.done;
}
