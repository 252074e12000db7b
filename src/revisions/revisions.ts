import { type CaseStore, decisions } from '../case/index.ts';
import { type Cause, type Figures, rangeOf } from './figures.ts';
import { changedCauses, type RunRecord, runs } from './run-record.ts';
import { chain, type FigureSplit, splitChange } from './split.ts';

/** A figure that was published, beside what it is today. */
export type PublishedFigure = {
  readonly seq: number;
  readonly figure: string;
  readonly unit: string;
  readonly scope: string;
  readonly published_on: string;
  readonly document: string;
  readonly withdrawn: boolean;
  readonly bounds: readonly PublishedBound[];
};
/** From the published bound to today's: `rounding` is what was published less what the run of that day says, then the parts by cause. */
export type PublishedBound = {
  readonly bound: 'lower' | 'upper';
  readonly published: number;
  readonly today: number | null;
  readonly rounding: number;
  readonly split: FigureSplit | null;
};

export type RunSummary = { readonly seq: number; readonly at: string; readonly version: string; readonly changed: readonly Cause[]; readonly figures: Figures };

export type Revisions = {
  readonly runs: readonly RunSummary[];
  readonly published: readonly PublishedFigure[];
  readonly from: number | null;
  readonly to: number | null;
  readonly splits: readonly FigureSplit[];
};

/** The runs of a case, its published figures against today, and what changed between two runs (the last two unless told). Only the journal is read. */
export function readRevisions(store: CaseStore, from: number | null = null, to: number | null = null): Revisions {
  const all = runs(store);
  const at = (seq: number | null, fallback: number): number => {
    const i = all.findIndex(r => r.seq === seq);
    return i >= 0 ? i : fallback;
  };
  const b = at(to, all.length - 1);
  const a = at(from, Math.max(0, b - 1));
  return {
    runs: all.map((r, i) => ({
      seq: r.seq,
      at: r.at,
      version: r.version,
      changed: i === 0 ? [] : changedCauses(all[i - 1]!, r),
      figures: headline(r.figures),
    })),
    published: publishedFigures(store, all),
    from: all[a]?.seq ?? null,
    to: all[b]?.seq ?? null,
    splits: all.length < 2 ? [] : between(all, Math.min(a, b), Math.max(a, b)),
  };
}

const headline = (figures: Figures): Figures => Object.fromEntries(Object.entries(figures).filter(([name]) => name.startsWith('figures.')));

/** Run after run: where one cause changed at a time, each change has its cause for certain. */
function between(all: readonly RunRecord[], a: number, b: number): FigureSplit[] {
  const steps = all.slice(a + 1, b + 1).map((r, i) => splitChange(all[a + i]!.figures, r.figures, changedCauses(all[a + i]!, r), null));
  return chain(steps, all[a]!.figures, all[b]!.figures).filter(s => s.before !== s.after || s.parts.length > 0);
}

function publishedFigures(store: CaseStore, all: readonly RunRecord[]): PublishedFigure[] {
  const today = all.at(-1);
  return decisions(store)
    .filter(d => d.kind === 'figure.published')
    .map(d => {
      const body = d.body as Record<string, string | number>;
      const name = String(body['figure']);
      const then = all.findLastIndex(r => r.seq < d.seq);
      const bounds = (['lower', 'upper'] as const).map((bound): PublishedBound => {
        const published = Number(body[bound]);
        const was = then < 0 ? null : rangeOf(all[then]!.figures, name);
        const is = today === undefined ? null : rangeOf(today.figures, name);
        const figure = then < 0 ? null : nameOf(all[then]!.figures, name, bound);
        const split = figure === null ? null : (between(all, then, all.length - 1).find(s => s.figure === figure) ?? null);
        return { bound, published, today: is === null ? null : is[bound], rounding: was === null ? 0 : was[bound] - published, split };
      });
      return {
        seq: d.seq,
        figure: name,
        unit: String(body['unit'] ?? ''),
        scope: String(body['scope'] ?? ''),
        published_on: String(body['published_on'] ?? ''),
        document: String(body['document'] ?? ''),
        withdrawn: d.withdrawnBy !== null,
        bounds,
      };
    });
}

function nameOf(figures: Figures, name: string, bound: 'lower' | 'upper'): string | null {
  return [name, `${name}.${bound}`, `figures.${name}`, `figures.${name}.${bound}`].find(x => figures[x] !== undefined) ?? null;
}
