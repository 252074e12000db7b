import type { Block, Column, Document, Inline } from './document.ts';

/** The Typst source of a document. Text from data only ever stands inside a Typst string literal: it cannot become markup. */
export function documentTypst(d: Document): string {
  return `${prelude(d)}
${d.blocks.map(block).join('\n')}
`;
}

/** Several documents of one kind (letters) in one source: each begins on a new page, numbered from 1. Frame and fonts are those of the first. */
export function documentsTypst(documents: readonly Document[]): string {
  const first = documents[0];
  if (!first) throw new Error('no document to print');
  const bodies = documents.map(d => d.blocks.map(block).join('\n'));
  return `${prelude(first)}
${bodies.join('\n#pagebreak()\n#counter(page).update(1)\n')}
`;
}

function prelude(d: Document): string {
  const [y, m, day] = (d.date ?? '1970-01-01').split('-').map(Number);
  const fonts = d.body === 'mincho' ? mincho : gothic;
  return `#set document(title: ${literal(d.title)}, author: "Tadasu", date: ${d.date === null ? 'none' : `datetime(year: ${y}, month: ${m}, day: ${day})`})
#set text(lang: "${d.lang}", ${d.lang === 'ja' ? 'region: "jp", ' : ''}font: (${fonts.map(literal).join(', ')}), size: 10pt, number-width: "tabular")
#set page(paper: "a4", margin: (x: 20mm, top: 24mm, bottom: 22mm),
  header: text(size: 7.5pt, fill: luma(90))[#grid(columns: (1fr, auto), text(${literal(d.header)}), ${d.mark === null ? '[]' : `box(stroke: 1pt + luma(60), inset: (x: 5pt, y: 2pt))[#text(weight: "bold", ${literal(d.mark)})]`})],
  footer: context text(size: 7.5pt, fill: luma(90))[#grid(columns: (1fr, auto), text(${literal(d.footer)}), [#counter(page).display("1 / 1", both: true)])])
#set par(justify: true, leading: 0.75em, spacing: 0.95em, first-line-indent: 0em)
#set table(stroke: 0.5pt + luma(140), inset: (x: 5pt, y: 4pt))
#show heading: set text(font: (${gothic.map(literal).join(', ')}))
#show heading.where(level: 1): set text(size: 15pt)
#show heading.where(level: 2): set text(size: 11.5pt)
#show heading.where(level: 3): set text(size: 10.5pt)
#show heading.where(level: 1): set block(above: 1.6em, below: 1em)
#show heading.where(level: 2): it => block(above: 1.6em, below: 0.8em, stroke: (left: 3pt + rgb("#00118f")), inset: (left: 6pt, y: 2pt), it.body)
#show heading.where(level: 3): set block(above: 1.2em, below: 0.6em)
#show table.cell: set par(justify: false)`;
}

const gothic = ['BIZ UDPGothic', 'Noto Sans JP', 'Noto Serif JP'];
const mincho = ['BIZ UDPMincho', 'Noto Serif JP', 'Noto Sans JP'];

/** A Typst string literal; control characters other than newline are shown as U+FFFD. */
export function literal(text: string): string {
  const clean = text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
  return `"${clean.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** A hash or path may be broken at the end of a line: invisible break points after every 12 characters without one. */
function breakable(text: string): string {
  return text.replace(/[^\s\u200b]{12}(?=[^\s])/g, part => `${part}\u200b`);
}

function block(b: Block): string {
  switch (b.kind) {
    case 'heading':
      return `#heading(level: ${b.level}, text(${literal(b.text)}))`;
    case 'paragraph':
      return paragraph(b.style, inlines(b.text));
    case 'list':
      return `#${b.ordered ? 'enum' : 'list'}(${b.items.map(i => `[${inlines(i)}]`).join(', ')})`;
    case 'facts':
      return table(
        [{ title: '', width: '9em' }, { title: '' }],
        b.rows.map(([k, v]) => [[k], v]),
        false,
      );
    case 'picture':
      return `#image(bytes(${literal(b.svg)}), format: "svg", width: 100%, alt: ${literal(b.alt)})`;
    case 'space':
      return '#v(1em)';
    case 'table': {
      const rows = b.rows.length === 0 && b.empty !== undefined ? [[[b.empty], ...b.columns.slice(1).map(() => [])]] : b.rows;
      const caption = b.caption === undefined ? '' : `#block(above: 1em, below: 0.4em, sticky: true, text(weight: "bold", size: 9pt, ${literal(b.caption)}))\n`;
      return caption + table(b.columns, rows, true);
    }
  }
}

function paragraph(style: string | undefined, body: string): string {
  switch (style) {
    case 'right':
      return `#align(right)[${body}]`;
    case 'note':
      return `#block(text(size: 8.5pt, fill: luma(80))[${body}])`;
    case 'warning':
      return `#block(width: 100%, stroke: (left: 3pt + rgb("#7b2d00")), inset: (left: 8pt, y: 4pt))[${body}]`;
    case 'lead':
      return `#block(text(size: 11pt)[${body}])`;
    default:
      return `#par[${body}]`;
  }
}

function table(columns: readonly Column[], rows: readonly (readonly (readonly Inline[])[])[], header: boolean): string {
  const widths = columns.map(c => c.width ?? (c.align === 'right' ? 'auto' : '1fr'));
  const align = columns.map(c => (c.align === 'right' ? 'right' : 'left'));
  const cells = rows.flatMap(r => r.map(c => `[${inlines(c)}]`));
  const head = header ? `table.header(${columns.map(c => `table.cell(fill: luma(240))[#text(weight: "bold", ${literal(c.title)})]`).join(', ')}), ` : '';
  return `#text(size: 9pt, table(columns: (${widths.join(', ')},), align: (${align.join(', ')},), ${head}${cells.join(', ')}))`;
}

function inlines(list: readonly Inline[]): string {
  return list
    .map(i => {
      if (typeof i === 'string') return `#text(${literal(i)})`;
      if (i.kind === 'code') return `#raw(${literal(breakable(i.text))})`;
      return `#text(weight: "bold", ${literal(i.text)})`;
    })
    .join('');
}
