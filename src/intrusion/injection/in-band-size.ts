/**
 * Size as proof for in-band answers: bytes = constant + overhead of a row × rows + what is shown. The constant and the overhead are not known; they must come out the
 * same over answers of different lengths, and the answers must grow as fast as what they show. A page of constant size, or a compressed one, proves nothing.
 */
export type Sized = {
  readonly bytes: number;
  /** Bytes of the text that is shown, and how many rows carry it. */
  readonly length: number;
  readonly rows: number;
  /** A test of the vector, whose text is known; or an answer with nothing in it. */
  readonly calibration: boolean;
};

export type SizeProof = 'size' | 'size-series' | 'size-compressed';
export type SizeVerdict = { readonly residual: number | null; readonly proof: SizeProof | null };
/** What the answers of a vector have in common, besides what they show; null when nothing was found. */
export type SizeModel = ({ readonly how: 'series' | 'calibration' } & Fit) | { readonly how: 'compressed'; readonly ratio: number } | null;
export type SizeFit = {
  readonly model: SizeModel;
  readonly proven: number;
  readonly results: readonly SizeVerdict[];
  readonly rowOverhead: number | null;
  readonly ratio: number | null;
};

/** Pages vary by a few bytes of their own: a token, a time. */
const jitter = 4;
const most = 2000;

/** Answers of one vector against what they would show. */
export function fitSizes(points: readonly Sized[]): SizeFit {
  const series = fitSeries(points);
  const base = series ? null : fitCalibration(points);
  const ratio = series || base ? null : fitCompressed(points);
  const model: SizeModel = series
    ? { ...series, how: 'series' }
    : base
      ? { ...base, how: 'calibration' }
      : ratio === null
        ? null
        : { how: 'compressed', ratio };
  const results = points.map(p => judgeSize(model, p));
  const proven = ratio !== null ? 0.01 : results.reduce((n, r) => n + (r.proof ? 1 + 1 / (1 + Math.abs(r.residual!)) : 0), 0);
  return { model, results, proven, ratio, rowOverhead: series?.overhead ?? base?.overhead ?? null };
}

/** What the size of one answer proves. */
export function judgeSize(model: SizeModel, p: Sized): SizeVerdict {
  if (!model) return { residual: null, proof: null };
  if (model.how === 'compressed') return { residual: null, proof: p.calibration ? null : 'size-compressed' };
  const residual = p.bytes - p.length - model.overhead * p.rows - model.constant;
  const tolerance = model.how === 'series' ? jitter : Math.max(jitter, 0.003 * p.length);
  // told apart from a page that shows nothing, or the text of the test again
  const telling = model.how === 'series' || Math.abs(p.length + model.overhead * p.rows - model.against) > 2 * tolerance;
  return { residual, proof: Math.abs(residual) <= tolerance && telling && !p.calibration ? (model.how === 'series' ? 'size-series' : 'size') : null };
}

type Fit = { readonly constant: number; readonly overhead: number; readonly against: number };

function fitSeries(points: readonly Sized[]): Fit | null {
  if (points.length < 3) return null;
  let best: (Fit & { support: number }) | null = null;
  for (const overhead of overheads(points)) {
    const rest = points.map(p => p.bytes - p.length - overhead * p.rows);
    const { centre, support } = densest(rest);
    if (support < Math.max(3, 0.6 * points.length) || (best && support <= best.support)) continue;
    const near = points.filter((_, i) => Math.abs(rest[i]! - centre) <= 16 * jitter);
    if (!growsAlike(near, overhead)) continue;
    best = { constant: centre, overhead, against: 0, support };
  }
  return best;
}

/** Row overheads that two answers of different row counts agree on; 0 alone where all have one count, because the constant holds it then. */
function overheads(points: readonly Sized[]): number[] {
  const votes = new Map<number, number>();
  const sample = points.length <= 60 ? points : points.filter((_, i) => i % Math.ceil(points.length / 60) === 0);
  for (const [i, a] of sample.entries())
    for (const b of sample.slice(0, i)) {
      const rows = a.rows - b.rows;
      if (rows === 0) continue;
      const r = Math.round((a.bytes - a.length - (b.bytes - b.length)) / rows);
      if (r >= 0 && r <= most) votes.set(r, (votes.get(r) ?? 0) + 1);
    }
  if (votes.size === 0) return [0];
  return [...votes]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, 8)
    .map(v => v[0]);
}

/** The value with most others within the jitter. */
function densest(values: readonly number[]): { centre: number; support: number } {
  const sorted = [...values].sort((a, b) => a - b);
  let best = { centre: sorted[0]!, support: 0 };
  for (let i = 0, j = 0; i < sorted.length; i++) {
    while (sorted[i]! - sorted[j]! > jitter) j++;
    if (i - j + 1 > best.support) best = { centre: (sorted[i]! + sorted[j]!) / 2, support: i - j + 1 };
  }
  return best;
}

/** Slope of the bytes over what is shown: one, and told apart from none and from that of a compressed page. */
function growsAlike(points: readonly Sized[], overhead: number): boolean {
  const line = regress(points.map(p => [p.length, p.bytes - overhead * p.rows] as const));
  const rows = new Set(points.map(p => p.rows)).size;
  // as many unknowns as answers would fit anything
  if (!line || points.length < (rows > 1 ? 4 : 3) || new Set(points.map(p => p.length)).size < 2) return false;
  return Math.abs(line.slope - 1) <= 0.08 + 2 * line.error && line.error <= 0.12;
}

function regress(points: readonly (readonly [number, number])[]): { slope: number; error: number; explained: number } | null {
  const n = points.length;
  const mx = points.reduce((s, p) => s + p[0], 0) / n;
  const my = points.reduce((s, p) => s + p[1], 0) / n;
  const sxx = points.reduce((s, p) => s + (p[0] - mx) ** 2, 0);
  const syy = points.reduce((s, p) => s + (p[1] - my) ** 2, 0);
  if (n < 3 || sxx === 0) return null;
  const slope = points.reduce((s, p) => s + (p[0] - mx) * (p[1] - my), 0) / sxx;
  const left = points.reduce((s, p) => s + (p[1] - my - slope * (p[0] - mx)) ** 2, 0);
  return { slope, error: Math.sqrt(left / (n - 2) / sxx), explained: syy === 0 ? 0 : 1 - left / syy };
}

/** A test of the vector, or an answer with nothing in it, gives the constant; only for one row count, or the overhead stays open. */
function fitCalibration(points: readonly Sized[]): Fit | null {
  const tests = points.filter(p => p.calibration && p.rows > 0).sort((a, b) => a.bytes - a.length - (b.bytes - b.length));
  const test = tests[Math.floor(tests.length / 2)];
  if (!test || points.some(p => p.rows !== test.rows && !p.calibration)) return null;
  return { constant: test.bytes - test.length, overhead: 0, against: test.length };
}

/** A compressed page grows with what it shows, but slower; null unless that is plain. */
function fitCompressed(points: readonly Sized[]): number | null {
  const line = regress(points.map(p => [p.length, p.bytes] as const));
  if (!line || points.length < 5) return null;
  const [least, greatest] = points.reduce(([lo, hi], p) => [Math.min(lo, p.length), Math.max(hi, p.length)], [Number.POSITIVE_INFINITY, 0]);
  return greatest! - least! >= 200 && line.explained >= 0.95 && line.slope >= 0.05 && line.slope <= 0.9 ? Math.round(line.slope * 1000) / 1000 : null;
}
