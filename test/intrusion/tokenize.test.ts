import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldConstants, type SqlDialect, statementShape, tokenizeSql } from '../../src/detections/sql/index.ts';

const dialects: readonly SqlDialect[] = ['any', 'postgresql', 'mysql', 'mssql', 'oracle', 'sqlite'];
const values = (text: string, dialect: SqlDialect = 'any', inside: "'" | '"' | '' = ''): string[] =>
  tokenizeSql(text, { dialect, inside }).map(t => `${t.kind}:${t.value}`);

describe('SQL tokens', () => {
  it('are in order, do not overlap, and leave out white space only, for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 200 }),
          fc.string({ unit: 'binary', maxLength: 80 }),
          fc
            .array(
              fc.constantFrom(
                "'",
                '"',
                '`',
                '[',
                ']',
                '$a$',
                '$$',
                '/*',
                '*/',
                '/*!50000',
                '--',
                '#',
                '0x',
                "q'[",
                "E'",
                '\\',
                '1e',
                '.',
                '@@',
                ':',
                '?',
                '\n',
                'x',
              ),
              { maxLength: 60 },
            )
            .map(a => a.join('')),
        ),
        fc.constantFrom(...dialects),
        (text, dialect) => {
          let at = 0;
          for (const t of tokenizeSql(text, { dialect, comments: true })) {
            expect(t.start).toBeGreaterThanOrEqual(at);
            expect(t.end).toBeGreaterThan(t.start);
            expect(/[a-z']/i.test(text.slice(at, t.start).replace(/\/\*M?!\d*/g, ''))).toBe(false);
            at = t.end;
          }
          foldConstants(tokenizeSql(text, { dialect }));
        },
      ),
      { numRuns: 1500, seed: 9 },
    );
  });

  it('read quotes, escapes and comments as each dialect does', () => {
    expect(values('\'it\'\'s\' "a""b"')).toEqual(["string:it's", 'name:a"b']);
    expect(values("'a\\'b'", 'mysql')).toEqual(["string:a'b"]);
    expect(values("'a\\' b", 'postgresql')).toEqual(['string:a\\', 'word:B']);
    expect(values("q'[it's]' N'x' $t$a'b$t$ [us er]")).toEqual(["string:it's", 'string:x', "string:a'b", 'name:us er']);
    expect(values('1 /*!50000UNION*/ /* no */ SELECT 2 -- x')).toEqual(['number:1', 'word:UNION', 'word:SELECT', 'number:2']);
    expect(values('1--1', 'mysql')).toEqual(['number:1', 'operator:-', 'operator:-', 'number:1']);
    expect(values('a #> b', 'postgresql')).toEqual(['word:A', 'operator:#>', 'word:B']);
    expect(values("x%' AND 'z%'='z", 'any', "'")).toEqual(['string:x%', 'word:AND', 'string:z%', 'operator:=', 'string:z']);
  });

  it('fold spelled-out constants', () => {
    const fold = (text: string): string[] => foldConstants(tokenizeSql(text)).map(t => t.value);
    expect(fold("CHR(113)||CHR(98)||'c'")).toEqual(['qbc']);
    expect(fold("CONCAT(0x7162,'a') = CHAR(65,66)")).toEqual(['qba', '=', 'AB']);
    expect(fold("(('x'))")).toEqual(['x']);
    expect(statementShape(tokenizeSql("select a from t where id = 5 and b = 'x'"))).toBe(
      statementShape(tokenizeSql("SELECT a  FROM t WHERE id=77 AND b='yy'")),
    );
  });
});
