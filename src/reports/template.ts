import { type Block, heading, type Inline } from '../view/index.ts';

/**
 * Prose templates in templates/<name>.<lang>.md, one element a line:
 * `# ` `## ` headings · `- ` list item · `:lead|:right|:note|:warning text` · `:table name` · `:space` · `:if name` … `:end` · anything else a paragraph.
 * `{{key}}` takes an inline from the values, so a number can only come from the results. An unknown key is a bug.
 */
export type TemplateValues = {
  readonly inlines: Readonly<Record<string, Inline | readonly Inline[]>>;
  readonly tables: Readonly<Record<string, readonly Block[]>>;
  readonly flags: Readonly<Record<string, boolean>>;
};

export function fillTemplate(text: string, values: TemplateValues): Block[] {
  const out: Block[] = [];
  const open: boolean[] = [];
  let items: Inline[][] = [];
  const flush = (): void => {
    if (items.length > 0) out.push({ kind: 'list', items });
    items = [];
  };
  for (const line of text.split(/\r?\n/)) {
    const directive = /^:(\w+)(?:\s+(.*))?$/.exec(line);
    if (directive?.[1] === 'end') {
      open.pop();
      continue;
    }
    if (directive?.[1] === 'if') {
      open.push(flag(values, directive[2] ?? ''));
      continue;
    }
    if (open.includes(false)) continue;
    if (line.startsWith('- ')) {
      items.push(inlines(line.slice(2), values));
      continue;
    }
    flush();
    if (line.trim() === '') continue;
    if (line.startsWith('## ')) out.push(heading(2, plain(line.slice(3), values)));
    else if (line.startsWith('# ')) out.push(heading(1, plain(line.slice(2), values)));
    else if (directive) out.push(...special(directive[1]!, directive[2] ?? '', values));
    else out.push({ kind: 'paragraph', text: inlines(line, values) });
  }
  flush();
  return out;
}

function special(name: string, rest: string, values: TemplateValues): readonly Block[] {
  switch (name) {
    case 'space':
      return [{ kind: 'space' }];
    case 'lead':
    case 'right':
    case 'note':
    case 'warning':
      return [{ kind: 'paragraph', text: inlines(rest, values), style: name }];
    case 'table': {
      const blocks = values.tables[rest];
      if (!blocks) throw new Error(`template: no table ${rest}`);
      return blocks;
    }
    default:
      throw new Error(`template: unknown directive :${name}`);
  }
}

function flag(values: TemplateValues, name: string): boolean {
  const negated = name.startsWith('!');
  const value = values.flags[negated ? name.slice(1) : name];
  if (value === undefined) throw new Error(`template: no flag ${name}`);
  return value !== negated;
}

function inlines(text: string, values: TemplateValues): Inline[] {
  return text.split(/(\{\{[^}]+\}\}|\*\*[^*]+\*\*)/).flatMap((part): Inline[] => {
    if (part === '') return [];
    const key = /^\{\{\s*([^}\s]+)\s*\}\}$/.exec(part)?.[1];
    if (key !== undefined) {
      const value = values.inlines[key];
      if (value === undefined) throw new Error(`template: no value ${key}`);
      return Array.isArray(value) ? [...(value as Inline[])] : [value as Inline];
    }
    return part.startsWith('**') ? [{ kind: 'strong', text: part.slice(2, -2) }] : [part];
  });
}

function plain(text: string, values: TemplateValues): string {
  return inlines(text, values)
    .map(i => (typeof i === 'string' ? i : i.text))
    .join('');
}
