import fs from 'node:fs';
import path from 'node:path';

/**
 * Whether two logs tell which request ran which injected statement, when a body holds the injection: one thread asked, and as many statements ran as requests came.
 * Read line by line from the evidence; whose lines they are is the simulator's truth. A statement that failed is two lines in PostgreSQL: the audit and the error.
 */
export function isPairingTold(dir: string): boolean {
  const numbers = (file: string): number[] =>
    fs
      .readFileSync(path.join(dir, 'truth', 'requests.csv'), 'utf8')
      .split('\n')
      .flatMap(l => (l.includes(`,${file}:`) ? [Number(l.slice(l.lastIndexOf(':') + 1))] : []))
      .sort((a, b) => a - b);
  const lines = fs.readFileSync(path.join(dir, 'evidence', 'database.log'), 'utf8').split('\n');
  const said = numbers('database.log').map(n => lines[n - 1]!.replaceAll('"', ''));
  const runs = said.filter((line, i) => !(line.includes(',ERROR,') && i > 0 && said[i - 1]!.includes('AUDIT') && said[i - 1]!.includes(statementOf(line))));
  return runs.length === numbers('access.log').length;
}

const statementOf = (line: string): string => /SELECT .* LIMIT \d+/.exec(line)?.[0] ?? '\u0000';
