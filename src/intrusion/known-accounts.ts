import type { Rebuilt, Recovered } from './injection/index.ts';
import type { DetectionRow } from './tables.ts';

/** What gives nobody a password that he did not have: attempts, use of an account, injections whose statements are read. */
const readable = new Set(['scan', 'credential-stuffing', 'password-spray', 'account-takeover', 'idor-enumeration', 'mass-export', 'xss']);
const plain = (table: string): string =>
  table
    .toLowerCase()
    .replace(/["`[\]]/g, '')
    .split('.')
    .at(-1)!;

/**
 * May the intruder have had the password of an account: by an injected statement that names its table, by a value he obtained, or by a way of which no log says what it
 * gave him (a shell, files of the server, a copy of the database)?
 */
export function knownAccounts(
  detections: readonly DetectionRow[],
  rebuilt: Pick<Rebuilt, 'cells' | 'statements'>,
  obtained: readonly Pick<Recovered, 'table' | 'value'>[],
): (account: string, table: string) => boolean {
  const opaque = detections.some(d => !readable.has(d.kind) && !d.kind.startsWith('sqli-') && d.outcome !== 'attempted' && d.outcome !== 'blocked');
  const names = (text: string, table: string): boolean => text.toLowerCase().includes(plain(table));
  const byTable = new Map<string, boolean>();
  const reads = (table: string): boolean => {
    const known = byTable.get(table);
    if (known !== undefined) return known;
    let found = rebuilt.cells.some(c => names(c.key, table)) || obtained.some(c => c.table !== null && plain(c.table) === plain(table));
    if (!found)
      for (const s of rebuilt.statements)
        if (names(s.inBand.sqlText, table)) {
          found = true;
          break;
        }
    byTable.set(table, found);
    return found;
  };
  return (account, table) => opaque || reads(table) || obtained.some(c => c.value === account);
}
