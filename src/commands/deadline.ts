import { exitCodes, type Lang, parseIso, t, UserError } from '../base/index.ts';
import { deadlines, type Obligation } from '../obligations/index.ts';
import type { Terminal } from './terminal.ts';

/** `tadasu deadline`: the obligations of a regime with their dates; JSON list, or a table for people. */
export async function deadline(
  options: { regime?: string; known?: string; trigger?: string[]; organisation?: string; asOf?: string; json?: boolean },
  effects: Terminal,
): Promise<number> {
  const list = deadlines({
    regime: options.regime ?? 'jp-appi',
    knownUs: instant(options.known ?? ''),
    triggers: options.trigger ?? [],
    organisationKind: options.organisation ?? null,
    asOfUs: options.asOf === undefined ? null : instant(options.asOf),
  });
  process.stdout.write(options.json || process.stdout.isTTY !== true ? `${JSON.stringify(list, null, 2)}\n` : table(list, effects.lang));
  return exitCodes.done;
}

function instant(text: string): number {
  const us = parseIso(text, 'Asia/Tokyo');
  if (us === null) throw new UserError('obligations.bad-time', { value: text });
  return us;
}

function table(list: readonly Obligation[], lang: Lang): string {
  return list
    .map(
      o =>
        `${o.due ?? '—'}  ${t(lang, `obligations:kind.${o.kind}`)}  → ${lang === 'ja' ? o.recipient : o.recipient_en}\n            ${o.legal_basis}\n            ${lang === 'ja' ? o.counting : o.counting_en}\n`,
    )
    .join('');
}
