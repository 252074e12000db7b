import type { RouteSpec } from '../../case/index.ts';
import { readingOf } from '../replay/statements.ts';
import type { Binding, RouteRead } from './binding.ts';
import type { Request } from './requests.ts';

export type StatedRoutes = { readonly reads: readonly RouteRead[]; readonly unreadable: readonly string[]; apply(r: Request): Request };

/** Routes of the case file: what people know about the application overrides what is learned. `:name` takes the path segment `{name}` or the query parameter. */
export function statedRoutes(specs: readonly RouteSpec[]): StatedRoutes {
  const reads: RouteRead[] = [];
  const unreadable: string[] = [];
  const patterns: { method: string; segments: readonly string[]; shape: string }[] = [];
  for (const spec of specs) {
    const segments = spec.path.split('?')[0]!.split('/');
    const shape = segments.map(s => (/^\{.+\}$/.test(s) ? '{}' : s)).join('/');
    const route = `${spec.method.toUpperCase()} ${shape}`;
    const names: string[] = [];
    const sqlText = spec.reads.replace(/(?<![:\w]):([A-Za-z_]\w*)/g, (_, name: string) => {
      if (!names.includes(name)) names.push(name);
      return `$${names.indexOf(name) + 1}`;
    });
    const read = readingOf(sqlText);
    if ('none' in read) {
      unreadable.push(route);
      continue;
    }
    const bindings = read.slots.map((s): Binding => {
      if (s.kind === 'literal') return { from: 'constant', value: s.value };
      const name = names[s.number - 1];
      if (name === undefined) return { from: 'free' };
      const at = segments.indexOf(`{${name}}`);
      return { from: 'request', name: at >= 0 ? `path.${at}` : name, before: '', after: '' };
    });
    patterns.push({ method: spec.method.toUpperCase(), segments, shape });
    reads.push({ route, read, bindings, concatenations: [], support: 1, learnedFrom: 0, source: 'case-file', parameters: true });
  }
  const apply = (r: Request): Request => {
    const segments = r.path.split('/');
    for (const p of patterns) {
      if (p.method !== r.method || p.segments.length !== segments.length) continue;
      if (!p.segments.every((s, i) => /^\{.+\}$/.test(s) || s === segments[i])) continue;
      const values = new Map(r.values);
      p.segments.forEach((s, i) => {
        if (/^\{.+\}$/.test(s)) values.set(`path.${i}`, decode(segments[i]!));
      });
      return { ...r, shape: p.shape, values };
    }
    return r;
  };
  return { reads, unreadable, apply };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
