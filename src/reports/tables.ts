import { displayTime, type Lang, parseIso, problemText, t } from '../base/index.ts';
import { type Element, elements } from '../case/index.ts';
import { type ExposureCounts, elementLabel, elementList } from '../persons/index.ts';
import { type Block, type Column, code, type Inline } from '../view/index.ts';
import { countRange, personFigure, rangeFigure, recordFigure } from './numbers.ts';
import type { ReportInput } from './report-input.ts';

/** The tables that several documents share. Each takes its figures from the results and names their references. */

/** An instant of result.json in the zone of the case, or a dash. */
export function when(iso: string | null, zone: string): string {
  const us = iso === null ? null : parseIso(iso);
  return us === null ? '—' : displayTime(us, zone);
}

/** Elements in the order of the vocabulary: name first, then contact, contract … */
export function sortElements(list: readonly string[]): string[] {
  const rank = (e: string): number => (e === 'contact.*' ? elements.indexOf('contact.address') : elements.indexOf(e as Element));
  return [...list].sort((a, b) => rank(a) - rank(b));
}

const tiers = ['confirmed', 'executed', 'possible', 'not_excluded'] as const;

export function figuresTable(lang: Lang, counts: ExposureCounts): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:figures.caption'),
    columns: [
      { title: t(lang, 'reports:figures.certainty'), width: '3fr' },
      { title: t(lang, 'reports:unit.records'), align: 'right' },
      { title: t(lang, 'reports:unit.persons'), align: 'right' },
    ],
    rows: [
      ...tiers.map(k => [
        [t(lang, `reports:figures.${k}`)],
        [recordFigure(lang, `records.${k}`, counts.figures.records[k])],
        [personFigure(lang, `persons.${k}`, counts.figures.persons[k])],
      ]),
      ...countedRows(lang, counts),
    ],
  };
}

/** Only where statements are known to have shown a number of rows but not which: the range that holds whichever rows they were. */
function countedRows(lang: Lang, { bounds, figures }: ExposureCounts): Inline[][][] {
  if (bounds.records.upper >= figures.records.possible && bounds.records.lower <= figures.records.executed) return [];
  return [
    [
      [t(lang, 'reports:figures.bounds')],
      [rangeFigure(lang, 'bounds.records', bounds.records, 'records')],
      [rangeFigure(lang, 'bounds.persons', bounds.persons, 'persons')],
    ],
  ];
}

/** The columns of a table of intervals: what, certain records, possible records, persons. */
function boundsColumns(lang: Lang, title: string, width: string): Column[] {
  return [
    { title, width },
    { title: t(lang, 'reports:lower'), align: 'right' },
    { title: t(lang, 'reports:upper'), align: 'right' },
    { title: t(lang, 'reports:unit.persons'), align: 'right' },
  ];
}

type Bounds = { readonly records: { readonly lower: number; readonly upper: number }; readonly persons: { readonly lower: number; readonly upper: number } };

/** One row of such a table; `ref` is the reference of its figures without the last parts. */
function boundsRow(lang: Lang, label: string, ref: string, b: Bounds): Inline[][] {
  return [
    [label],
    [recordFigure(lang, `${ref}.records.lower`, b.records.lower)],
    [recordFigure(lang, `${ref}.records.upper`, b.records.upper)],
    [personFigure(lang, `${ref}.persons`, b.persons)],
  ];
}

export function combinationsTable(lang: Lang, counts: ExposureCounts): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:combinations.caption'),
    empty: t(lang, 'reports:none'),
    columns: boundsColumns(lang, t(lang, 'reports:combinations.items'), '4fr'),
    rows: counts.combinations.map((c, i) =>
      boundsRow(lang, c.elements.length > 0 ? elementList(lang, c.elements) : elementLabel(lang, 'none'), `combinations.${i}`, c),
    ),
  };
}

export function rolesTable(lang: Lang, counts: ExposureCounts): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:roles.caption'),
    empty: t(lang, 'reports:none'),
    columns: boundsColumns(lang, t(lang, 'reports:roles.role'), '3fr'),
    rows: counts.roles.flatMap(r => [
      boundsRow(lang, t(lang, `common:role.${r.role}`), `roles.${r.role}`, r),
      ...r.of_which.map(o => boundsRow(lang, t(lang, 'reports:of-which', { item: elementLabel(lang, o.element) }), `roles.${r.role}.${o.element}`, o)),
    ]),
  };
}

/** Why records are more than persons: who is in several of them, who is no individual, who has died. */
export function countingTable(lang: Lang, counts: ExposureCounts): Block {
  const row = (key: string, unit: 'records' | 'persons', n: { lower: number; upper: number }): Inline[][] => [
    [t(lang, `common:counting.${key}`)],
    [countRange(lang, n, unit)],
  ];
  return {
    kind: 'table',
    caption: t(lang, 'common:counting.title'),
    columns: [
      { title: t(lang, 'common:counting.what'), width: '4fr' },
      { title: t(lang, 'common:counting.number'), align: 'right' },
    ],
    rows: [
      row('duplicates', 'records', counts.duplicates.possible),
      row('legal-persons', 'records', counts.legal_persons.records),
      row('deceased', 'persons', counts.living.deceased),
    ],
  };
}

