#!/usr/bin/env node
import os from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { exitCodes, type Lang, problemText, UserError } from './base/index.ts';
import { openTerminal, type Terminal } from './commands/terminal.ts';

/**
 * The list of commands; no work in it. Each command is one file in commands/, loaded when it is called,
 * and returns its exit code.
 */
const program = new Command('tadasu');
const lang: Lang = (process.argv.includes('--lang') ? process.argv[process.argv.indexOf('--lang') + 1] : undefined) === 'en' ? 'en' : defaultLang();

const decisionHelp = [
  'step.confirmed STEP · step.dismissed STEP · actor.merged IP IP… · actor.split IP…',
  'person.merged DATASET/KEY DATASET/KEY… · person.split DATASET/KEY[,DATASET/KEY…] DATASET/KEY…',
  'premise.set NAME=on|off · obligation.done ID · figure.published FIGURE=N|N..M --unit … --published-on …',
  'decision.withdrawn SEQ',
].join('\n');

type Options = Record<string, unknown>;
type Run = (options: Options, effects: Terminal) => Promise<number>;

function defaultLang(): Lang {
  return /^en/i.test(process.env['LC_ALL'] ?? process.env['LC_MESSAGES'] ?? process.env['LANG'] ?? '') ? 'en' : 'ja';
}

function add(
  usage: string,
  ja: string,
  en: string,
  setup: (c: Command) => void,
  load: (positional: unknown[], options: Options) => Promise<[Run, Options]>,
): void {
  const command = program
    .command(usage)
    .description(lang === 'ja' ? ja : en)
    .option('--json', lang === 'ja' ? '結果をJSONで出力' : 'results as JSON')
    .addOption(new Option('--lang <ja|en>').choices(['ja', 'en']))
    .option('--threads <n>', lang === 'ja' ? '使用するスレッド数' : 'threads to use', wholeNumber, Math.max(1, Math.min(8, os.availableParallelism())));
  setup(command);
  command.action(async (...args: unknown[]) => {
    const options = args.at(-2) as Options;
    const effects = openTerminal({ lang, threads: options['threads'] as number, quiet: options['json'] === true && process.stderr.isTTY !== true });
    try {
      const [run, filled] = await load(args.slice(0, -2), options);
      process.exitCode = await run(filled, effects);
    } finally {
      effects.finish();
    }
  });
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 0) throw new CommanderError(2, 'tadasu.number', `not a whole number: ${text}`);
  return n;
}

const out = (c: Command): Command => c.option('--out <dir>', lang === 'ja' ? '結果のフォルダー' : 'folder of the results');

add(
  'investigate <case>',
  '証拠から結果まで、調査の本体',
  'the main job: from evidence to results',
  c => {
    out(c)
      .option('--tsa <url>', lang === 'ja' ? 'RFC 3161 タイムスタンプ局のURL' : 'URL of an RFC 3161 time-stamp authority')
      .option('--memory <size>', 'DuckDB memory limit, e.g. 4GB');
  },
  async ([file], o) => [(await import('./commands/investigate.ts')).investigateCommand as Run, { ...o, case: file }],
);

add(
  'serve [path]',
  '事案をブラウザーで見る(127.0.0.1)',
  'the case in the browser, on 127.0.0.1',
  c => {
    c.option('--port <n>', 'port', wholeNumber).option('--open', lang === 'ja' ? 'ブラウザーを開く' : 'open the browser');
  },
  async ([path], o) => [(await import('./commands/serve.ts')).serve as Run, { ...o, path }],
);

add(
  'demo',
  '例の事案を作り、調査し、表示する',
  'make the example incident, investigate it, show it',
  c => {
    c.option('--port <n>', 'port', wholeNumber)
      .option('--dir <dir>', 'folder', '.demo')
      .option('--no-serve', lang === 'ja' ? '表示しない' : 'do not serve');
  },
  async (_, o) => [(await import('./commands/demo.ts')).demo as Run, o],
);

add(
  'explain <ref>',
  'なぜその数か(主張・記録・本人・数)',
  'why: a claim, a record, a person, a figure',
  c => out(c),
  async ([ref], o) => [(await import('./commands/explain.ts')).explain as unknown as Run, { ...o, ref }],
);

add(
  'decide <kind> [subjects...]',
  '人の判断を記録する・一覧する (decide list)',
  'record a person’s decision, or list them (decide list)',
  c => {
    out(c)
      .option('--by <name>', lang === 'ja' ? '判断した人' : 'who decides')
      .option('--reason <text>', lang === 'ja' ? '理由' : 'why')
      .option('--unit <unit>', 'records | persons (figure.published)')
      .option('--scope <text>', 'figure.published')
      .option('--published-on <date>', 'figure.published')
      .option('--document <text>', 'figure.published')
      .addHelpText('after', () => `\n${decisionHelp}`);
  },
  async ([kind, words], o) => [(await import('./commands/decide.ts')).decide as unknown as Run, { ...o, kind, words }],
);

add(
  'verify',
  '証拠と結果が受け入れた時のままか',
  'is everything as it was received',
  c => out(c),
  async (_, o) => [(await import('./commands/verify.ts')).verify as unknown as Run, o],
);

add(
  'diff <dirA> <dirB>',
  '二つの結果の違いとその原因',
  'what changed between two runs, and why',
  c => c.option('--rerun', lang === 'ja' ? '原因を一つずつ変えて計算し直す(時間がかかる場合も)' : 'run again with one cause at a time, however long it takes'),
  async ([dirA, dirB], o) => [(await import('./commands/diff.ts')).diff as unknown as Run, { ...o, dirA, dirB }],
);

