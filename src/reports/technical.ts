import { dayIn, type Lang, parseIso, t } from '../base/index.ts';
import { type Block, code, type Document, heading, paragraph } from '../view/index.ts';
import type { ReportInput } from './report-input.ts';
import {
  absentBlocks,
  combinationsTable,
  contactsTable,
  countingTable,
  datasetsTable,
  decisionsTable,
  evidenceTable,
  figuresTable,
  obligationsTable,
  problemsTable,
  rolesTable,
  rulesTable,
  stepsTable,
  when,
} from './tables.ts';
import { type EventCounts, timelinePicture } from './timeline.ts';

/** The technical report: everything found, how sure, on what basis, and what could not be read. */
export function technicalReport(lang: Lang, input: ReportInput, counted: EventCounts): Document {
  const { result, file, zone } = input;
  const s = (key: string, params: Record<string, unknown> = {}): string => t(lang, `reports:technical.${key}`, params);
  const counts = result.exposure;
  const blocks: Block[] = [
    heading(1, s('title')),
    paragraph(file.title[lang]),
    heading(2, s('summary')),
    {
      kind: 'paragraph',
      style: 'lead',
      text: [
        result.intrusion.steps.length === 0
          ? s('no-intrusion')
          : s('intrusion', {
              steps: result.intrusion.steps.length,
              first: when(result.intrusion.start.latest, zone),
              last: when(result.intrusion.end.earliest, zone),
            }),
      ],
    },
    figuresTable(lang, counts),
    { kind: 'paragraph', style: 'note', text: [s('figures-note')] },
    heading(2, s('window')),
    { kind: 'facts', rows: windowFacts(lang, input) },
    heading(2, s('steps')),
    ...timelinePicture(lang, input, counted),
    stepsTable(lang, input),
    rulesTable(lang, input),
    heading(2, s('actors')),
    actorsTable(lang, input),
    heading(2, s('exposure')),
    datasetsTable(lang, counts),
    contactsTable(lang, counts),
    { kind: 'paragraph', style: 'note', text: [t(lang, 'exposure:contact.note')] },
    combinationsTable(lang, counts),
    rolesTable(lang, counts),
    countingTable(lang, counts),
    heading(3, s('absent')),
    ...absentBlocks(lang, counts),
    heading(2, s('obligations')),
    obligationsTable(lang, input),
    { kind: 'paragraph', style: 'note', text: [s('legal-note')] },
    heading(2, s('decisions')),
    decisionsTable(lang, input),
    heading(2, s('evidence')),
    evidenceTable(lang, input),
    ...blindBlocks(lang, input),
    heading(2, s('problems')),
    problemsTable(lang, input),
    heading(2, s('method')),
    paragraph(s('method-text')),
    {
      kind: 'facts',
      rows: [
        [s('inputs-root'), [code(result.inputs_root)]],
        [s('version'), [`Tadasu ${result.run.version}`]],
      ],
    },
  ];
  return {
    lang,
    title: `${s('title')} ${result.case}`,
    date: documentDay(input),
    header: `${file.organisation.name ?? ''} ${result.case}`.trim(),
    footer: `${s('title')} · ${result.inputs_root.slice(0, 16)}`,
    mark: null,
    body: 'gothic',
    blocks,
  };
}

/** The day a document carries: of the last fact of the case, so that it never depends on the clock. */
export function documentDay({ file, result, zone }: ReportInput): string | null {
  const known = file.facts.containedAt?.value ?? file.facts.knownAt?.value ?? file.facts.detectedAt?.value ?? null;
  const last = result.intrusion.end.earliest === null ? null : parseIso(result.intrusion.end.earliest);
  const us = known ?? last;
  return us === null ? null : dayIn(zone, us);
}

function windowFacts(lang: Lang, { result, zone }: ReportInput): [string, string[]][] {
  const s = (key: string): string => t(lang, `reports:technical.${key}`);
  const { start, end, left_censored } = result.intrusion;
  const none = s('unknown');
  return [
    [s('start'), [`${start.earliest === null ? none : when(start.earliest, zone)} – ${when(start.latest, zone)}`]],
    [s('start-basis'), [windowBasis(lang, start.basis)]],
    [s('end'), [`${when(end.earliest, zone)} – ${end.latest === null ? none : when(end.latest, zone)}`]],
    [s('end-basis'), [windowBasis(lang, end.basis)]],
    [s('left-censored'), [left_censored ? s('left-censored-yes') : s('left-censored-no')]],
  ];
}

/** The reason for an end of the window: the code before a colon names the sentence. */
function windowBasis(lang: Lang, basis: string): string {
  return basis === '' ? '—' : t(lang, `reports:window-basis.${basis.split(':')[0]}`);
}

function actorsTable(lang: Lang, { result, zone }: ReportInput): Block {
  const s = (key: string): string => t(lang, `reports:technical.${key}`);
  return {
    kind: 'table',
    empty: t(lang, 'reports:none'),
    columns: [
      { title: s('actor'), width: '2fr' },
      { title: s('certainty'), width: '1.5fr' },
      { title: s('addresses'), width: '4fr' },
      { title: s('accounts'), width: '3fr' },
      { title: s('active'), width: '4fr' },
    ],
    rows: result.intrusion.actors.map(a => [
      [code(a.id)],
      [s(`certainty-${a.certainty}`)],
      [a.ips.join(', ')],
      [a.accounts.join(', ') || '—'],
      [`${when(a.first, zone)}\n– ${when(a.last, zone)}`],
    ]),
  };
}

function blindBlocks(lang: Lang, { result }: ReportInput): Block[] {
  const kinds = [...new Set(result.evidence.flatMap(e => e.blind_to))].sort();
  if (kinds.length === 0) return [];
  return [heading(3, t(lang, 'reports:evidence.blind')), { kind: 'list', items: kinds.map(k => [t(lang, `reports:blind.${k}`)]) }];
}
