import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Effects, exitCodes, t } from '../base/index.ts';
import { openForInvestigation } from '../case/index.ts';
import { readEvents } from '../events/index.ts';
import { collectEvidence } from '../evidence/index.ts';
import { assessReadiness } from '../exposure/index.ts';

/** `tadasu readiness CASE.yaml`: reads the logs into a folder of its own and says, for each data set, whether they would bound its exposure. */
export async function readiness(options: { case: string; out?: string; json?: boolean; threads?: number }, effects: Effects): Promise<number> {
  const outDir = options.out ?? fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-readiness-'));
  const kase = await openForInvestigation(options.case, outDir, { threads: options.threads ?? effects.threads });
  try {
    await collectEvidence(kase, effects);
    await readEvents(kase, effects);
    const answers = await assessReadiness(kase);
    const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string => t(effects.lang, `exposure:readiness.${key}`, params);
    const lines = answers.flatMap(a => [say('dataset', { dataset: a.dataset, answer: say(a.answer) }), ...a.advice.map(x => `  - ${say(`advice.${x}`)}`)]);
    process.stdout.write(options.json ? `${JSON.stringify(answers, null, 2)}\n` : `${[say('title'), ...lines].join('\n')}\n`);
    return exitCodes.done;
  } finally {
    kase.close();
    if (options.out === undefined) fs.rmSync(outDir, { recursive: true, force: true });
  }
}
