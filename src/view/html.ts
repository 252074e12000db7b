import { escapeHtml } from '../base/index.ts';
import type { Block, Document, Inline } from './document.ts';

/** A whole HTML page that needs nothing from outside and prints on A4. Everything from data is escaped. */
export function documentHtml(d: Document): string {
  return `<!doctype html>
<html lang="${d.lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(d.title)}</title>
<style>${style}</style>
</head>
<body class="${d.body}">
<header><span>${escapeHtml(d.header)}</span>${d.mark === null ? '' : `<strong class="mark">${escapeHtml(d.mark)}</strong>`}</header>
<main>
${blocksHtml(d.blocks)}
</main>
<footer>${escapeHtml(d.footer)}</footer>
</body>
</html>
`;
}

/** The blocks alone, for a page that has its own frame. */
export function blocksHtml(blocks: readonly Block[]): string {
  return blocks.map(block).join('\n');
}

function block(b: Block): string {
  switch (b.kind) {
    case 'heading':
      return `<h${b.level}${b.id === undefined ? '' : ` id="${escapeHtml(b.id)}"`}>${escapeHtml(b.text)}</h${b.level}>`;
    case 'paragraph':
      return `<p${b.style === undefined ? '' : ` class="${b.style}"`}>${inlines(b.text)}</p>`;
    case 'list': {
      const tag = b.ordered ? 'ol' : 'ul';
      return `<${tag}>${b.items.map(i => `<li>${inlines(i)}</li>`).join('')}</${tag}>`;
    }
    case 'facts':
      return `<dl>${b.rows.map(([k, v]) => `<div><dt>${escapeHtml(k)}</dt><dd>${inlines(v)}</dd></div>`).join('')}</dl>`;
    case 'picture':
      return `<figure role="img" aria-label="${escapeHtml(b.alt)}">${b.svg}</figure>`;
    case 'space':
      return '<div class="space"></div>';
    case 'table': {
      const align = (i: number): string => (b.columns[i]?.align === 'right' ? ' class="num"' : '');
      const head = b.columns.map((c, i) => `<th scope="col"${align(i)}>${escapeHtml(c.title)}</th>`).join('');
      const rows = b.rows.map(r => `<tr>${r.map((c, i) => `<td${align(i)}>${inlines(c)}</td>`).join('')}</tr>`).join('');
      const empty = b.rows.length === 0 && b.empty !== undefined ? `<tr><td colspan="${b.columns.length}" class="none">${escapeHtml(b.empty)}</td></tr>` : '';
      return `<table>${b.caption === undefined ? '' : `<caption>${escapeHtml(b.caption)}</caption>`}<thead><tr>${head}</tr></thead><tbody>${rows}${empty}</tbody></table>`;
    }
  }
}

function inlines(list: readonly Inline[]): string {
  return list
    .map(i => {
      if (typeof i === 'string') return escapeHtml(i).replaceAll('\n', '<br>');
      if (i.kind === 'figure') return `<span class="figure" data-ref="${escapeHtml(i.ref)}">${escapeHtml(i.text)}</span>`;
      if (i.kind === 'strong') return `<strong>${escapeHtml(i.text)}</strong>`;
      return `<code>${escapeHtml(i.text)}</code>`;
    })
    .join('');
}

const style = `
:root{color-scheme:light;--ink:#1a1a1c;--soft:#626264;--line:#c8c8cb;--fill:#f3f4f6;--key:#00118f;--warn:#7b2d00}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:#fff;font:16px/1.75 "BIZ UDPGothic","Noto Sans JP","Hiragino Sans","Yu Gothic",Meiryo,sans-serif}
body.mincho{font-family:"BIZ UDPMincho","Noto Serif JP","Hiragino Mincho ProN","Yu Mincho",serif}
header,footer{display:flex;justify-content:space-between;gap:1em;max-width:60rem;margin:0 auto;padding:1rem 1.5rem;color:var(--soft);font-size:.8125rem}
footer{border-top:1px solid var(--line);word-break:break-all}
main{max-width:60rem;margin:0 auto;padding:0 1.5rem 3rem}
.mark{border:2px solid var(--warn);color:var(--warn);padding:0 .75em;border-radius:4px}
h1{font-size:1.625rem;line-height:1.4;margin:1.5rem 0 1rem}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem;padding-left:.625rem;border-left:6px solid var(--key)}
h3{font-size:1.0625rem;margin:1.75rem 0 .5rem}
p{margin:.5rem 0}.lead{font-size:1.0625rem}.right{text-align:right}.note{color:var(--soft);font-size:.875rem}
.warning{border-left:6px solid var(--warn);background:#fff4ea;padding:.5rem 1rem}
table{border-collapse:collapse;width:100%;margin:.75rem 0 1.25rem;font-size:.9375rem}
caption{text-align:left;font-weight:700;padding:.25rem 0}
th,td{border:1px solid var(--line);padding:.375rem .625rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:var(--fill)}.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.none{color:var(--soft);text-align:center}
dl{margin:.75rem 0 1.25rem;border-top:1px solid var(--line)}dl div{display:grid;grid-template-columns:12rem 1fr;border-bottom:1px solid var(--line);padding:.375rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code{font-family:ui-monospace,Consolas,monospace;font-size:.875em;background:var(--fill);padding:0 .25em;overflow-wrap:anywhere}
.figure{font-variant-numeric:tabular-nums;font-weight:700}.space{height:1.5rem}
figure{margin:1rem 0}figure svg{max-width:100%;height:auto}
@media (max-width:40rem){dl div{grid-template-columns:1fr}}
@media print{@page{size:A4;margin:20mm}body{font-size:10.5pt}header,footer,main{max-width:none;padding-left:0;padding-right:0}h2,h3{break-after:avoid}tr{break-inside:avoid}.warning{background:none}}
`;
