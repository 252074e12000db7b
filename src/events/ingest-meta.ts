/** Lines of one kind that no parser took. `shape` has letters and digits replaced, so that it holds nobody's data. */
export type Cluster = {
  readonly reason: string;
  readonly shape: string;
  readonly line: number;
  readonly byte: number;
  count: number;
};

export type Facts = Readonly<Record<string, string | number>>;

/** What one part of a file held. `lines` = `parsed` + `unparsed`; blank lines and directives count as parsed. */
export type PartMeta = {
  readonly part: number;
  readonly rows: number;
  readonly lines: number;
  readonly parsed: number;
  readonly unparsed: number;
  readonly firstUs: number | null;
  readonly lastUs: number | null;
  readonly clusters: readonly Cluster[];
  /** NUL bytes in runs at line starts (a file that a crash left sparse), and the first line that has one. */
  readonly nulBytes: number;
  readonly nulLine: number | null;
  /** The last line has no line end. */
  readonly openEnd: boolean;
  readonly facts: Facts;
};

/** Sums and bounds over all parts of a file. */
export type FileTotals = Omit<PartMeta, 'part'> & { readonly parts: readonly { readonly part: number; readonly rows: number }[] };

const maxClusters = 64;

/** Put parts, ordered, together. */
export function totalOf(parts: readonly PartMeta[]): FileTotals {
  const clusters = new ClusterSet();
  for (const p of parts) for (const c of p.clusters) clusters.merge(c);
  const facts: Record<string, string | number> = {};
  for (const p of parts) {
    for (const [name, value] of Object.entries(p.facts)) {
      const known = facts[name];
      facts[name] = typeof value === 'number' && typeof known === 'number' ? known + value : value;
    }
  }
  const sum = (f: (p: PartMeta) => number): number => parts.reduce((n, p) => n + f(p), 0);
  const firsts = parts.flatMap(p => (p.firstUs === null ? [] : [p.firstUs]));
  const lasts = parts.flatMap(p => (p.lastUs === null ? [] : [p.lastUs]));
  return {
    rows: sum(p => p.rows),
    lines: sum(p => p.lines),
    parsed: sum(p => p.parsed),
    unparsed: sum(p => p.unparsed),
    firstUs: firsts.length === 0 ? null : firsts.reduce((a, b) => Math.min(a, b)),
    lastUs: lasts.length === 0 ? null : lasts.reduce((a, b) => Math.max(a, b)),
    clusters: clusters.list(),
    nulBytes: sum(p => p.nulBytes),
    nulLine: parts.find(p => p.nulLine !== null)?.nulLine ?? null,
    openEnd: parts.at(-1)?.openEnd ?? false,
    facts,
    parts: parts.filter(p => p.rows > 0).map(p => ({ part: p.part, rows: p.rows })),
  };
}

/** Unread lines by reason and shape; beyond 64 kinds the rest is one kind, `other`. */
export class ClusterSet {
  private readonly byKey = new Map<string, Cluster>();

  add(reason: string, bytes: Uint8Array, from: number, to: number, line: number, byte: number): void {
    this.merge({ reason, shape: shapeOf(bytes, from, to), line, byte, count: 1 });
  }

  merge(c: Cluster): void {
    let key = `${c.reason} ${c.shape}`;
    let known = this.byKey.get(key);
    if (!known && this.byKey.size >= maxClusters) {
      key = 'other';
      known = this.byKey.get(key);
    }
    if (known) known.count += c.count;
    else this.byKey.set(key, { ...c, ...(key === 'other' && { reason: 'other', shape: '' }) });
  }

  list(): Cluster[] {
    return [...this.byKey.values()];
  }
}

/** The first 48 bytes with runs of letters as `a`, digits as `9`, other bytes beyond ASCII or controls as `?`. */
function shapeOf(bytes: Uint8Array, from: number, to: number): string {
  let shape = '';
  for (let i = from; i < Math.min(to, from + 48) && shape.length < 24; i++) {
    const b = bytes[i]!;
    const c = b >= 0x30 && b <= 0x39 ? '9' : (b | 32) >= 0x61 && (b | 32) <= 0x7a ? 'a' : b < 0x20 || b > 0x7e ? '?' : String.fromCharCode(b);
    if (!(shape.endsWith(c) && (c === 'a' || c === '9' || c === '?' || c === ' '))) shape += c;
  }
  return shape;
}
