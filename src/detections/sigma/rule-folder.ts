import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../base/index.ts';
import { applyFilters, type ReadRules, readRules } from './rule.ts';
import type { Placeholders } from './search.ts';

/** Every rule below a folder (`*.yml`, `*.yaml`; not `*.test.yml`), filters applied, in order of path. Names of files are relative to the folder. */
export function readRuleFolder(folder: string, placeholders: Placeholders = {}): ReadRules {
  if (!fs.existsSync(folder)) throw new UserError('detections.no-rules', { path: folder });
  const files = fs.statSync(folder).isDirectory() ? walk(folder, '') : [''];
  const all = files.map(f => readRules(fs.readFileSync(path.join(folder, f), 'utf8'), f === '' ? path.basename(folder) : f, placeholders));
  const filters = all.flatMap(a => a.filters);
  return {
    rules: applyFilters(
      all.flatMap(a => a.rules),
      filters,
    ),
    correlations: all.flatMap(a => a.correlations),
    filters,
    unsupported: all.flatMap(a => a.unsupported),
  };
}

function walk(root: string, below: string): string[] {
  const entries = fs.readdirSync(path.join(root, below), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap(e => {
    const file = below === '' ? e.name : `${below}/${e.name}`;
    if (e.isDirectory()) return walk(root, file);
    return /\.ya?ml$/.test(e.name) && !/\.test\.ya?ml$/.test(e.name) ? [file] : [];
  });
}