export function datasetsTable(lang: Lang, counts: ExposureCounts): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:datasets.caption'),
    empty: t(lang, 'reports:none'),
    columns: [
      { title: t(lang, 'reports:datasets.dataset'), width: '2fr' },
      { title: t(lang, 'reports:datasets.column'), width: '2fr' },
      { title: t(lang, 'reports:datasets.element'), width: '3fr' },
      ...tiers.map(k => ({ title: t(lang, `reports:short.${k}`), align: 'right' as const })),
    ],
    rows: counts.datasets.flatMap(d => [
      [
        [{ kind: 'strong' as const, text: d.id }],
        [t(lang, 'reports:datasets.rows', { rows: d.rows.toLocaleString('en-US') })],
        [],
        ...tiers.map(k => [recordFigure(lang, `datasets.${d.id}.${k}`, d.records[k])]),
      ],
      ...d.columns
        .filter(c => c.not_excluded > 0 || c.attempted_only)
        .map(c => [
          [],
          [code(c.name)],
          [c.element === null ? '—' : elementLabel(lang, c.element), ...(c.attempted_only ? [t(lang, 'reports:datasets.attempted-only')] : [])],
          ...tiers.map(k => [recordFigure(lang, `datasets.${d.id}.${c.name}.${k}`, c[k])]),
        ]),
    ]),
  };
}

/** What values had to do with answers: a line a data set and kind of contact. */
export function contactsTable(lang: Lang, counts: ExposureCounts): Block {
  const n = (r: { readonly lower: number; readonly upper: number }): string[][] => [[r.lower.toLocaleString('en-US')], [r.upper.toLocaleString('en-US')]];
  const c = (key: string): string => t(lang, `exposure:contact.${key}`);
  return {
    kind: 'table',
    caption: c('title'),
    empty: t(lang, 'reports:none'),
    columns: [
      { title: t(lang, 'reports:datasets.dataset'), width: '2fr' },
      { title: c('kind'), width: '6fr' },
      ...['values', 'records'].flatMap(unit => ['certain', 'possible'].map(side => ({ title: `${c(unit)}\n${c(side)}`, align: 'right' as const }))),
    ],
    rows: counts.contacts.map(x => [[code(x.dataset)], [c(x.contact)], ...(x.contact === 'influenced' ? [['—'], ['—']] : n(x.values)), ...n(x.records)]),
  };
}

export function stepsTable(lang: Lang, input: ReportInput): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:steps.caption'),
    empty: t(lang, 'reports:steps.none'),
    columns: [
      { title: t(lang, 'reports:steps.when'), width: '3fr' },
      { title: t(lang, 'reports:steps.kind'), width: '3fr' },
      { title: t(lang, 'reports:steps.outcome'), width: '1.4fr' },
      { title: t(lang, 'reports:steps.what'), width: '7fr' },
    ],
    rows: input.result.intrusion.steps.map(s => [
      [`${when(s.from, input.zone)}\n– ${when(s.to, input.zone)}`],
      [t(lang, `common:step_kind.${s.kind}`), `\n${s.attack.join(' ')}`],
      [t(lang, `common:outcome.${s.outcome}`)],
      [s.summary[lang], ...(s.evidence[0] ? [' ', code(`${s.evidence[0].file}:${s.evidence[0].line}`)] : [])],
    ]),
  };
}

/** The rules and methods behind the steps, with their authors and licences; a rule of others is shown as theirs. */
export function rulesTable(lang: Lang, input: ReportInput): Block {
  const byId = new Map<string, { rule: ReportInput['result']['intrusion']['steps'][number]['rules'][number]; events: number }>();
  for (const rule of input.result.intrusion.steps.flatMap(s => s.rules)) {
    byId.set(rule.id, { rule, events: (byId.get(rule.id)?.events ?? 0) + rule.events });
  }
  return {
    kind: 'table',
    caption: t(lang, 'reports:rules.caption'),
    empty: t(lang, 'reports:none'),
    columns: [
      { title: t(lang, 'reports:rules.rule'), width: '5fr' },
      { title: t(lang, 'reports:rules.author'), width: '4fr' },
      { title: t(lang, 'reports:rules.events'), align: 'right' },
    ],
    rows: [...byId.values()].map(({ rule, events }) => [
      [rule.title[lang], '\n', code(rule.id)],
      [[rule.author, rule.licence, rule.link].filter(x => x !== null && x !== '').join('\n')],
      [events.toLocaleString('en-US')],
    ]),
  };
}

