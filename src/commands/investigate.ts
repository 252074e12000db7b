import path from 'node:path';
import { exitCodes, t } from '../base/index.ts';
import { defaultOutDir, openForInvestigation } from '../case/index.ts';
import { investigate } from '../pipeline.ts';
import type { Result } from '../result.ts';
import type { Terminal } from './terminal.ts';

export type InvestigateCommandOptions = { case?: string; out?: string; json?: boolean; tsa?: string; memory?: string };

/** `tadasu investigate CASE.yaml`: exit 0, or 1 when a problem of severity error needs a person. */
export async function investigateCommand(options: InvestigateCommandOptions, effects: Terminal): Promise<number> {
  const casePath = options.case ?? 'case.yaml';
  const outDir = options.out ?? defaultOutDir(casePath);
  const kase = await openForInvestigation(casePath, outDir, { threads: effects.threads, ...(options.memory !== undefined && { memory: options.memory }) });
  try {
    effects.logTo(path.join(kase.outDir, 'run.log'));
    const result = await investigate(kase, { timeStampAuthority: options.tsa ?? null }, effects);
    effects.finish();
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : summary(result, kase.outDir, effects));
    return result.problems.some(p => p.severity === 'error') ? exitCodes.attention : exitCodes.done;
  } finally {
    kase.close();
  }
}

/** What a person wants to see first: the three figures, the window, the steps, the next deadline. */
function summary(result: Result, outDir: string, { lang }: Terminal): string {
  const { records, persons } = result.exposure.figures;
  const n = (x: number): string => x.toLocaleString('en-US');
  const range = (p: { lower: number; upper: number }): string => (p.lower === p.upper ? n(p.lower) : `${n(p.lower)}–${n(p.upper)}`);
  const line = (key: 'confirmed' | 'executed' | 'possible' | 'not_excluded'): string =>
    t(lang, `commands:summary.${key}`, { records: n(records[key]), persons: range(persons[key]) });
  const window = `${result.intrusion.start.latest ?? '—'} … ${result.intrusion.end.earliest ?? '—'}`;
  const steps = result.intrusion.steps.map(s => `  ${s.from}  ${s.kind.padEnd(20)} ${s.summary[lang]}`);
  const due = result.obligations
    .filter(o => o.due !== null)
    .map(o => `  ${o.due}  ${t(lang, `obligations:kind.${o.kind}`)}  ${lang === 'ja' ? o.recipient : o.recipient_en}`);
  return [
    t(lang, 'commands:summary.title', { case: result.case }),
    line('confirmed'),
    line('executed'),
    line('possible'),
    line('not_excluded'),
    `${t(lang, 'commands:summary.window')}: ${window}`,
    `${t(lang, 'commands:summary.steps')}:`,
    ...(steps.length > 0 ? steps : [`  ${t(lang, 'commands:summary.none')}`]),
    ...(due.length > 0 ? [`${t(lang, 'commands:summary.due')}:`, ...due] : []),
    `${t(lang, 'commands:summary.problems')}: ${result.problems.length}`,
    `${t(lang, 'commands:summary.out')}: ${outDir}`,
    '',
  ].join('\n');
}
