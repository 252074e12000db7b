import fs from 'node:fs';
import path from 'node:path';
import { type Effects, langs } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Document, documentHtml, documentTypst, PdfPrinter } from '../view/index.ts';
import { firstAnnouncement } from './announcement.ts';
import type { ReportInput, ReportResult } from './report-input.ts';
import { technicalReport } from './technical.ts';
import { countEventsOverTime } from './timeline.ts';

/** Stage ⑧: report.html and, in reports/, each document in both languages as HTML and PDF. Replaces what was there. */
export async function writeReports(kase: OpenCase, result: ReportResult, effects: Effects): Promise<string[]> {
  const input: ReportInput = { file: kase.file, zone: kase.file.timezone, result };
  const dir = path.join(kase.outDir, 'reports');
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  const counted = await countEventsOverTime(kase, 160);
  const documents: [string, Document][] = langs.flatMap(lang => [
    [`technical.${lang}`, technicalReport(lang, input, counted)] as [string, Document],
    // Without a possible disclosure there is nothing to announce.
    ...(result.exposure.figures.records.possible > 0 ? [[`announcement-1.${lang}`, firstAnnouncement(lang, input)] as [string, Document]] : []),
  ]);
  const printer = new PdfPrinter();
  const written: string[] = [];
  try {
    for (const [name, document] of documents) {
      fs.writeFileSync(path.join(dir, `${name}.html`), documentHtml(document));
      fs.writeFileSync(path.join(dir, `${name}.pdf`), printer.print(documentTypst(document)));
      written.push(`reports/${name}.html`, `reports/${name}.pdf`);
      effects.progress({ stage: 'reports', done: written.length / 2, total: documents.length, unit: 'documents' });
    }
  } finally {
    printer.close();
  }
  fs.writeFileSync(path.join(kase.outDir, 'report.html'), documentHtml(documents[0]![1]));
  return ['report.html', ...written];
}
