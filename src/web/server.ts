import fs from 'node:fs';
import path from 'node:path';
import { serve as listen } from '@hono/node-server';
import { Hono } from 'hono';
import { packageRoot, UserError } from '../base/index.ts';
import type { Result } from '../result.ts';
import { fontFolders } from '../view/index.ts';
import { api } from './api.ts';
import type { ServedCase } from './served-case.ts';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
  '.pdf': 'application/pdf',
  '.ttf': 'font/ttf',
  '.csv': 'text/csv; charset=utf-8',
  '.ico': 'image/x-icon',
  '.png': 'image/png',
};

const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/** The web application of one case: pages from dist/client, data from /api, documents from the output folder. No sockets: tests call `app.request`. */
export function webApp(served: ServedCase): Hono {
  const app = new Hono();
  let cached: { mtime: number; value: Result } | null = null;
  const result = (): Result => {
    const file = path.join(served.outDir, 'result.json');
    const mtime = fs.statSync(file).mtimeMs;
    if (cached?.mtime !== mtime) cached = { mtime, value: JSON.parse(fs.readFileSync(file, 'utf8')) };
    return cached.value;
  };

  app.use(async (c, next) => {
    // A page elsewhere must not reach the case through a name that resolves to this machine.
    const host = (c.req.header('host') ?? '127.0.0.1').replace(/:\d+$/, '');
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(host)) return c.json({ error: { code: 'web.bad-host', params: {} } }, 403);
    // Nor may it write: a browser says where a request comes from.
    const site = c.req.header('sec-fetch-site');
    if (c.req.method !== 'GET' && site !== undefined && site !== 'same-origin') return c.json({ error: { code: 'web.bad-host', params: {} } }, 403);
    await next();
    c.header('Content-Security-Policy', policy);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    c.header('Cache-Control', 'no-store');
    return undefined;
  });
  app.route('/api', api(served, result));
  app.get('/documents/*', c =>
    sendFile(served.outDir, decodeURIComponent(c.req.path.slice('/documents/'.length)), /^(report\.html|(reports|notices)\/[\w.-]+\.(html|pdf|csv))$/),
  );
  app.get('/assets/*', c => sendFile(path.join(packageRoot, 'dist', 'client'), decodeURIComponent(c.req.path.slice(1)), /^assets\/[\w.-]+$/));
  app.get('/fonts/:name', c => sendFont(c.req.param('name')));
  app.get('*', c =>
    c.req.path.startsWith('/api/')
      ? c.json({ error: { code: 'web.not-found', params: {} } }, 404)
      : sendFile(path.join(packageRoot, 'dist', 'client'), 'index.html', /^index\.html$/),
  );
  app.onError((error, c) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    return c.json({ error: { code: 'web.internal', params: {} } }, 500);
  });
  return app;
}

/** A file below `root` whose relative name is one of the allowed shapes; nothing else can be named. */
function sendFile(root: string, name: string, allowed: RegExp): Response {
  if (!allowed.test(name)) return new Response('not found', { status: 404 });
  const file = path.join(root, name);
  if (!fs.existsSync(file)) return new Response('not found', { status: 404 });
  return new Response(new Uint8Array(fs.readFileSync(file)), { headers: { 'Content-Type': types[path.extname(file)] ?? 'application/octet-stream' } });
}

/** A font that comes with the packages. */
function sendFont(name: string): Response {
  const folder = fontFolders().find(f => fs.existsSync(path.join(f, path.basename(name))));
  return folder === undefined ? new Response('not found', { status: 404 }) : sendFile(folder, path.basename(name), /^[\w-]+\.ttf$/);
}

export type RunningServer = { readonly url: string; close(): Promise<void> };

/** Listen on 127.0.0.1; without a port, on 7410 or the next free one. */
export async function startServer(served: ServedCase, port: number | null): Promise<RunningServer> {
  const app = webApp(served);
  const candidates = port === null ? [7410, 7411, 7412, 7413, 0] : [port];
  for (const candidate of candidates) {
    const server = await tryListen(app, candidate);
    if (server !== null) return server;
  }
  throw new UserError('web.port-taken', { port: port ?? 7410 });
}

function tryListen(app: Hono, port: number): Promise<RunningServer | null> {
  return new Promise((resolve, reject) => {
    const server = listen({ fetch: app.fetch, hostname: '127.0.0.1', port }, info => {
      resolve({
        url: `http://127.0.0.1:${info.port}/`,
        close: () =>
          new Promise<void>(done => {
            server.close(() => done());
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      });
    });
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(null) : reject(error)));
  });
}