add(
  'detect <files...>',
  'Sigmaルールをログにかける',
  'run Sigma rules on logs or JSON events',
  c => {
    c.requiredOption('--rules <dir>', lang === 'ja' ? 'ルールのフォルダー' : 'folder of rules')
      .option('--stats', lang === 'ja' ? 'ルールの集計' : 'sum up the rules')
      .option('--format <name>', 'format', 'auto');
  },
  async ([files], o) => [(await import('./commands/detect.ts')).detectFiles as unknown as Run, { ...o, files }],
);

add(
  'link <files...>',
  '名寄せ',
  'person resolution on any table',
  c => {
    c.requiredOption('--key <column>', lang === 'ja' ? 'キー列' : 'key column').addOption(
      new Option('--threshold <level>').choices(['best', 'strict', 'wide']),
    );
  },
  async ([files], o) => [(await import('./commands/link.ts')).link as unknown as Run, { ...o, files }],
);

add(
  'classify <files...>',
  '各列の意味(項目)',
  'what each column means',
  () => {},
  async ([files], o) => [(await import('./commands/classify.ts')).classify as unknown as Run, { ...o, files }],
);

add(
  'normalise',
  '標準入力の各行を正規化',
  'normalise each line of standard input',
  c => {
    c.addOption(new Option('--kind <kind>').choices(['name', 'kana', 'address', 'phone', 'email', 'postal-code', 'date']).makeOptionMandatory());
  },
  async (_, o) => [(await import('./commands/normalise.ts')).normalise as unknown as Run, o],
);

add(
  'deadline',
  '義務と期限',
  'obligations and when they fall due',
  c => {
    c.requiredOption('--regime <id>', 'jp-appi | jp-insurance | jp-my-number')
      .requiredOption('--known <time>', lang === 'ja' ? '知った日時' : 'when it was known')
      .option('--trigger <id...>', lang === 'ja' ? '該当事由' : 'triggers met')
      .option('--organisation <kind>', 'non-life-insurer …')
      .option('--as-of <time>', lang === 'ja' ? 'この日時で期限経過を判定' : 'judge overdue at this time');
  },
  async (_, o) => [(await import('./commands/deadline.ts')).deadline as Run, o],
);

add(
  'readiness <case>',
  '今のログで漏えい範囲を限定できるか',
  'could exposure be bounded with today’s logging',
  c => out(c),
  async ([file], o) => [(await import('./commands/readiness.ts')).readiness as unknown as Run, { ...o, case: file }],
);

add(
  'doctor',
  'この機械で動くかを調べる',
  'check this machine',
  () => {},
  async (_, o) => [(await import('./commands/doctor.ts')).doctor as unknown as Run, o],
);

add(
  'drill <action>',
  '模擬事案を作る・採点する (drill create, drill score)',
  'make or score a simulated incident (drill create, drill score)',
  c => {
    c.option('--scenario <name>')
      .option('--scale <x>', 'scale', Number)
      .option('--seed <n>', 'seed', wholeNumber)
      .option('--out <dir>')
      .option('--format <name>')
      .option('--database <name>')
      .option('--clock-skew <duration>')
      .option('--lose-lines <fraction>', 'fraction', Number)
      .option('--rotate')
      .option('--rotation-loss')
      .option('--gzip')
      .option('--snapshot-delay <duration>')
      .option('--audit-rows')
      .option('--flip-answers <fraction>', 'fraction', Number)
      .option('--interrupted')
      .option('--bodies')
      .option('--shared-address')
      .option('--tell')
      .option('--dialect <name>')
      .option('--strategy <name>')
      .option('--first-snapshot')
      .option('--tamper <name>')
      .option('--target-rows <n>', 'rows', wholeNumber)
      .option('--intruder-threads <n>', 'threads', wholeNumber)
      .option('--days <n>', 'days', wholeNumber)
      .option('--lines <n>', 'lines', wholeNumber)
      .option('--list', lang === 'ja' ? 'シナリオの一覧' : 'list the scenarios');
  },
  async ([action], o) => [(await import('./commands/drill.ts')).drillCreate as unknown as Run, { ...o, action, threads: o['intruderThreads'] }],
);

for (const [usage, ja, en] of [
  ['report [kind]', '報告書', 'reports'],
  ['notices [action]', '本人通知', 'notices'],
] as const) {
  add(
    usage,
    `${ja}(未実装)`,
    `${en} (not built yet)`,
    c => c.allowUnknownOption().allowExcessArguments(),
    async () => [
      async () => {
        throw new UserError('common.not-built', { command: usage.split(' ')[0]! });
      },
      {},
    ],
  );
}

program.exitOverride().showHelpAfterError().version('0.1.0');

/** The one edge where errors become an exit code. */
async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.user;
    } else if (error instanceof UserError) {
      const lines = [error, ...error.details].map(e => problemText(lang, e.code, e.params));
      process.stderr.write(`${lines.map((l, i) => (i === 0 ? l : `  ${l}`)).join('\n')}\n`);
      if (process.argv.includes('--json'))
        process.stdout.write(`${JSON.stringify({ error: { code: error.code, params: error.params, details: error.details } })}\n`);
      process.exitCode = exitCodes.user;
    } else {
      process.stderr.write(`${problemText(lang, 'common.internal', { message: error instanceof Error ? (error.stack ?? error.message) : String(error) })}\n`);
      process.exitCode = exitCodes.bug;
    }
  }
}

await main();
