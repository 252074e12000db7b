import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { changesResults, decisionBody, decisionKinds, decisions, recordDecision, withSubject } from '../case/index.ts';
import type { Result } from '../result.ts';
import type { ServedCase } from './served-case.ts';

const text = z.string().max(2000);
const json = (description: string) => ({ 200: { description, content: { 'application/json': { schema: z.unknown() } } } });

/**
 * Decisions of people: listed, recorded, and the rebuild that lets them speak. A body must be JSON, which a page elsewhere cannot send
 * without being asked first, and no other origin is ever allowed.
 */
export function addDecisions(app: OpenAPIHono, served: ServedCase, result: () => Result): void {
  app.openapi(createRoute({ method: 'get', path: '/decisions', responses: json('Decisions in order; stale = the results do not hold all of them') }), c => {
    const { store } = served.current();
    const all = decisions(store);
    const followed = new Set(result().decisions.map(d => d.seq));
    const effective = all.filter(d => d.withdrawnBy === null && changesResults(d.kind)).map(d => d.seq);
    return c.json(
      {
        decisions: all.map(({ seq, kind, by, at, body, hash, withdrawnBy }) => ({
          seq,
          kind,
          by,
          at,
          body,
          hash,
          withdrawnBy,
          followed: followed.has(seq) || !changesResults(kind),
        })),
        stale: effective.length !== followed.size || effective.some(seq => !followed.has(seq)),
        rebuildable: served.rebuild !== null,
      },
      200,
    );
  });

  app.openapi(
    createRoute({
      method: 'post',
      path: '/decisions',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z.strictObject({
                kind: z.enum(decisionKinds as readonly [string, ...string[]]),
                by: z.string().min(1).max(200),
                words: z.array(z.string().max(500)).max(1000),
                fields: z.strictObject({
                  reason: text.optional(),
                  unit: text.optional(),
                  scope: text.optional(),
                  published_on: text.optional(),
                  document: text.optional(),
                }),
              }),
            },
          },
        },
      },
      responses: json('The act as written down'),
    }),
    c => {
      const { kind, by, words, fields } = c.req.valid('json');
      const body = decisionBody(kind, words, fields);
      return c.json(recordDecision(served.current().store, kind, by, Date.now() * 1000, withSubject(result(), kind, body)), 200);
    },
  );

  app.openapi(createRoute({ method: 'get', path: '/rebuild', responses: json('How far the rebuild has come') }), c => c.json(served.rebuildState(), 200));

  app.openapi(createRoute({ method: 'post', path: '/rebuild', responses: json('The rebuild has begun') }), c => {
    served.rebuild?.();
    return c.json(served.rebuildState(), 200);
  });
}
