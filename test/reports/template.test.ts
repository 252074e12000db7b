import fs from 'node:fs';
import { expect, test } from 'vitest';
import { fillTemplate } from '../../src/reports/index.ts';
import { figure } from '../../src/view/index.ts';

const values = {
  inlines: { n: figure('figure:x', '12件'), name: '甲 {{n}} **乙**' },
  tables: { t: [{ kind: 'space' as const }] },
  flags: { yes: true, no: false },
};

test('values are inserted as they are, never read again as a template', () => {
  expect(fillTemplate('{{name}}さま {{n}}', values)).toEqual([
    { kind: 'paragraph', text: ['甲 {{n}} **乙**', 'さま ', { kind: 'figure', ref: 'figure:x', text: '12件' }] },
  ]);
});

test('conditions, lists, tables and styles', () => {
  const text = '# {{n}}\n- a\n- **b**\n\n:if no\nhidden\n:if yes\nhidden too\n:end\n:end\n:if !no\n:note shown\n:end\n:table t';
  expect(fillTemplate(text, values)).toEqual([
    { kind: 'heading', level: 1, text: '12件' },
    { kind: 'list', items: [['a'], [{ kind: 'strong', text: 'b' }]] },
    { kind: 'paragraph', text: ['shown'], style: 'note' },
    { kind: 'space' },
  ]);
});

test('an unknown key, table, flag or directive is a bug, not an empty place', () => {
  for (const text of ['{{nope}}', ':table nope', ':if nope', ':nope']) expect(() => fillTemplate(text, values)).toThrow('template');
});

test('no template holds a typed number of records or persons', () => {
  for (const f of fs.readdirSync('templates')) {
    const text = fs.readFileSync(`templates/${f}`, 'utf8').replace(/\{\{[^}]+\}\}/g, '');
    expect(text.match(/[0-9０-９][0-9,]*\s*(件|人|名|records|persons|people)/g), f).toBeNull();
  }
});
