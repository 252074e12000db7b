import { type ReadableStatement, readingOf, type Statement } from '../../src/exposure/replay/statements.ts';
import type { Instance } from '../../src/exposure/routes/instances.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';

/** Requests and statements by hand, for tests of what links them. */

let next = 0;

/** A GET of `path` that was answered with 500 bytes. */
export function request(path: string, atUs: number, values: Readonly<Record<string, string>>, more: Partial<Request> = {}): Request {
  return {
    eventId: ++next,
    loUs: atUs,
    hiUs: atUs + 1000,
    systemId: null,
    method: 'GET',
    shape: path,
    values: new Map(Object.entries(values)),
    status: 200,
    bytes: 500,
    durationUs: 1000,
    ip: null,
    session: null,
    account: null,
    actor: null,
    path,
    ...more,
  };
}

/** One executed statement of PostgreSQL's log. */
export function statement(atUs: number, text: string, parameters: readonly (string | null)[] = []): Statement {
  const read = readingOf(text);
  if ('none' in read) throw new Error(read.none);
  return {
    eventId: ++next,
    loUs: atUs,
    hiUs: atUs + 500,
    conn: 'c',
    text,
    read,
    values: read.slots.map(s => (s.kind === 'literal' ? s.value : parameters[s.number - 1])),
    parameters,
    rowsOut: null,
    failed: false,
    actor: null,
    message: null,
    program: 'app',
  };
}

/** A read of the intruder as the replay takes it. */
export function instance(read: ReadableStatement, more: Partial<Instance>): Instance {
  const of = { values: [], parameters: [], request: null, statement: null, routeRead: null };
  return { ...of, read, certainty: 'strict', ambiguous: false, injected: false, conditional: false, ...more };
}

/** The intruder's own statement, which ran at that moment. */
export function ranThen(atUs: number, text: string, parameters: readonly string[] = [], more: Partial<Statement> = {}): Instance {
  const ran: Statement = { ...statement(atUs, text, parameters), hiUs: atUs, actor: 'strict', ...more };
  return instance(ran.read, { values: ran.values, parameters: [...parameters], statement: ran });
}
