import fs from 'node:fs';
import path from 'node:path';
import { type Effects, exitCodes, t, UserError } from '../base/index.ts';
import { createDrill, readOptions, scenarioNames, scoreDrill } from '../drills/index.ts';

type Raw = Readonly<Record<string, string | number | boolean | undefined>>;

/** `drill create`: a simulated incident with truth. `drill score`: its investigation against that truth. `--list` names the scenarios. Returns the exit code; UserError for what a person can mend. */
export async function drillCreate(options: Raw, effects: Effects): Promise<number> {
  if (options['list'] === true) {
    process.stdout.write(
      options['json'] === true
        ? `${JSON.stringify(scenarioNames)}\n`
        : `${t(effects.lang, 'drills:scenarios')}\n${scenarioNames.map(n => `  ${n}\n`).join('')}`,
    );
    return exitCodes.done;
  }
  const action = options['action'];
  if (action === 'score') return score(String(options['out'] ?? '.'), options['json'] === true, effects);
  if (action !== undefined && action !== 'create') throw new UserError('drills.unknown-action', { action: String(action) });
  const texts = Object.fromEntries(Object.entries(options).map(([k, v]) => [k, typeof v === 'number' ? String(v) : v]));
  const drill = await createDrill(readOptions(texts), effects);
  process.stdout.write(
    options['json'] === true
      ? `${JSON.stringify(drill)}\n`
      : `${t(effects.lang, 'drills:created', { dir: drill.dir, web: drill.webLines, database: drill.databaseLines, cells: drill.cells })}\n`,
  );
  return exitCodes.done;
}

/** Prints how the bounds of DIR/out or DIR/tadasu-out hold; exit code 1 when they do not. */
async function score(dir: string, json: boolean, effects: Effects): Promise<number> {
  const result = ['tadasu-out', 'out'].map(d => path.join(dir, d)).find(d => fs.existsSync(d)) ?? path.join(dir, 'tadasu-out');
  const s = await scoreDrill(dir, result);
  process.stdout.write(
    json
      ? `${JSON.stringify(s)}\n`
      : `${t(effects.lang, 'drills:score', { truth: s.truth, lower: s.lower, upper: s.upper, over: s.over, under: s.under, tight_lower: s.tightLower.toFixed(3), tight_upper: s.tightUpper.toFixed(3) })}\n${[...s.overExamples, ...s.underExamples].map(e => `  ${e}\n`).join('')}`,
  );
  return s.over + s.under === 0 ? exitCodes.done : exitCodes.attention;
}
