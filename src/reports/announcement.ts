import fs from 'node:fs';
import path from 'node:path';
import { type Lang, packageRoot, t } from '../base/index.ts';
import { elementList } from '../persons/index.ts';
import type { Document, Inline } from '../view/index.ts';
import { personFigure, recordFigure } from './numbers.ts';
import type { ReportInput } from './report-input.ts';
import { spokenPeriod, spokenTime } from './spoken.ts';
import { rolesTable, sortElements } from './tables.ts';
import { documentDay } from './technical.ts';
import { fillTemplate } from './template.ts';

/** Draft of the first announcement (第1報). Facts nobody has stated appear as a place to fill in, never as a guess. */
export function firstAnnouncement(lang: Lang, input: ReportInput): Document {
  const { file, result, zone } = input;
  const counts = result.exposure;
  const blank = (what: string): Inline => ({ kind: 'strong', text: t(lang, 'reports:fill-in', { what: t(lang, `reports:fill.${what}`) }) });
  const fact = (us: number | undefined, what: string): Inline => (us === undefined ? blank(what) : spokenTime(lang, us, zone));
  const elements = [...new Set(counts.combinations.filter(c => c.records.upper > 0).flatMap(c => c.elements))];
  const system = file.systems.map(s => s.name).join(lang === 'ja' ? '、' : ', ');
  const text = fs.readFileSync(path.join(packageRoot, 'templates', `announcement-first.${lang}.md`), 'utf8');
  const blocks = fillTemplate(text, {
    inlines: {
      organisation: file.organisation.name ?? blank('organisation'),
      representative: blank('representative'),
      date: blank('date'),
      system: system === '' ? blank('system') : system,
      detected_at: fact(file.facts.detectedAt?.value, 'detected_at'),
      contained_at: fact(file.facts.containedAt?.value, 'contained_at'),
      period: spokenPeriod(lang, result.intrusion.start.latest, result.intrusion.end.earliest, zone),
      elements: elementList(lang, sortElements(elements)),
      absent: elementList(lang, sortElements(counts.absent.map(a => a.element))),
      records_possible: recordFigure(lang, 'records.possible', counts.figures.records.possible),
      persons_possible: personFigure(lang, 'persons.possible', counts.figures.persons.possible),
      records_executed: recordFigure(lang, 'records.executed', counts.figures.records.executed),
      persons_executed: personFigure(lang, 'persons.executed', counts.figures.persons.executed),
      measures: blank('measures'),
      authorities: blank('authorities'),
      contact: blank('contact'),
    },
    tables: { roles: [rolesTable(lang, counts)] },
    flags: { absent: counts.absent.length > 0, left_censored: result.intrusion.left_censored, executed: counts.figures.records.executed > 0 },
  });
  const title = t(lang, 'reports:announcement.title');
  return {
    lang,
    title,
    date: documentDay(input),
    header: file.organisation.name ?? result.case,
    footer: `${result.case} · ${result.inputs_root.slice(0, 16)}`,
    mark: t(lang, 'reports:draft'),
    body: 'gothic',
    blocks,
  };
}
