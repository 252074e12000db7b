import fs from 'node:fs';
import path from 'node:path';
import { csvCell, type Effects, type Problem, problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import type { ReportResult } from '../reports/index.ts';
import { documentsTypst, documentTypst, PdfPrinter } from '../view/index.ts';
import { type Addressee, findAddressees } from './addressees.ts';
import { letter } from './letter.ts';

/** Letters in one PDF; more cost memory in the printer without gaining speed. */
const lettersPerFile = 200;
/** Drafts made by one investigation (about 400 a second). */
const draftLimit = 5000;

export type NoticeSummary = { readonly persons: number; readonly drafted: number; readonly withoutAddress: number };

/**
 * Stage ⑨: one draft letter for each person whose data may have been disclosed, in notices/letters-NNNN.pdf, with notices/index.csv that says
 * for every person which file and position, or why there is no letter. A person without an address is listed for substitute measures.
 */
export async function draftNotices(kase: OpenCase, result: ReportResult, effects: Effects): Promise<NoticeSummary> {
  const dir = path.join(kase.outDir, 'notices');
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  const { total, list } = await findAddressees(kase, draftLimit);
  const reachable = list.filter(p => p.address !== null);
  const unreachable = list.filter(p => p.address === null);
  const index: string[] = ['letter_no,person,records,status,file,position'];
  const input = { file: kase.file, result };
  const printer = new PdfPrinter();
  try {
    for (let from = 0; from < reachable.length; from += lettersPerFile) {
      const file = `letters-${String(from / lettersPerFile + 1).padStart(4, '0')}.pdf`;
      const batch = reachable.slice(from, from + lettersPerFile);
      const documents = batch.map((p, i) => letter('ja', input, p, letterNo(from + i)));
      fs.writeFileSync(path.join(dir, file), printer.print(documentsTypst(documents)));
      batch.forEach((p, i) => {
        index.push(row(letterNo(from + i), p, 'drafted', file, i + 1));
      });
      effects.progress({ stage: 'notices', done: Math.min(reachable.length, from + lettersPerFile), total: reachable.length, unit: 'letters' });
    }
    const specimen = reachable[0];
    if (specimen) fs.writeFileSync(path.join(dir, 'specimen.en.pdf'), printer.print(documentTypst(letter('en', input, specimen, letterNo(0)))));
  } finally {
    printer.close();
  }
  for (const p of unreachable) index.push(row('', p, 'no-address', '', null));
  fs.writeFileSync(path.join(dir, 'index.csv'), `${index.join('\n')}\n`);
  const problems: Problem[] = [];
  if (unreachable.length > 0) problems.push(problem('notices.no-address', 'warning', {}, { count: unreachable.length }, unreachable.length));
  if (total > list.length) problems.push(problem('notices.not-all-drafted', 'warning', {}, { drafted: list.length, total }, total - list.length));
  await recordProblems(kase.engine, 'notices', problems);
  return { persons: total, drafted: reachable.length, withoutAddress: unreachable.length };
}

const letterNo = (i: number): string => `N-${String(i + 1).padStart(7, '0')}`;

function row(no: string, p: Addressee, status: string, file: string, position: number | null): string {
  return [no, p.person, p.records.join(' '), status, file, position].map(csvCell).join(',');
}
