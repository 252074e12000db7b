import { type Cause, causes, type Figures } from './figures.ts';

export type Part = { readonly cause: Cause; readonly change: number };

/**
 * The change of one figure by cause: `before + parts + remainder = after`, always. `remainder` is what several causes do together, or what
 * could not be told apart; `together` names them.
 */
export type FigureSplit = {
  readonly figure: string;
  readonly before: number;
  readonly after: number;
  readonly parts: readonly Part[];
  readonly remainder: number;
  readonly together: readonly Cause[];
};

/** Results with only one cause changed: `base` is the earlier run made again (null: as it stands), `alone` what each cause does to it. */
export type Reruns = { readonly base: Figures | null; readonly alone: ReadonlyMap<Cause, Figures> };

/** Causes that a run made again takes over with today's tool: they cannot be told apart by running again. */
const ofTool: readonly Cause[] = ['code', 'rules', 'law'];

/** Split every changed figure between two results. With one cause no further run is needed; with several, `reruns` tells them apart. */
export function splitChange(before: Figures, after: Figures, changed: readonly Cause[], reruns: Reruns | null): FigureSplit[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const out: FigureSplit[] = [];
  for (const figure of names) {
    const [a, b] = [before[figure] ?? 0, after[figure] ?? 0];
    const parts = partsOf(figure, a, b, changed, reruns).filter(p => p.change !== 0);
    if (a === b && parts.length === 0) continue;
    const remainder = b - a - parts.reduce((n, p) => n + p.change, 0);
    out.push({ figure, before: a, after: b, parts, remainder, together: remainder === 0 ? [] : changed });
  }
  return out;
}

function partsOf(figure: string, a: number, b: number, changed: readonly Cause[], reruns: Reruns | null): Part[] {
  if (changed.length === 1) return [{ cause: changed[0]!, change: b - a }];
  if (reruns === null) return [];
  const base = reruns.base === null ? a : (reruns.base[figure] ?? 0);
  const tool = changed.find(c => ofTool.includes(c));
  return causes.flatMap(cause => {
    if (cause === tool) return [{ cause, change: base - a }];
    const alone = reruns.alone.get(cause);
    return alone === undefined ? [] : [{ cause, change: (alone[figure] ?? 0) - base }];
  });
}

/** Several splits after one another as one: the parts of each cause add up. `steps` run from the earliest result to the latest. */
export function chain(steps: readonly (readonly FigureSplit[])[], first: Figures, last: Figures): FigureSplit[] {
  const names = [...new Set(steps.flatMap(s => s.map(x => x.figure)))].sort();
  return names.map(figure => {
    const own = steps.flatMap(s => s.filter(x => x.figure === figure));
    const parts = causes.flatMap(cause => {
      const change = own.reduce((n, x) => n + x.parts.filter(p => p.cause === cause).reduce((m, p) => m + p.change, 0), 0);
      return change === 0 ? [] : [{ cause, change }];
    });
    const remainder = own.reduce((n, x) => n + x.remainder, 0);
    const together = causes.filter(c => own.some(x => x.together.includes(c)));
    return { figure, before: first[figure] ?? 0, after: last[figure] ?? 0, parts, remainder, together };
  });
}
