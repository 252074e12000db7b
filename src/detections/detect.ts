import type { Effects, Problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import type { Engine } from '../engine/index.ts';
import { detectColdSignIns } from './behaviour/cold-sign-ins.ts';
import { detectDatabaseStrangers } from './behaviour/database-strangers.ts';
import { detectDumps } from './behaviour/dumps.ts';
import { detectEntries } from './behaviour/entries.ts';
import { detectEnumeration } from './behaviour/enumeration.ts';
import { detectExports } from './behaviour/exports.ts';
import { detectKeysElsewhere } from './behaviour/keys-elsewhere.ts';
import { detectMarkedLists } from './behaviour/marked-lists.ts';
import { detectMarkedWalks } from './behaviour/marked-walks.ts';
import { detectOddities } from './behaviour/oddities.ts';
import { detectOrderedWalks } from './behaviour/ordered-walks.ts';
import { detectScans } from './behaviour/scans.ts';
import { detectSignIns } from './behaviour/sign-ins.ts';
import { detectSlowScrapes } from './behaviour/slow-scrapes.ts';
import { detectTakeovers } from './behaviour/takeovers.ts';
import { detectUnaskedStatements } from './behaviour/unasked-statements.ts';
import { detectUnopened } from './behaviour/unopened.ts';
import { detectWebShells } from './behaviour/web-shells.ts';
import { detectByRules } from './own-rules.ts';
import { detectAttacks } from './requests/attacks.ts';
import { detectDatabaseInjections } from './requests/database-injections.ts';
import { prepareRequests } from './requests/request.ts';
import type { ReadRules } from './sigma/rule.ts';
import { type Detection, writeDetections } from './tables.ts';

export type DetectSummary = {
  readonly detections: number;
  readonly events: number;
  readonly byKind: Readonly<Record<string, number>>;
};

/** Which events matter, by which rule or method. Reads `event`; replaces `detection` and `detection_event`. `others`: rules besides our own. */
export async function detect(kase: Pick<OpenCase, 'engine'>, effects: Effects, others: ReadRules | null = null): Promise<DetectSummary> {
  const { engine } = kase;
  const problems: Problem[] = [];
  await prepareRequests(engine);
  const found: Detection[] = [];
  const rules = await detectByRules(engine, others);
  const methods = [(e: Engine) => detectAttacks(e, rules.leads), detectScans, detectSignIns, detectEnumeration, detectDumps, detectWebShells] as const;
  for (const [i, method] of methods.entries()) {
    effects.progress({ stage: 'detections', done: i, total: methods.length + 2, unit: 'methods' });
    found.push(...(await method(engine)));
  }
  found.push(...(await detectDatabaseInjections(engine, found)));
  found.push(...(await detectDatabaseStrangers(engine, found)));
  found.push(...(await detectUnaskedStatements(engine)));
  found.push(...(await detectKeysElsewhere(engine)));
  found.push(...(await detectSlowScrapes(engine, found)));
  found.push(...(await detectOrderedWalks(engine, found)));
  found.push(...(await detectEntries(engine, found)));
  found.push(...(await detectColdSignIns(engine, found)));
  found.push(...(await detectTakeovers(engine, found)));
  found.push(...(await detectUnopened(engine, found)));
  found.push(...(await detectMarkedWalks(engine, found)));
  found.push(...(await detectMarkedLists(engine, found)));
  found.push(...(await detectExports(engine, found)));
  found.push(...(await detectOddities(engine, found)));
  found.push(...rules.detections);
  problems.push(...rules.problems);
  effects.progress({ stage: 'detections', done: methods.length + 2, total: methods.length + 2, unit: 'methods' });
  await writeDetections(engine, found);
  await recordProblems(engine, 'detections', problems);
  const byKind: Record<string, number> = {};
  for (const d of found) byKind[d.kind] = (byKind[d.kind] ?? 0) + 1;
  const events = found.reduce((n, d) => n + d.events.length, 0);
  effects.log('detections.done', { detections: found.length, events });
  return { detections: found.length, events, byKind };
}
