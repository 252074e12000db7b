import { MINUTE } from '../../base/index.ts';
import type { Statement, StatementLog } from '../replay/statements.ts';
import { aloneInstance, type Instance } from '../routes/instances.ts';
import type { Span } from '../routes/requests.ts';

/** The intruder may have gone on, or begun before, for this long beside the requests that are left of it. */
const beforeAndAfterUs = 30 * MINUTE;
/** A connection that ran so many statements, none of them for a request, is another program's. */
const programStatements = 5;
/** A kind of statement that nobody's requests explain and that runs more often at other times is the application's own. */
const rare = 5;

/** The time in which statements may be the intruder's although their request is missing. */
export const orphanTime = (intruder: Span): Span => ({ fromUs: intruder.fromUs - beforeAndAfterUs, toUs: intruder.toUs + beforeAndAfterUs });

/**
 * Statements in the intruder's time that no request of anybody explains although requests run such: the line of their request is lost, and nobody
 * can say whose it was. Also kinds that hardly ever run at other times. `explained` are statements of that time which a request explains.
 */
export function orphansOf(log: StatementLog, instances: readonly Instance[], explained: ReadonlySet<number>, time: Span): Instance[] {
  const within = (s: Statement): boolean => s.loUs >= time.fromUs && s.loUs <= time.toUs;
  const shapes = new Set(instances.map(i => i.read.shape));
  const elsewhere = new Map<string, number>();
  const connections = new Map<string, { statements: number; explained: boolean }>();
  for (const s of log.statements) {
    const told = explained.has(s.eventId) || s.actor !== null;
    if (told) shapes.add(s.read.shape);
    if (!within(s)) elsewhere.set(s.read.shape, (elsewhere.get(s.read.shape) ?? 0) + 1);
    else if (s.conn !== null) {
      const c = connections.get(s.conn) ?? { statements: 0, explained: false };
      connections.set(s.conn, { statements: c.statements + 1, explained: c.explained || told });
    }
  }
  const program = (s: Statement): boolean => {
    const c = s.conn === null ? undefined : connections.get(s.conn);
    return c !== undefined && !c.explained && c.statements >= programStatements;
  };
  return log.statements
    .filter(s => within(s) && !s.failed && s.actor === null && !explained.has(s.eventId) && !program(s))
    .filter(s => shapes.has(s.read.shape) || (elsewhere.get(s.read.shape) ?? 0) < rare)
    .map(s => aloneInstance(s, { certainty: 'wide', ambiguous: true, injected: !shapes.has(s.read.shape) }));
}
