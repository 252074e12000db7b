import { compareNumbers } from '../../src/detections/sigma/correlate.ts';
import type { Expr, Test } from '../../src/detections/sigma/ir.ts';

import { addressHex } from '../../src/detections/sigma/transform.ts';
import { globMatches } from './glob.ts';

/** A record as a rule sees it: field in lower case → value or values; absent fields are missing. */
export type RuleRecord = ReadonlyMap<string, string | readonly string[]>;

/** The meaning of a condition, written down plainly: slow, without SQL, without the prefilter. */
export function holds(expr: Expr, record: RuleRecord, message: string): boolean {
  switch (expr.op) {
    case 'and':
      return expr.items.every(e => holds(e, record, message));
    case 'or':
      return expr.items.some(e => holds(e, record, message));
    case 'not':
      return !holds(expr.item, record, message);
    case 'search':
      return holds(expr.item, record, message);
    case 'leaf': {
      if (expr.field === null) return keyword(expr.test, message);
      const value = record.get(expr.field.toLowerCase().replaceAll(' ', ''));
      const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
      if (expr.test.kind === 'null') return values.length === 0;
      if (expr.test.kind === 'exists') return values.length > 0 === expr.test.present;
      return values.some(v => one(expr.test, v, record));
    }
  }
}

function keyword(test: Test, message: string): boolean {
  if (test.kind === 'number') return message.includes(String(test.value));
  if (test.kind === 'regex') return new RegExp(test.source, test.flags).test(message);
  if (test.kind !== 'pattern') return false;
  const text = test.cased ? message : message.toLowerCase();
  return globMatches([{ any: 'many' }, ...test.pattern.map(p => (typeof p === 'string' && !test.cased ? p.toLowerCase() : p)), { any: 'many' }], text);
}

function one(test: Test, value: string, record: RuleRecord): boolean {
  switch (test.kind) {
    case 'pattern':
      return globMatches(
        test.pattern.map(p => (typeof p === 'string' && !test.cased ? p.toLowerCase() : p)),
        test.cased ? value : value.toLowerCase(),
      );
    case 'regex':
      return new RegExp(test.source.replace(/^\(\?i\)/, ''), `${test.flags}${test.source.startsWith('(?i)') ? 'i' : ''}`).test(value);
    case 'number':
      return test.compare === 'eq'
        ? value === String(test.value)
        : value.trim() !== '' && Number.isFinite(Number(value)) && compareNumbers(Number(value), test.compare, test.value);
    case 'cidr': {
      const hex = addressHex(value);
      return hex !== null && hex >= test.low && hex <= test.high;
    }
    case 'time':
      return false;
    case 'field': {
      const other = record.get(test.other.toLowerCase());
      return (other === undefined ? [] : [other].flat()).some(o => {
        const [a, b] = test.cased ? [value, o as string] : [value.toLowerCase(), (o as string).toLowerCase()];
        return test.how === 'equals' ? a === b : test.how === 'startswith' ? a.startsWith(b) : test.how === 'endswith' ? a.endsWith(b) : a.includes(b);
      });
    }
    case 'null':
    case 'exists':
      return false;
  }
}
