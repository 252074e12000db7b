import { describe, expect, it } from 'vitest';
import { staysLiteral, withoutLiterals } from '../../src/detections/requests/log-dialect.ts';

describe('what stands inside a text literal is not SQL', () => {
  it('stays: escaped or in a literal of another quote; leaves: a quote that ends the literal', () => {
    const tried = "x' UNION SELECT 1-- ";
    expect(staysLiteral(`SELECT a FROM t WHERE n = '${tried.replace("'", "''")}'`, tried.replace("'", "''"), 'postgresql')).toBe(true);
    expect(staysLiteral(`SELECT a FROM t WHERE n = '${tried.replace("'", "\\'")}'`, tried.replace("'", "\\'"), 'mysql')).toBe(true);
    expect(staysLiteral(`SELECT a FROM t WHERE n = '${tried}'`, tried, 'mysql')).toBe(false);
    expect(staysLiteral(`SELECT a FROM t WHERE n = '1" AND 1=1'`, '1" AND 1=1', 'mysql')).toBe(true);
  });
  it('a backslash protects in MySQL only; of an unknown dialect nothing is said', () => {
    const tried = "\\' or 1=1-- ";
    const statement = `SELECT a FROM t WHERE n = '${tried}'`;
    expect(staysLiteral(statement, tried, 'mysql')).toBe(true);
    expect(staysLiteral(statement, tried, 'postgresql')).toBe(false);
    expect(staysLiteral(`SELECT a FROM t WHERE n = '${tried} and '''`, tried, 'any')).toBe(false);
  });
  it('without its literals a statement shows what was executed', () => {
    expect(withoutLiterals("SELECT a FROM t WHERE n LIKE '%1\\' AND SLEEP(5)-- -%' LIMIT 10", 'mysql')).toBe("SELECT a FROM t WHERE n LIKE '' LIMIT 10");
    expect(withoutLiterals("SELECT a FROM t WHERE n LIKE '%1' AND SLEEP(5)-- -%'", 'mysql')).toBe("SELECT a FROM t WHERE n LIKE '' AND SLEEP(5)-- -%'");
  });
});
