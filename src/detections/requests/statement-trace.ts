import { MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { decodeStages } from '../signatures/stages.ts';
import type { SqlDialect } from '../sql/index.ts';
import { spanOf } from '../times.ts';
import type { Scored } from './judge.ts';
import { readLogDialects, staysLiteral } from './log-dialect.ts';

/**
 * What became of a payload in the database: part of a statement that ran, that failed over a value it had read (which the server's message
 * then names), that failed otherwise, or only a bound value (harmless).
 */
export type StatementFate = 'executed' | 'told' | 'failed' | 'bound';

const slackSeconds = 5;
/** A statement is looked for that long before a slow request was logged. */
const longestUs = 2 * MINUTE;
const maxStatements = 2_000_000;

type Statement = {
  readonly id: number;
  readonly text: string;
  readonly params: string | null;
  readonly failed: boolean;
  readonly message: string | null;
  readonly dialect: SqlDialect;
};

/** The statements of the database log by second, to look a request's payload up among those of its time. */
export class StatementTrace {
  private readonly bySecond: Map<number, Statement[]>;

  /** Events of the statements that a request's payload was found in. */
  readonly explained = new Set<number>();

  private constructor(bySecond: StatementTrace['bySecond']) {
    this.bySecond = bySecond;
  }

  static async read(engine: Engine, requests: readonly Scored[]): Promise<StatementTrace> {
    const bySecond: StatementTrace['bySecond'] = new Map();
    const { from, to } = spanOf(requests.map(r => r.atUs));
    if (from > to) return new StatementTrace(bySecond);
    const slack = slackSeconds * SECOND + Math.min(longestUs, Math.max(0, spanOf(requests.map(r => r.durationUs)).to));
    const dialects = await readLogDialects(engine);
    type Row = { event_id: number; file_no: number; at_us: number; sql_text: string; sql_params: string | null; failed: boolean; message: string | null };
    const rows = engine.stream<Row>(
      'detection.statements',
      sql`
      select event_id, file_no, at_us, sql_text, sql_params, err_code is not null and err_code <> '00000' as failed,
        case when err_code is not null then message end as message from event
      where class = 2 and sql_text is not null and at_us between ${Math.floor(from - slack)}::bigint and ${Math.ceil(to + slack)}::bigint
        and (sql_params is not null or regexp_matches(lower(sql_text), 'select|union|sleep|waitfor|case|and|or|--|;'))
      order by at_us, event_id limit ${maxStatements}`,
    );
    for await (const batch of rows) {
      for (const r of batch) {
        const second = Math.floor(r.at_us / SECOND);
        let list = bySecond.get(second);
        if (!list) bySecond.set(second, (list = []));
        list.push({ id: r.event_id, text: r.sql_text, params: r.sql_params, failed: r.failed, message: r.message, dialect: dialects.get(r.file_no) ?? 'any' });
      }
    }
    return new StatementTrace(bySecond);
  }

  /** The fate of one payload within a few seconds of its request; null when no statement shows it (or it is too short to tell). */
  find(request: Scored): StatementFate | null {
    if (this.bySecond.size === 0 || request.atUs === null || request.score.family !== 'sqli') return null;
    const { texts } = decodeStages(request.score.value, true);
    const needles = [...new Set(texts)].filter(t => t.length >= 8 && /[\s'"()=<>]/.test(t)).reverse();
    if (needles.length === 0) return null;
    const escaped = [...new Set(needles.flatMap(escapedForms))];
    const second = Math.floor(request.atUs / SECOND);
    let fate: StatementFate | null = null;
    for (const distance of nearFirst(Math.min(longestUs, request.durationUs ?? 0))) {
      for (const s of this.bySecond.get(second + distance) ?? []) {
        for (const n of needles) {
          if (s.text.includes(n)) {
            this.explained.add(s.id);
            if (staysLiteral(s.text, n, s.dialect)) fate ??= 'bound';
            else if (!s.failed) return 'executed';
            else if (namesValue(s)) fate = 'told';
            else if (fate !== 'told') fate = 'failed';
          } else if (fate === null && s.params !== null && s.params.includes(JSON.stringify(n).slice(1, -1))) fate = 'bound';
        }
        const inert = escaped.find(f => s.text.includes(f));
        if (inert !== undefined && staysLiteral(s.text, inert, s.dialect)) {
          this.explained.add(s.id);
          fate ??= 'bound';
        }
      }
      // A text that was only stored may run in another statement a moment later.
      if (fate !== null && fate !== 'bound') return fate;
    }
    return fate;
  }
}

/** How applications write a text into a literal so that it cannot leave it: quotes doubled, or with a backslash. */
function escapedForms(text: string): string[] {
  const forms = [text.replaceAll("'", "''"), text.replace(/[\\'"]/g, '\\$&'), text.replace(/[\\']/g, '\\$&')];
  return [...new Set(forms)].filter(f => f !== text);
}

/** Whether the server's message quotes something that stands nowhere in the statement, so that it must have come from the data. */
function namesValue(s: Statement): boolean {
  const quoted = s.message === null ? null : /["'](.+)["']/s.exec(s.message);
  return quoted !== null && quoted[1]!.length >= 3 && !s.text.toLowerCase().includes(quoted[1]!.toLowerCase());
}

/** Seconds around a stamp, the nearest first; where the request lasted, so much further on both sides: its stamp may be its start or its end. */
function nearFirst(lastedUs: number): number[] {
  const reach = slackSeconds + Math.ceil(lastedUs / SECOND);
  return Array.from({ length: 2 * reach + 1 }, (_, i) => (i % 2 === 0 ? i / 2 : -(i + 1) / 2));
}
