import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { UserError } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { explainAnything } from '../persons/index.ts';
import { countEventsOverTime } from '../reports/index.ts';
import { originalLine, stepEvents } from './queries.ts';

/** The page's data, each a plain JSON GET; the same schema gives validation and /api/openapi.json. Nothing here changes a case. */
export function api(kase: OpenCase, result: () => unknown): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (r, c) => (r.success ? undefined : c.json({ error: { code: 'web.bad-request', params: { reason: z.prettifyError(r.error) } } }, 400)),
  });
  const json = (description: string) => ({ 200: { description, content: { 'application/json': { schema: z.unknown() } } } });

  app.openapi(createRoute({ method: 'get', path: '/case', responses: json('Title, organisation, zone') }), c =>
    c.json(
      {
        id: kase.file.id,
        title: kase.file.title,
        timezone: kase.file.timezone,
        organisation: kase.file.organisation.name,
        systems: kase.file.systems,
        facts: kase.file.facts,
      },
      200,
    ),
  );

  app.openapi(createRoute({ method: 'get', path: '/result', responses: json('result.json') }), c => c.json(result(), 200));

  app.openapi(
    createRoute({
      method: 'get',
      path: '/timeline',
      request: { query: z.object({ buckets: z.coerce.number().int().min(10).max(2000).default(240) }) },
      responses: json('Events per source over time'),
    }),
    async c => c.json(await countEventsOverTime(kase, c.req.valid('query').buckets), 200),
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
    async c => c.json(await stepEvents(kase, c.req.valid('param').id, c.req.valid('query').after, c.req.valid('query').limit), 200),
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
      return c.json(await originalLine(kase, file, line), 200);
    },
  );

  app.openapi(
    createRoute({ method: 'get', path: '/explain', request: { query: z.object({ ref: z.string().min(1).max(500) }) }, responses: json('Proof tree') }),
    async c => c.json(await explainAnything(kase, c.req.valid('query').ref), 200),
  );

  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'Tadasu', version: '1' } });
  app.onError((error, c) => {
    if (error instanceof UserError) return c.json({ error: { code: error.code, params: error.params } }, 404);
    throw error;
  });
  return app;
}
