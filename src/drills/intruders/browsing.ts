import { addDays, HOUR, type Micros, SECOND } from '../../base/index.ts';
import type { Client } from '../exchange.ts';
import { type Act, asPhase, haste, intruder, type Plot, rest, send, signIn, victimAgent } from './plot.ts';

/** Look for what is there: files and folders by name. */
export function* recon(plot: Plot): Act {
  const client = intruder(plot, 'recon', { userAgent: plot.random.pick(['feroxbuster/2.11.0', 'gobuster/3.6', 'Mozilla/5.0 (compatible; dirsearch)']) });
  const words = [
    'admin',
    'backup.zip',
    '.git/HEAD',
    '.env',
    'phpinfo.php',
    'wp-login.php',
    'server-status',
    'config.bak',
    'api/swagger.json',
    'db.sql',
    'test',
    'manager/html',
    'console',
    'old',
    'uploads/',
    'cgi-bin/',
  ];
  yield* send(client, plot.site.loginForm(), 0);
  yield* send(client, plot.site.menu(), 3000);
  for (let i = 0; i < 80; i++)
    yield* send(client, plot.site.unknown(`/${i < words.length ? words[i] : plot.random.text(plot.random.int(3, 7))}`), haste(plot.random, 4_000));
  plot.truth.phase('recon').success = false;
}

/** Walk customer numbers one after the other (up, down, or in no order), half of it from a second address with the same session. */
export function* idEnumeration(plot: Plot, session: Client | null = null): Act<Client> {
  const { random, site } = plot;
  let client = session ? asPhase(session, 'idor') : intruder(plot, 'idor');
  if (!session) {
    yield* signIn(plot, client, victimAgent(plot));
    yield* send(client, site.list(1), SECOND);
  }
  const rows = site.world.tables['customers']!.ordered('id');
  const first = random.int(0, Math.max(0, rows.length - plot.reach - 1));
  const from = +rows[first]![0]!;
  const to = +rows[Math.min(rows.length - 1, first + plot.reach)]![0]!;
  const second = plot.sharedAddress ? null : asPhase(client, 'idor', intruder(plot, 'idor').ip);
  const withBank = random.chance(0.6);
  const ids = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const order = random.weighted([60, 20, 20]);
  if (order === 1) ids.reverse();
  if (order === 2) random.shuffle(ids);
  for (const [i, id] of ids.entries()) {
    if (second && i === ids.length >> 1) client = second;
    const answer = yield* send(client, site.detail(String(id)), haste(random, 15_000));
    if (withBank && answer.status === 200 && random.chance(0.3)) yield* send(client, site.bank(String(id)), haste(random, 5_000));
  }
  plot.truth.phase('idor').success = true;
  return client;
}

/** Export everything of the branch, month by month; or, at times, turn every page of its list. */
export function* massExport(plot: Plot, session: Client | null = null): Act {
  const { random, site } = plot;
  const client = session ? asPhase(session, 'mass-export') : intruder(plot, 'mass-export');
  if (!session) {
    yield* signIn(plot, client, victimAgent(plot));
    yield* send(client, site.menu(), SECOND);
  }
  if (random.chance(0.25)) {
    const rows = site.world.tables['customers']!.where('branch', client.branch ?? '').length;
    for (let page = 1; page <= Math.ceil(rows / site.style.pageSize) + 1; page++) yield* send(client, site.list(page), haste(random, 400_000));
    plot.truth.phase('mass-export').success = true;
    return;
  }
  const step = random.pick([30, 91, 182]);
  const hangsUp = random.chance(0.3) ? random.int(0, 8) : -1;
  let n = 0;
  for (let from = '2016-04-01'; from < '2025-01-01'; from = addDays(from, step + 1))
    yield* send(client, site.export(from, addDays(from, step), n++ === hangsUp ? 0.4 : 1), haste(random, 700_000));
  plot.truth.phase('mass-export').success = true;
}

