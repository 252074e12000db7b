import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { UserError } from '../base/index.ts';
import { explainAnything } from '../persons/index.ts';
import { countEventsOverTime } from '../reports/index.ts';
import type { Result } from '../result.ts';
import { readRevisions } from '../revisions/index.ts';
import { addDecisions } from './decisions.ts';
import { originalLine, stepDetections, stepEvents, stepRecovered } from './queries.ts';
import type { ServedCase } from './served-case.ts';

/** The page's data as JSON; the same schema gives validation and /api/openapi.json. Only decisions change a case, and they only add to it. */
export function api(served: ServedCase, result: () => Result): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (r, c) => (r.success ? undefined : c.json({ error: { code: 'web.bad-request', params: { reason: z.prettifyError(r.error) } } }, 400)),
  });
  const json = (description: string) => ({ 200: { description, content: { 'application/json': { schema: z.unknown() } } } });

  app.openapi(createRoute({ method: 'get', path: '/case', responses: json('Title, organisation, zone') }), c => {
    const { file } = served.current();
    return c.json(
      { id: file.id, title: file.title, timezone: file.timezone, organisation: file.organisation.name, systems: file.systems, facts: file.facts },
      200,
    );
  });

  app.openapi(createRoute({ method: 'get', path: '/result', responses: json('result.json') }), c => c.json(result(), 200));

  app.openapi(
    createRoute({
      method: 'get',
      path: '/timeline',
      request: { query: z.object({ buckets: z.coerce.number().int().min(10).max(2000).default(240) }) },
      responses: json('Events per source over time'),
    }),
    async c => c.json(await countEventsOverTime(served.current(), c.req.valid('query').buckets), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/steps/{id}/events',
      request: {
        params: z.object({ id: z.string().max(80) }),
        query: z.object({ after: z.coerce.number().int().min(0).default(0), limit: z.coerce.number().int().min(1).max(500).default(100) }),
      },
      responses: json('Events of a step, in order; next = cursor or null'),
    }),
    async c => c.json(await stepEvents(served.current(), c.req.valid('param').id, c.req.valid('query').after, c.req.valid('query').limit), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/steps/{id}/detections',
      request: { params: z.object({ id: z.string().max(80) }) },
      responses: json('Detections of a step: rule, author, licence, and the figures it was judged by'),
    }),
    async c => c.json(await stepDetections(served.current(), c.req.valid('param').id), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/steps/{id}/recovered',
      request: { params: z.object({ id: z.string().max(80) }) },
      responses: json('What the injections of a step obtained, counted by column; no values'),
    }),
    async c => c.json(await stepRecovered(served.current(), c.req.valid('param').id), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/line',
      request: { query: z.object({ file: z.string().max(1000), line: z.coerce.number().int().min(1) }) },
      responses: json('A line of evidence as it stands in the file'),
    }),
    async c => {
      const { file, line } = c.req.valid('query');
      return c.json(await originalLine(served.current(), file, line), 200);
    },
  );

  app.openapi(
    createRoute({ method: 'get', path: '/explain', request: { query: z.object({ ref: z.string().min(1).max(500) }) }, responses: json('Proof tree') }),
    async c => c.json(await explainAnything(served.current(), c.req.valid('query').ref), 200),
  );

  const run = z.coerce.number().int().min(0).optional();
  app.openapi(
    createRoute({
      method: 'get',
      path: '/revisions',
      request: { query: z.object({ from: run, to: run }) },
      responses: json('Runs, published figures against today, and the change of each figure between two runs by cause'),
    }),
    c => {
      const { from, to } = c.req.valid('query');
      return c.json(readRevisions(served.current().store, from ?? null, to ?? null), 200);
    },
  );

  addDecisions(app, served, result);
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'Tadasu', version: '1' } });
  app.onError((error, c) => {
    if (error instanceof UserError) return c.json({ error: { code: error.code, params: error.params } }, statusOf(error.code));
    if (error instanceof HTTPException) return c.json({ error: { code: 'web.bad-request', params: { reason: error.message } } }, error.status);
    throw error;
  });
  return app;
}

/** What is not there, what has to wait, and what the person at the keyboard gave wrong. */
function statusOf(code: string): 400 | 404 | 503 {
  if (code === 'web.rebuilding') return 503;
  return code.startsWith('case.decision') ? 400 : 404;
}