export function evidenceTable(lang: Lang, input: ReportInput): Block {
  const n = (x: number): string => x.toLocaleString('en-US');
  return {
    kind: 'table',
    caption: t(lang, 'reports:evidence.caption'),
    empty: t(lang, 'reports:none'),
    columns: [
      { title: t(lang, 'reports:evidence.file'), width: '4fr' },
      { title: t(lang, 'reports:evidence.lines'), align: 'right' },
      { title: t(lang, 'reports:evidence.unparsed'), align: 'right' },
      { title: t(lang, 'reports:evidence.period'), width: '4fr' },
      { title: t(lang, 'reports:evidence.gaps'), width: '3fr' },
    ],
    rows: input.result.evidence.map(e => [
      [code(e.file), `\n${e.format ?? t(lang, 'reports:evidence.unknown-format')}\n`, code(`SHA-256 ${e.sha256}`)],
      [n(e.lines.total)],
      [n(e.lines.unparsed)],
      [`${when(e.first, input.zone)}\n– ${when(e.last, input.zone)}`],
      [
        e.gaps.length === 0
          ? t(lang, 'reports:evidence.no-gaps')
          : e.gaps
              .slice(0, 5)
              .map(g => `${when(g.from, input.zone)} – ${when(g.to, input.zone)} ${t(lang, `common:gap.${g.reason}`)}`)
              .join('\n') + (e.gaps.length > 5 ? ` … (${e.gaps.length})` : ''),
      ],
    ]),
  };
}

export function obligationsTable(lang: Lang, input: ReportInput): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:obligations.caption'),
    empty: t(lang, 'reports:obligations.none'),
    columns: [
      { title: t(lang, 'reports:obligations.due'), width: '5fr' },
      { title: t(lang, 'reports:obligations.what'), width: '6fr' },
      { title: t(lang, 'reports:obligations.recipient'), width: '8fr' },
      { title: t(lang, 'reports:obligations.basis'), width: '12fr' },
    ],
    rows: input.result.obligations.map(o => [
      [o.due ?? t(lang, 'reports:obligations.promptly')],
      [t(lang, `obligations:kind.${o.kind}`), `\n${t(lang, `obligations:status.${o.status}`)}`],
      [lang === 'ja' ? o.recipient : o.recipient_en],
      [`${o.legal_basis}\n${o.trigger.map(x => `${x}: ${t(lang, `obligations:trigger.${x}`)}`).join('\n')}\n${lang === 'ja' ? o.counting : o.counting_en}`],
    ]),
  };
}

/** What people decided and this result follows. */
export function decisionsTable(lang: Lang, input: ReportInput): Block {
  return {
    kind: 'table',
    caption: t(lang, 'reports:decisions.caption'),
    empty: t(lang, 'case:decision.none'),
    columns: [
      { title: t(lang, 'reports:decisions.when'), width: '3fr' },
      { title: t(lang, 'reports:decisions.by'), width: '2fr' },
      { title: t(lang, 'reports:decisions.what'), width: '5fr' },
      { title: t(lang, 'reports:decisions.why'), width: '4fr' },
    ],
    rows: input.result.decisions.map(d => {
      const { reason, about, ...subject } = d.body;
      const named = Object.values(subject).map(v => (typeof v === 'string' ? v : JSON.stringify(v)));
      return [
        [when(d.at, input.zone)],
        [d.by],
        [t(lang, `case:decision.kind.${d.kind}`), '\n', code(about ? String(about) : named.join(' '))],
        [reason ? String(reason) : '—'],
      ];
    }),
  };
}

export function problemsTable(lang: Lang, input: ReportInput): Block {
  const shown = input.result.problems.slice(0, 200);
  return {
    kind: 'table',
    caption: t(lang, 'reports:problems.caption', { shown: shown.length, total: input.result.problems.length }),
    empty: t(lang, 'reports:problems.none'),
    columns: [
      { title: t(lang, 'reports:problems.severity'), width: '1fr' },
      { title: t(lang, 'reports:problems.what'), width: '7fr' },
      { title: t(lang, 'reports:problems.where'), width: '3fr' },
      { title: t(lang, 'reports:problems.count'), align: 'right' },
    ],
    rows: shown.map(p => [
      [t(lang, `common:severity.${p.severity}`)],
      [problemText(lang, p.code, p.params)],
      [code([p.where.file ?? p.where.ref ?? '—', p.where.line].filter(x => x !== undefined).join(':'))],
      [p.count.toLocaleString('en-US')],
    ]),
  };
}

export function absentBlocks(lang: Lang, counts: ExposureCounts): Block[] {
  if (counts.absent.length === 0) return [{ kind: 'paragraph', text: [t(lang, 'reports:none')] }];
  return [
    { kind: 'list', items: counts.absent.map(a => [{ kind: 'strong', text: elementLabel(lang, a.element) }, `${lang === 'ja' ? ':' : ': '}${a.text[lang]}`]) },
  ];
}
