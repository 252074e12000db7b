import { type Micros, parseDuration, UserError } from '../base/index.ts';

export const scenarioNames = [
  'id-enumeration',
  'mass-export',
  'sqli-union',
  'sqli-boolean',
  'sqli-time',
  'sqli-error',
  'sqli-stacked',
  'credential-stuffing',
  'password-spray',
  'slow-scrape',
  'web-shell',
  'path-traversal',
  'db-dump',
  'full-chain',
  'benign',
  'indicator-subsystem',
  'pet-insurance',
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export const webFormats = ['nginx-combined', 'apache-combined', 'nginx-timed', 'iis-w3c', 'aws-alb', 'aws-cloudfront', 'haproxy', 'jsonl'] as const;
export type WebFormat = (typeof webFormats)[number];
export const databaseFormats = ['pg-csvlog', 'pg-jsonlog', 'mysql-general', 'none'] as const;
export type DatabaseFormat = (typeof databaseFormats)[number];
export const dialects = ['postgresql', 'mysql', 'mssql', 'oracle', 'sqlite'] as const;
export type Dialect = (typeof dialects)[number];
export const strategies = ['bisection', 'sets', 'length-first', 'bits', 'prefix'] as const;
export type Strategy = (typeof strategies)[number];
export const tampers = ['none', 'between', 'randomcase', 'space2comment', 'double-encoding', 'base64'] as const;
/** Dresses that no seed draws by itself: they are asked for. */
export const rareTampers = ['triple-encoding', 'json', 'percent-u', 'base64url', 'greatest', 'versioned', 'newlines'] as const;
export type Tamper = (typeof tampers)[number] | (typeof rareTampers)[number];
/** Where in the request a payload travels. */
export const carriers = ['parameter', 'path', 'referer', 'user-agent', 'forwarded', 'cookie'] as const;
export type Carrier = (typeof carriers)[number];
/** How a condition is joined to the application's statement, and what its two answers look like. */
export const vectors = ['and', 'or-not', 'case', 'failing'] as const;
export type Vector = (typeof vectors)[number];

/** Everything a drill can be asked for. What is left out is chosen by scenario and seed. */
export type DrillOptions = {
  readonly scenario: ScenarioName;
  /** Folder to write; must not exist or be empty. */
  readonly out: string;
  readonly seed?: number;
  /** Share of the full-size world (1.0: 50,000 customers, 250,000 log lines; for the reference incidents the published numbers). */
  readonly scale?: number;
  readonly format?: WebFormat;
  readonly database?: DatabaseFormat;
  /** What the web log's clock shows minus true time. */
  readonly clockSkewUs?: Micros;
  /** Share of log lines that are missing, of each log. */
  readonly loseLines?: number;
  /** Share of blind answers whose logged size or time is that of the other answer. */
  readonly flipAnswers?: number;
  /** One file a day. */
  readonly rotate?: boolean;
  /** One of the rotated web files is gone. Implies rotate. */
  readonly rotationLoss?: boolean;
  /** Logs are gzip files (with rotate: all but the newest). */
  readonly gzip?: boolean;
  /** From the end of the logs to the snapshot; data changes in between and, then, while the logs run. */
  readonly snapshotDelayUs?: Micros;
  /** A copy of every table from before the incident too; with a later snapshot what differs was changed in between. */
  readonly firstSnapshot?: boolean;
  readonly days?: number;
  /** About this many web log lines from people who do no harm. */
  readonly lines?: number;
  /** Blind readings stop in the middle of a value: cut off or given up. */
  readonly interrupted?: boolean;
  /** Search terms (and injections into them) travel in POST bodies, which no web log holds. */
  readonly bodies?: boolean;
  /** The case file tells what people know: the intruder's addresses (not a shared one) and the accounts used (facts.attacker_ips, facts.compromised_accounts). */
  readonly tell?: boolean;
  /** pgaudit.log_rows. */
  readonly auditRows?: boolean;
  /** How values are asked for in blind injections. */
  readonly dialect?: Dialect;
  readonly strategy?: Strategy;
  readonly tamper?: Tamper;
  readonly threads?: number;
  readonly carrier?: Carrier;
  readonly vector?: Vector;
  /** UNION: the whole table in one value, made by an aggregate function. */
  readonly oneShot?: boolean;
  /** UNION without trying how many columns there are. */
  readonly knowsWidth?: boolean;
  /** Answers are compressed: their logged sizes follow their length loosely only. */
  readonly compressed?: boolean;
  /** Payloads that would send values by name server or web request; whether they arrive no log of ours shows. */
  readonly outOfBand?: boolean;
  /** The intruder also comes from the address of an office full of innocents. */
  readonly sharedAddress?: boolean;
  /** Rows a blind injection goes for. */
  readonly targetRows?: number;
  /** Write truth/cells.csv; default true unless more than 5 million cells are to be expected. */
  readonly cells?: boolean;
  readonly title?: { readonly ja: string; readonly en: string };
};

function oneOf<T extends string>(list: readonly T[], value: string, option: string): T {
  if ((list as readonly string[]).includes(value)) return value as T;
  throw new UserError('drills.bad-choice', { option, value, allowed: list.join(' ') });
}

function number(text: string, option: string, lo: number, hi: number): number {
  const n = Number(text);
  if (!(n >= lo && n <= hi)) throw new UserError('drills.bad-number', { option, value: text, lo, hi });
  return n;
}

function duration(text: string, option: string): Micros {
  const us = parseDuration(text);
  if (us === null) throw new UserError('drills.bad-duration', { option, value: text });
  return us;
}

/** Options as the command line gives them (all texts; camelCase or kebab-case names). Throws UserError for what cannot be. */
export function readOptions(raw: Readonly<Record<string, string | boolean | undefined>>): DrillOptions {
  const get = (name: string): string | undefined => {
    const v = raw[name] ?? raw[name.replace(/-(.)/g, (_, c: string) => c.toUpperCase())];
    return v === undefined || v === false ? undefined : String(v);
  };
  const use = <T>(name: string, read: (text: string) => T): T | undefined => {
    const text = get(name);
    return text === undefined ? undefined : read(text);
  };
  const scenario = get('scenario');
  const out = get('out');
  if (scenario === undefined) throw new UserError('drills.missing-option', { option: '--scenario', allowed: scenarioNames.join(' ') });
  if (out === undefined) throw new UserError('drills.missing-option', { option: '--out', allowed: 'DIR' });
  const options: { [K in keyof DrillOptions]: DrillOptions[K] | undefined } = {
    scenario: oneOf(scenarioNames, scenario, '--scenario'),
    out,
    seed: use('seed', t => number(t, '--seed', 0, 2 ** 31)),
    scale: use('scale', t => number(t, '--scale', 1e-6, 10)),
    format: use('format', t => oneOf(webFormats, t, '--format')),
    database: use('database', t => oneOf(databaseFormats, t, '--database')),
    clockSkewUs: use('clock-skew', t => duration(t, '--clock-skew')),
    loseLines: use('lose-lines', t => number(t, '--lose-lines', 0, 0.9)),
    flipAnswers: use('flip-answers', t => number(t, '--flip-answers', 0, 0.5)),
    rotate: use('rotate', () => true),
    rotationLoss: use('rotation-loss', () => true),
    gzip: use('gzip', () => true),
    snapshotDelayUs: use('snapshot-delay', t => duration(t, '--snapshot-delay')),
    days: use('days', t => number(t, '--days', 1, 366)),
    lines: use('lines', t => number(t, '--lines', 0, 1e9)),
    auditRows: use('audit-rows', () => true),
    tell: use('tell', () => true),
    bodies: use('bodies', () => true),
    interrupted: use('interrupted', () => true),
    dialect: use('dialect', t => oneOf(dialects, t, '--dialect')),
    strategy: use('strategy', t => oneOf(strategies, t, '--strategy')),
    tamper: use('tamper', t => oneOf([...tampers, ...rareTampers], t, '--tamper')),
    carrier: use('carrier', t => oneOf(carriers, t, '--carrier')),
    vector: use('vector', t => oneOf(vectors, t, '--vector')),
    firstSnapshot: use('first-snapshot', () => true),
    oneShot: use('one-shot', () => true),
    knowsWidth: use('knows-width', () => true),
    compressed: use('compressed', () => true),
    outOfBand: use('out-of-band', () => true),
    threads: use('threads', t => number(t, '--threads', 1, 32)),
    sharedAddress: use('shared-address', () => true),
    targetRows: use('target-rows', t => number(t, '--target-rows', 1, 10000)),
    cells: use('cells', t => t !== 'false'),
    title: undefined,
  };
  return Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)) as unknown as DrillOptions;
}
