import path from 'node:path';
import { type Effects, exitCodes } from '../base/index.ts';
import { openResult } from '../case/index.ts';
import { proofText } from '../exposure/index.ts';
import { explainAnything } from '../persons/index.ts';

/** `tadasu explain REF [--out DIR]`: the proof of a claim, record, cell or figure as an indented tree. */
export async function explain(options: { ref: string; out?: string; json?: boolean; threads?: number }, effects: Effects): Promise<number> {
  const kase = await openResult(path.resolve(options.out ?? 'tadasu-out'), { threads: options.threads ?? effects.threads });
  try {
    const proof = await explainAnything(kase, options.ref);
    process.stdout.write(options.json ? `${JSON.stringify(proof, null, 2)}\n` : `${proofText(proof, effects.lang)}\n`);
    return exitCodes.done;
  } finally {
    kase.close();
  }
}
