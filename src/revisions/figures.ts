/** Every published number of a result by its name (`figures.persons.executed.lower`), and what can change it. */
export type Figures = Readonly<Record<string, number>>;

/** What a result depends on. `code`: the tool itself; `linkage`: decisions on who is one person; `decision`: all other decisions. */
export const causes = ['evidence', 'dataset', 'case-file', 'rules', 'law', 'decision', 'linkage', 'code'] as const;
export type Cause = (typeof causes)[number];

/** Numbers below a node by their path; list items go by their id, role, element or elements. Columns of data sets are left out: they are no figures anybody publishes. */
export function figuresOf(exposure: unknown): Record<string, number> {
  const out: Record<string, number> = {};
  const walk = (value: unknown, at: string): void => {
    if (typeof value === 'number') {
      out[at] = value;
    } else if (Array.isArray(value)) {
      value.forEach((v: unknown, i) => {
        const o = (v ?? {}) as Record<string, unknown>;
        const name = o['id'] ?? o['role'] ?? o['element'] ?? (Array.isArray(o['elements']) ? (o['elements'] as string[]).join('+') : i);
        walk(v, `${at}.${String(name)}`);
      });
    } else if (value !== null && typeof value === 'object') {
      for (const [k, v] of Object.entries(value)) if (k !== 'columns' && k !== 'basis') walk(v, at === '' ? k : `${at}.${k}`);
    }
  };
  walk(exposure, '');
  return out;
}

/** Lower and upper of a figure as people name it: `persons.possible`, `records.executed`, `roles.policyholder.records`. Null when the result has no such figure. */
export function rangeOf(figures: Figures, name: string): { readonly lower: number; readonly upper: number } | null {
  for (const at of [name, `figures.${name}`]) {
    const one = figures[at];
    if (one !== undefined) return { lower: one, upper: one };
    const [lower, upper] = [figures[`${at}.lower`], figures[`${at}.upper`]];
    if (lower !== undefined && upper !== undefined) return { lower, upper };
  }
  return null;
}
