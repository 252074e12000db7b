import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Effects, exitCodes, t } from '../base/index.ts';
import { CaseStore } from '../case/index.ts';
import { Engine } from '../engine/index.ts';
import { compareResults } from '../exposure/index.ts';
import { count } from '../pipeline.ts';
import { compareRuns, figuresOf, type Recount, waterfallLines } from '../revisions/index.ts';

/** Runs that took no longer than this are made again without being asked. */
const quickSeconds = 120;

/**
 * `tadasu diff DIR_A DIR_B`: each figure that changed, split by cause, how many cells, and which inputs differ. Where several causes changed, the
 * earlier run is made again with one of them at a time (with `--rerun` however long it takes).
 */
export async function diff(options: { dirA: string; dirB: string; json?: boolean; rerun?: boolean }, effects: Effects): Promise<number> {
  const [dirA, dirB] = [path.resolve(options.dirA), path.resolve(options.dirB)];
  const c = await compareResults(dirA, dirB);
  const again = options.rerun === true || secondsOf(dirA) <= quickSeconds;
  const runs = await compareRuns(dirA, dirB, again ? recounting(effects) : null);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...c, ...(runs && { changed: runs.changed, told: runs.told, splits: runs.splits }) }, null, 2)}\n`);
    return exitCodes.done;
  }
  const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string => t(effects.lang, `exposure:diff.${key}`, params);
  const lines = [say('title'), ...c.causes.map(x => `  ${say(`cause.${x.kind}`, { what: x.what })}`)];
  if (c.figures.length === 0 && c.cells.length === 0) lines.push(`  ${say('same')}`);
  if (runs) {
    lines.push(`  ${t(effects.lang, `revisions:told.${runs.told === 'none' && !again ? 'ask' : runs.told}`)}`);
    for (const split of runs.splits) lines.push(...waterfallLines(effects.lang, split).map(l => `  ${l}`));
  } else {
    for (const f of c.figures)
      lines.push(
        `  ${say('figure', { figure: f.figure, before: f.before.toLocaleString('en-US'), after: f.after.toLocaleString('en-US'), change: `${f.after > f.before ? '+' : ''}${(f.after - f.before).toLocaleString('en-US')}` })}`,
      );
  }
  for (const x of c.cells) lines.push(`  ${say('cells', { ...x })}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.done;
}

function secondsOf(dir: string): number {
  try {
    return Number(
      (JSON.parse(fs.readFileSync(path.join(dir, 'result.json'), 'utf8')) as { run?: { seconds?: number } }).run?.seconds ?? Number.POSITIVE_INFINITY,
    );
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** A count in a folder that is gone afterwards. */
function recounting(effects: Effects): Recount {
  return async ({ file, decisions }) => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-recount-'));
    const work = path.join(dir, 'work');
    fs.mkdirSync(work);
    const engine = await Engine.open({ file: path.join(work, 'events.duckdb'), threads: effects.threads, memory: '4GB', tempDirectory: work });
    const store = new CaseStore(path.join(dir, 'case.sqlite'));
    try {
      for (const d of decisions) store.append(d.kind, d.by, effects.now(), d.body);
      const counts = await count({ file, casePath: path.join(dir, 'case.yaml'), caseDir: '/', outDir: dir, engine, store }, effects);
      return figuresOf(counts);
    } finally {
      engine.close();
      store.close();
      fs.rmSync(dir, { recursive: true, force: true });
    }
  };
}
