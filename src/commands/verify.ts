import fs from 'node:fs';
import path from 'node:path';
import { type Effects, exitCodes, type Lang, printable, t, UserError } from '../base/index.ts';
import { type Finding, type VerifyReport, verifyCase } from '../evidence/index.ts';

/** `tadasu verify [--out DIR]`: exit 0 nothing changed, 1 something differs, 2 it could not be told. */
export async function verify(options: { out?: string; json?: boolean; evidence?: string }, effects: Effects): Promise<number> {
  const outDir = path.resolve(options.out ?? (fs.existsSync('manifest.json') ? '.' : 'tadasu-out'));
  if (!fs.existsSync(path.join(outDir, 'manifest.json')) && !fs.existsSync(path.join(outDir, 'outputs.json'))) {
    throw new UserError('evidence.nothing-to-verify', { dir: options.out ?? 'tadasu-out' });
  }
  const report = await verifyCase(outDir, effects, options.evidence === undefined ? {} : { caseDir: path.resolve(options.evidence) });
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : text(report, effects.lang));
  return { intact: exitCodes.done, differs: exitCodes.attention, cannot: exitCodes.user }[report.state];
}

function text(report: VerifyReport, lang: Lang): string {
  const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string => t(lang, `evidence:verify.${key}`, params);
  const { checked, time_stamp: stamp } = report;
  return [
    say(`title.${report.state}`),
    ...report.findings.map(f => `  ${findingText(f, say)}`),
    say('checked', { ...checked, bytes: checked.bytes.toLocaleString('en-US') }),
    ...(report.inputs_root ? [say('root', { root: report.inputs_root })] : []),
    ...(report.signed_at ? [say('signed', { at: report.signed_at })] : []),
    ...(report.key ? [say('key', { key: report.key })] : []),
    ...(stamp ? [say('stamp', { at: stamp.at, signer: printable(stamp.signer), chain: say(stamp.chain ? 'chain.yes' : 'chain.unknown') })] : []),
    '',
  ].join('\n');
}

function findingText(f: Finding, say: (key: string, params?: Readonly<Record<string, unknown>>) => string): string {
  const ranges = (f.ranges ?? []).slice(0, 5).map(r => say('bytes', { from: r.from.toLocaleString('en-US'), to: (r.to - 1).toLocaleString('en-US') }));
  if ((f.ranges?.length ?? 0) > 5) ranges.push('…');
  const place = [f.file === undefined ? '' : printable(f.file), ...ranges, ...(f.seq === undefined ? [] : [say('act', { seq: f.seq })])]
    .filter(Boolean)
    .join(', ');
  return `[${say(`level.${f.level}`)}] ${say(`where.${f.where}`)} ${place}: ${say(`code.${f.code}`, f.params)}`;
}
