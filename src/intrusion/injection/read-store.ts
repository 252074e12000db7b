import type { SqlDialect } from '../../detections/sql/index.ts';
import type { Question } from './condition.ts';
import type { Reading } from './constraint.ts';
import type { InBand } from './in-band.ts';
import type { Probe } from './oracle.ts';
import type { Expr } from './syntax.ts';
import type { Asked } from './template.ts';

/** One client at one point of one route: one object each, so that nothing long is compared again and again. */
export type Spot = { readonly client: string; readonly route: string; readonly point: string; readonly at: string; readonly votes: Map<SqlDialect, number> };

/** What is known of one text of one event once it was read. */
export type Read = {
  readonly eventId: number;
  readonly atUs: number;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly durationUs: number | null;
  readonly gapUs: number | null;
  readonly rowsOut: number | null;
  readonly errCode: string | null;
  /** Lengths that a page may reflect: decoded, HTML-escaped, as sent. */
  readonly reflected: readonly number[];
  readonly spot: Spot;
  readonly asked: Asked | null;
  readonly unknown: Expr | null;
  readonly key: string;
  readonly inBand: readonly InBand[];
};

const numbers = ['eventId', 'atUs', 'status', 'bytes', 'durationUs', 'gapUs', 'measuredUs', 'rowsOut', 'decoded', 'escaped', 'sent'] as const;
type NumberName = (typeof numbers)[number];
const first = 1 << 12;
const orNull = (n: number): number | null => (Number.isNaN(n) ? null : n);

/** All reads, column by column: a blind injection is a million lines that differ in a few numbers. */
export class ReadStore {
  length = 0;
  readonly spots: Spot[] = [];
  readonly asked: (Asked | null)[] = [];
  readonly unknowns: (Expr | null)[] = [];
  readonly keys: string[] = [];
  readonly inBand: (readonly InBand[])[] = [];
  readonly errCodes: (string | null)[] = [];
  readonly columns = Object.fromEntries(numbers.map(n => [n, new Float64Array(first)])) as Record<NumberName, Float64Array>;

  add(r: Read): void {
    const i = this.length++;
    if (i === this.columns.eventId.length) {
      for (const n of numbers) {
        const grown = new Float64Array(i * 2);
        grown.set(this.columns[n]);
        this.columns[n] = grown;
      }
    }
    const c = this.columns;
    c.eventId[i] = r.eventId;
    c.atUs[i] = r.atUs;
    c.status[i] = r.status ?? Number.NaN;
    c.bytes[i] = r.bytes ?? Number.NaN;
    c.durationUs[i] = r.durationUs ?? Number.NaN;
    c.gapUs[i] = r.gapUs ?? Number.NaN;
    c.measuredUs[i] = Number.NaN;
    c.rowsOut[i] = r.rowsOut ?? Number.NaN;
    c.decoded[i] = r.reflected[0]!;
    c.escaped[i] = r.reflected[1]!;
    c.sent[i] = r.reflected[2]!;
    this.spots.push(r.spot);
    this.asked.push(r.asked);
    this.unknowns.push(r.unknown);
    this.keys.push(r.key);
    this.inBand.push(r.inBand);
    this.errCodes.push(r.errCode);
  }

  number(name: NumberName, i: number): number | null {
    return orNull(this.columns[name][i]!);
  }

  reflected(i: number): number[] {
    const c = this.columns;
    return [c.decoded[i]!, c.escaped[i]!, c.sent[i]!];
  }
}

/** A read that asks a yes-or-no question, as a window on its place in the store. */
export class StoredProbe implements Probe {
  readonly dialect: SqlDialect;
  readonly reading: Reading | null;
  private readonly store: ReadStore;
  private readonly i: number;
  private readonly useMeasured: boolean;

  constructor(store: ReadStore, i: number, dialect: SqlDialect, reading: Reading | null, useMeasured: boolean) {
    this.store = store;
    this.i = i;
    this.dialect = dialect;
    this.reading = reading;
    this.useMeasured = useMeasured;
  }

  get eventId(): number {
    return this.store.columns.eventId[this.i]!;
  }
  get atUs(): number {
    return this.store.columns.atUs[this.i]!;
  }
  get client(): string {
    return this.store.spots[this.i]!.client;
  }
  get point(): string {
    return this.store.spots[this.i]!.at;
  }
  get question(): Question {
    return this.store.asked[this.i]!.question;
  }
  get vector(): string {
    return this.store.asked[this.i]!.vector;
  }
  get key(): string {
    return this.store.keys[this.i]!;
  }
  get status(): number | null {
    return this.store.number('status', this.i);
  }
  get bytes(): number | null {
    return this.store.number('bytes', this.i);
  }
  get reflected(): readonly number[] {
    return this.store.reflected(this.i);
  }
  get durationUs(): number | null {
    return this.store.number('durationUs', this.i);
  }
  get gapUs(): number | null {
    return this.store.number('gapUs', this.i) ?? (this.useMeasured ? this.store.number('measuredUs', this.i) : null);
  }
  get rowsOut(): number | null {
    return this.store.number('rowsOut', this.i);
  }
  get errCode(): string | null {
    return this.store.errCodes[this.i]!;
  }
}