/** A few records an hour over days, in no order, during office hours: nothing stands out in any one hour. */
export function* slowScrape(plot: Plot, forUs: Micros): Act {
  const { random, site } = plot;
  const agent = victimAgent(plot);
  const client = intruder(plot, 'slow-scrape', {
    userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36',
  });
  const ids = random.shuffle(site.world.tables['customers']!.rows.map(r => r[0]!)).slice(0, plot.reach);
  const gap = forUs / Math.max(1, ids.length);
  yield* signIn(plot, client, agent);
  for (const [i, id] of ids.entries()) {
    if (i % 40 === 39) yield* signIn(plot, client, agent);
    yield* send(client, site.detail(id), Math.floor(random.exponential(gap)) + SECOND);
    if (random.chance(0.2)) yield* send(client, site.claimsOf(id), haste(random, 8 * SECOND));
  }
  plot.truth.phase('slow-scrape').success = true;
}

/** Many accounts, one password each: found in another leak. Ends with the first that works, or goes on through the list. */
export function* credentialStuffing(plot: Plot, tries: number): Act<Client> {
  const { random, site } = plot;
  const agents = site.world.tables['agents']!;
  const login = agents.column('login');
  const password = agents.column('password');
  const clients = [intruder(plot, 'credential-stuffing'), ...(plot.sharedAddress ? [] : [intruder(plot, 'credential-stuffing')])];
  const target = victimAgent(plot);
  const at = random.int(Math.floor(tries * 0.7), tries - 1);
  let found: Client | null = null;
  for (let i = 0; i < tries; i++) {
    const client = clients[i % clients.length]!;
    const row = i === at ? target : random.pick(agents.rows);
    const known = random.chance(0.5) && row !== target;
    const name = known || i === at ? row[login]! : `${random.pick(['tanaka', 'sato', 'info', 'admin', 'y.suzuki', 'agent'])}${random.int(1, 999)}`;
    const answer = yield* send(client, site.login(name, i === at ? row[password]! : random.text(8)), haste(random, 40_000));
    if (answer.status === 302) {
      found ??= client;
      const phase = plot.truth.phase('credential-stuffing');
      phase.account = name;
      phase.success = true;
    }
  }
  return found!;
}

/** One password against all accounts, slowly, several rounds. */
export function* passwordSpray(plot: Plot): Act<Client | null> {
  const { random, site } = plot;
  const agents = site.world.tables['agents']!;
  const clients = Array.from({ length: plot.sharedAddress ? 1 : 3 }, () => intruder(plot, 'password-spray'));
  let found: Client | null = null;
  for (const password of ['Spring2025!', 'hoken1234', 'sakura2024']) {
    for (const row of agents.rows) {
      const client = { ...random.pick(clients), sid: null, user: null, branch: null };
      const answer = yield* send(client, site.login(row[agents.column('login')]!, password), haste(random, 3 * SECOND));
      if (answer.status === 302) {
        found ??= client;
        const phase = plot.truth.phase('password-spray');
        phase.account = row[agents.column('login')]!;
        phase.success = true;
      }
    }
    yield* rest(Math.floor(plot.lull / 4));
  }
  return found;
}

/** Use a stolen account like its owner would, for a while; the owner works beside it. */
export function* accountUse(plot: Plot, session: Client): Act {
  const { random, site } = plot;
  const client = asPhase(session, 'account-takeover');
  if (client.user !== null) plot.ownerWorks(client.user);
  yield* send(client, site.menu(), 20 * SECOND);
  for (let page = 1; page <= 4; page++) {
    const list = yield* send(client, site.list(page), haste(random, 8 * SECOND));
    for (const row of list.shown[0]?.rows ?? []) {
      if (random.chance(0.4)) yield* send(client, site.detail(row[0]!), haste(random, 6 * SECOND));
      if (random.chance(0.1)) yield* send(client, site.bank(row[0]!), haste(random, 4 * SECOND));
    }
    yield* rest(Math.floor(random.float() * HOUR * 0.2));
  }
  const phase = plot.truth.phase('account-takeover');
  phase.success = true;
  if (client.user !== null) phase.account = client.user;
}
