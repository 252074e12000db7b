import type { Effects } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { type LinkSummary, linkRecords } from './linkage/link-records.ts';
import { markLiving } from './living.ts';

/** Stage ⑥: which records are one human being, and which of them is known to be dead. Writes `person_record` and `match_pair`. Needs `column_element`. */
export async function identifyPersons(kase: OpenCase, effects: Effects): Promise<LinkSummary> {
  const { summary, problems } = await linkRecords(kase, effects);
  await markLiving(kase);
  await recordProblems(kase.engine, 'persons', problems);
  effects.progress({ stage: 'persons', done: summary.records, total: summary.records, unit: 'records' });
  return summary;
}
