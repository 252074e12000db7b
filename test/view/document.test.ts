import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Document, documentHtml, documentTypst, figure, heading, literal, PdfPrinter, paragraph } from '../../src/view/index.ts';

const hostile = `<script>alert(1)</script> #eval("1") \\ " $x$ *b* _i_ @x \u0000\u202e 髙﨑𠮷 \n=1+1`;
const doc: Document = {
  lang: 'ja',
  title: hostile,
  date: '2025-04-25',
  header: hostile,
  footer: hostile,
  mark: '案',
  body: 'gothic',
  blocks: [
    heading(1, hostile),
    paragraph(hostile, figure('figure:records.confirmed', '12,345件'), { kind: 'code', text: hostile }, { kind: 'strong', text: hostile }),
    { kind: 'list', items: [[hostile], ['b']] },
    { kind: 'facts', rows: [[hostile, [hostile]]] },
    { kind: 'table', caption: hostile, columns: [{ title: hostile }, { title: '件', align: 'right' }], rows: [[[hostile], ['1']]] },
    { kind: 'table', columns: [{ title: 'a' }, { title: 'b' }], rows: [], empty: 'なし' },
    { kind: 'picture', svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="5" height="5"/></svg>', alt: hostile },
  ],
};

test('hostile text is text in HTML', () => {
  const html = documentHtml(doc);
  expect(html).not.toContain('<script>alert');
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(html).toContain('data-ref="figure:records.confirmed"');
});

test('hostile text is text in Typst, and the same document prints to the same bytes', () => {
  const printer = new PdfPrinter();
  const source = documentTypst(doc);
  const hashes = [printer.print(source), printer.print(source)].map(pdf => createHash('sha256').update(pdf).digest('hex'));
  printer.close();
  expect(hashes[0]).toBe(hashes[1]);
  expect(literal('a"b\\c\nd\u0000')).toBe('"a\\"b\\\\c\\nd\ufffd"');
});
