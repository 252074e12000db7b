import type { Answer, Call, Client } from '../exchange.ts';
import type { Frame } from './frame.ts';

/** Pages that need no sign-in, and the sign-in itself. */
export function openPages(frame: Frame) {
  const { jitter, pad, url, answer, call, guarded, sql, tables } = frame;
  return {
    loginForm: (): Call => call('GET', '/login', () => answer('login-form', 200, 812 + pad(), [], [], 'text/html')),
    login: (login: string, password: string): Call =>
      call(
        'POST',
        '/login',
        c => {
          const row = tables.agents.where('login', login)[0];
          const good = row !== undefined && row[tables.agents.column('password')] === password;
          if (good) {
            c.user = login;
            c.branch = row[tables.agents.column('branch')]!;
            c.sid = jitter.text(24, '0123456789abcdef');
          }
          return answer('login', good ? 302 : 401, good ? 5 : 51, [{ sql: sql.login, params: [login, password], rows: good ? 1 : 0 }], [], 'text/html');
        },
        420,
        url('/login'),
      ),
    menu: (): Call =>
      call(
        'GET',
        '/menu',
        guarded(() => answer('menu', 200, 1533 + pad(), [], [], 'text/html')),
        400,
        url('/login'),
      ),
    /** `fresh` false: the browser already has it. */
    asset: (path: string, bytes: number, referer = '-', fresh = true): Call =>
      call(
        'GET',
        path,
        () =>
          answer(
            'asset',
            fresh ? 200 : 304,
            fresh ? bytes : 0,
            [],
            [],
            path.endsWith('.css') ? 'text/css' : path.endsWith('.js') ? 'text/javascript' : 'image/png',
          ),
        300,
        referer,
      ),
    health: (): Call => ({ method: 'GET', target: '/healthz', bytesIn: 120, referer: '-', run: () => answer('health', 200, 2, [], [], 'text/plain') }),
    /** Anything that is not there. Before a sign-in the application redirects, afterwards it says 404. */
    unknown: (target: string, method = 'GET', bytesIn = 300): Call => ({
      method,
      target,
      bytesIn,
      referer: '-',
      run: () => answer('unknown', 404, 153, [], [], 'text/html'),
    }),
    raw: (method: string, target: string, bytesIn: number, run: (c: Client) => Answer): Call => ({ method, target, bytesIn, referer: '-', run }),
    quoteForm: (): Call => call('GET', '/quotes/new', () => answer('quote-form', 200, 2304 + pad(), [], [], 'text/html')),
    quoteSend: (name: string, phone: string, pet: string): Call =>
      call(
        'POST',
        '/quotes',
        () => answer('quote-send', 303, 0, [{ sql: sql.inbox, params: [name, phone, pet], rows: 1, kind: 'INSERT' }], [], 'text/html'),
        620,
        url('/quotes/new'),
      ),
  };
}
