import { SECOND } from '../../base/index.ts';
import type { Statement } from '../replay/statements.ts';
import type { Request } from './requests.ts';

/** Clocks of the web server and the database agree no better than this. */
export const statementSlackUs = 1.5 * SECOND;

/** Statements by start time, for interval look-ups. */
export class StatementIndex {
  private readonly list: readonly Statement[];
  private readonly starts: Float64Array;
  constructor(statements: readonly Statement[]) {
    this.list = [...statements].sort((a, b) => a.loUs - b.loUs || a.eventId - b.eventId);
    this.starts = Float64Array.from(this.list, s => s.loUs);
  }

  get size(): number {
    return this.list.length;
  }

  /** How many statements began before a time. */
  before(us: number): number {
    let lo = 0;
    let hi = this.starts.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.starts[mid]! < us) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }

  within(fromUs: number, toUs: number): Statement[] {
    const out: Statement[] = [];
    for (let i = this.before(fromUs); i < this.list.length && this.starts[i]! <= toUs; i++) out.push(this.list[i]!);
    return out;
  }

  during(r: Pick<Request, 'loUs' | 'hiUs'>): Statement[] {
    return this.within(r.loUs - statementSlackUs, r.hiUs + statementSlackUs);
  }
}
