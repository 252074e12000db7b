import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, exitCodes, t, UserError } from '../base/index.ts';
import { CaseStore, type Decision, type DecisionSubjects, decisionBody, decisions, recordDecision, withSubject } from '../case/index.ts';
import type { Terminal } from './terminal.ts';

export type DecideOptions = {
  kind: string;
  words: string[];
  by?: string;
  reason?: string;
  out?: string;
  json?: boolean;
  unit?: string;
  scope?: string;
  publishedOn?: string;
  document?: string;
};

/** `tadasu decide KIND REF… --by NAME --reason TEXT`, or `tadasu decide list`. Needs no lock: the journal takes one act at a time. */
export async function decide(options: DecideOptions, effects: Terminal): Promise<number> {
  const outDir = path.resolve(options.out ?? 'tadasu-out');
  if (!fs.existsSync(path.join(outDir, 'case.sqlite')) || !fs.existsSync(path.join(outDir, 'result.json'))) {
    throw new UserError('case.nothing-there', { dir: outDir });
  }
  const store = new CaseStore(path.join(outDir, 'case.sqlite'));
  try {
    if (options.kind === 'list') {
      const all = decisions(store);
      process.stdout.write(options.json ? `${JSON.stringify(all, null, 2)}\n` : listing(all, effects));
      return exitCodes.done;
    }
    const result = JSON.parse(fs.readFileSync(path.join(outDir, 'result.json'), 'utf8')) as DecisionSubjects;
    const body = withSubject(result, options.kind, decisionBody(options.kind, options.words, fieldsOf(options)));
    const act = recordDecision(store, options.kind, options.by ?? '', effects.now(), body);
    process.stdout.write(
      options.json
        ? `${JSON.stringify(act, null, 2)}\n`
        : `${t(effects.lang, 'case:decision.recorded', { seq: act.seq, what: t(effects.lang, `case:decision.kind.${act.kind}`), by: act.by })}\n${t(effects.lang, 'case:decision.run-again')}\n`,
    );
    return exitCodes.done;
  } finally {
    store.close();
  }
}

function fieldsOf({ reason, unit, scope, publishedOn, document }: DecideOptions): Record<string, unknown> {
  const given = { reason, unit, scope, published_on: publishedOn, document };
  return Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined));
}

function listing(all: readonly Decision[], { lang }: Terminal): string {
  if (all.length === 0) return `${t(lang, 'case:decision.none')}\n`;
  return all
    .map(d => {
      const { reason, ...rest } = d.body;
      const ended = d.withdrawnBy === null ? '' : `  (${t(lang, 'case:decision.withdrawn-by', { seq: d.withdrawnBy })})`;
      return `${String(d.seq).padStart(5)}  ${d.at}  ${d.by}  ${t(lang, `case:decision.kind.${d.kind}`)}${ended}\n       ${canonicalJson(rest)}${reason ? `\n       ${String(reason)}` : ''}\n`;
    })
    .join('');
}
