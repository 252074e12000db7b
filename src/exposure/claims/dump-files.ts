import { groupBy } from '../../base/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { claimAnyRecordBy } from './any-record.ts';
import type { Claims } from './claims.ts';

/** What a database or a copy of one is called as a file: dumps by their ending, archives by a name that copies have. */
const dumpFile =
  /\.(?:sql|dump|dmp|pgdump|sqlite3?|mdb|accdb)(?:\.(?:gz|bz2|xz|zst|zip|7z))?$|(?:^|\/)[\w.-]*(?:back-?up|dump|database|mysql|postgres|_?db)[\w.-]*\.(?:bak|tar|tar\.(?:gz|bz2|xz|zst)|tgz|zip|7z|rar|gz|csv|xlsx?)$/i;
const leastBytes = 1000;

export const isDumpFile = (path: string): boolean => dumpFile.test(path);

/** Files of the web server that hold a database, fetched by the intruder: what was in them nobody knows, so it may have been every record (T2). No log shows a statement for them. */
export async function claimDumpFiles(catalogue: Catalogue, claims: Claims, requests: readonly Request[], learned: ReadonlySet<string>): Promise<void> {
  const served = requests.filter(
    r =>
      r.method === 'GET' && (r.status === 200 || r.status === 206) && (r.bytes ?? leastBytes) >= leastBytes && isDumpFile(r.path) && !learned.has(routeOf(r)),
  );
  for (const [route, list] of groupBy(served, routeOf)) await claimAnyRecordBy(catalogue, claims, 'dump-file-served', route, list, { dump: route });
}
