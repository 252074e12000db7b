import type { Catalogue } from '../catalogue.ts';
import { claimTable, type EvaluationNotes } from '../replay/evaluate.ts';
import type { Group } from '../replay/replay-group.ts';
import { columnsIn } from '../replay/statements.ts';
import type { Claims } from './claims.ts';

/** Words that make a view's name of a table's. */
const viewWords = new Set([
  'v',
  'vw',
  'mv',
  'view',
  'views',
  'all',
  'list',
  'full',
  'active',
  'current',
  'public',
  'export',
  'report',
  'summary',
  'detail',
  'details',
  'info',
  'search',
]);
/** Names of the server itself. */
const catalogues = /^(?:pg_|all_|user_|dba_|sys|sqlite_|information_schema)|^(?:dual|tables|columns|schemata)$/;

/**
 * A name in FROM that is no dataset and that the log does not define. Where it reads like a view of a dataset, every row of that may
 * have been shown; that the intruder's own statements read such a name is listed.
 */
export async function claimUnknownNames(claims: Claims, catalogue: Catalogue, g: Group, names: readonly string[], notes: EvaluationNotes): Promise<void> {
  for (const name of names) {
    if (catalogues.test(name)) continue;
    const own = g.members.filter(m => m.instance.injected || !m.instance.request);
    if (own.length > 0) notes.unknown.set(name, (notes.unknown.get(name) ?? 0) + own.length);
    for (const dataset of catalogue.datasets) {
      const at = `_${name}_`.indexOf(`_${dataset.table}_`);
      if (at < 0 || name === dataset.table) continue;
      const rest = `_${name}_`
        .replace(`_${dataset.table}_`, '_')
        .split('_')
        .filter(w => w !== '');
      if (rest.length === 0 || !rest.every(w => viewWords.has(w))) continue;
      const first = g.members[0]!.instance;
      await claimTable(claims, dataset, columnsIn(g.read.select), {
        kind: 'table-bound',
        rule: 'statement-not-replayed',
        statement: first.statement?.text ?? '',
        reason: 'unknown-table',
        identity: [g.read.shape, name],
      });
      claims.source(claims.last, { eventId: first.statement?.eventId ?? null, requestId: first.request?.eventId ?? null });
    }
  }
}
