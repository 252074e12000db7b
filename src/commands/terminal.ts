import fs from 'node:fs';
import pino from 'pino';
import { type Effects, type Lang, type Progress, t } from '../base/index.ts';

/** Effects for a person at a terminal: one progress line on stderr, the run log in a file. */
export type Terminal = Effects & {
  /** From now on log entries also go to this file, replacing it. */
  logTo(file: string): void;
  /** Leave the progress line. */
  finish(): void;
};

/** `quiet` (for --json with a pipe) shows no progress. */
export function openTerminal(options: { lang: Lang; threads: number; quiet?: boolean }): Terminal {
  const tty = process.stderr.isTTY === true && !process.env['NO_COLOR'];
  const started = performance.now();
  let log: pino.Logger | null = null;
  let last = '';
  let lastStage = '';
  let shownAt = 0;
  const show = (p: Progress): void => {
    const now = performance.now();
    const done = p.total !== null && p.done >= p.total;
    if (!done && now - shownAt < 100 && p.stage === lastStage) return;
    shownAt = now;
    const seconds = ((now - started) / 1000).toFixed(1).padStart(6);
    const amount =
      p.total === null
        ? amountText(p.done, p.unit)
        : `${Math.floor((100 * p.done) / Math.max(1, p.total))} % (${amountText(p.done, p.unit)} / ${amountText(p.total, p.unit)})`;
    const line = `${seconds}s  ${t(options.lang, `common:stage.${p.stage}`)}  ${amount}${p.note ? `  ${p.note}` : ''}`;
    if (tty) {
      if (p.stage !== lastStage && lastStage !== '') process.stderr.write('\n');
      process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns ?? 120) - 1)}`);
    } else if (p.stage !== lastStage || done) {
      if (line !== last) process.stderr.write(`${line}\n`);
    }
    last = line;
    lastStage = p.stage;
  };
  return {
    lang: options.lang,
    threads: options.threads,
    now: () => Date.now() * 1000,
    log: (event, fields = {}) => log?.info({ event, ...fields }),
    progress: options.quiet ? () => {} : show,
    logTo(file) {
      fs.writeFileSync(file, '');
      log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: file, sync: true }));
    },
    finish() {
      if (tty && lastStage !== '') process.stderr.write('\n');
    },
  };
}

function amountText(n: number, unit: string): string {
  if (unit !== 'bytes') return `${n.toLocaleString('en-US')} ${unit}`;
  if (n < 1 << 20) return `${(n / 1024).toFixed(0)} KiB`;
  return n < 1 << 30 ? `${(n / (1 << 20)).toFixed(1)} MiB` : `${(n / (1 << 30)).toFixed(2)} GiB`;
}
