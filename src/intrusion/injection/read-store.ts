import type { SqlDialect } from '../../detections/sql/index.ts';
import { type Form, fillForm, type Value } from './form.ts';
import type { InBand } from './in-band.ts';
import type { Asked, Unknown } from './template.ts';

/** One client at one point of one route: one object each, so that nothing long is compared again and again. */
export type Spot = {
  readonly no: number;
  readonly client: string;
  readonly route: string;
  readonly point: string;
  readonly at: string;
  readonly votes: Map<SqlDialect, number>;
};

/** What an event says about its answer. */
export type Answered = {
  readonly event_id: number;
  readonly status: number | null;
  readonly bytes_out: number | null;
  readonly duration_us: number | null;
  readonly gap_us?: number | null;
  readonly rows_out: number | null;
  readonly err_code: string | null;
  readonly target_length: number | null;
};
/** What a text of it asks and shows. */
export type Read = { readonly asked: Asked | null; readonly unknown: Unknown | null; readonly form: Form | null; readonly values: readonly Value[] };

const bits = 14;
const mask = (1 << bits) - 1;

/** Numbers by row; a piece of it is only there once a number in it is. NaN = not known. */
export type Column = { get(i: number): number; set(i: number, n: number): void };

export function createColumn(kind: 'double' | 'int'): Column {
  const pieces: (Float64Array | Int32Array | undefined)[] = [];
  const empty = kind === 'int' ? -1 : Number.NaN;
  return {
    get: i => {
      const piece = pieces[i >>> bits];
      return piece === undefined ? empty : piece[i & mask]!;
    },
    set: (i, n) => {
      const at = i >>> bits;
      let piece = pieces[at];
      if (piece === undefined) {
        if (kind === 'int' ? n === -1 : Number.isNaN(n)) return;
        pieces[at] = piece = kind === 'int' ? new Int32Array(mask + 1).fill(-1) : new Float64Array(mask + 1).fill(Number.NaN);
      }
      piece[i & mask] = n;
    },
  };
}

/** All reads, column by column: a blind injection is a million lines that differ in a few numbers. Whole numbers that are not known are -1. */
export class ReadStore {
  length = 0;
  readonly spots: Spot[] = [];
  readonly asks: Asked[] = [];
  readonly eventId = createColumn('double');
  readonly bytes = createColumn('double');
  readonly durationUs = createColumn('double');
  readonly gapUs = createColumn('double');
  readonly measuredUs = createColumn('double');
  readonly rowsOut = createColumn('double');
  readonly status = createColumn('int');
  /** Lengths that a page may reflect: decoded, HTML-escaped, as sent. */
  readonly reflected = [createColumn('int'), createColumn('int'), createColumn('int')] as const;
  readonly spot = createColumn('int');
  readonly asked = createColumn('int');
  readonly unknown = createColumn('int');
  readonly errCode = createColumn('int');
  readonly form = createColumn('int');
  private readonly firstValue = createColumn('int');
  private readonly values = createColumn('double');
  private valuesKept = 0;
  private readonly texts: string[] = [];
  private readonly textOf = new Map<string, number>();

  add(e: Answered, spot: Spot, read: Read, decoded: number, escaped: number): void {
    const i = this.length++;
    this.eventId.set(i, e.event_id);
    if (e.bytes_out !== null) this.bytes.set(i, e.bytes_out);
    if (e.duration_us !== null) this.durationUs.set(i, e.duration_us);
    if (e.gap_us !== null && e.gap_us !== undefined) this.gapUs.set(i, e.gap_us);
    if (e.rows_out !== null) this.rowsOut.set(i, e.rows_out);
    if (e.status !== null) this.status.set(i, e.status);
    if (e.err_code !== null) this.errCode.set(i, this.keepText(e.err_code));
    this.reflected[0].set(i, decoded);
    this.reflected[1].set(i, escaped);
    this.reflected[2].set(i, e.target_length ?? 0);
    this.spots[spot.no] = spot;
    this.spot.set(i, spot.no);
    if (read.asked) {
      this.asks[read.asked.no] = read.asked;
      this.asked.set(i, read.asked.no);
      this.unknown.set(i, read.unknown!.no);
    }
    if (!read.form) return;
    this.form.set(i, read.form.no);
    this.firstValue.set(i, this.valuesKept);
    for (const v of read.values) this.values.set(this.valuesKept++, typeof v === 'number' ? v : -1 - this.keepText(v));
  }

  private keepText(text: string): number {
    let n = this.textOf.get(text);
    if (n === undefined) {
      // a short text cut from a long one would keep all of it
      const own = Buffer.from(text).toString();
      this.textOf.set(own, (n = this.texts.length));
      this.texts.push(own);
    }
    return n;
  }

  number(column: Column, i: number): number | null {
    const n = column.get(i);
    return Number.isNaN(n) ? null : n;
  }

  statusOf(i: number): number | null {
    const n = this.status.get(i);
    return n < 0 ? null : n;
  }

  errCodeOf(i: number): string | null {
    return this.texts[this.errCode.get(i)] ?? null;
  }

  askedOf(i: number): Asked | null {
    return this.asks[this.asked.get(i)] ?? null;
  }

  /** The in-band statements of a read. */
  shown(form: Form | undefined, i: number): readonly InBand[] {
    if (form === undefined) return none;
    const first = this.firstValue.get(i);
    return fillForm(
      form,
      Array.from({ length: form.values }, (_, n): Value => {
        const v = this.values.get(first + n);
        return v >= 0 ? v : this.texts[-1 - v]!;
      }),
    );
  }
}

const none: readonly InBand[] = [];
