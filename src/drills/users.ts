import { addDays, DAY, HOUR, MINUTE, type Micros, SECOND } from '../base/index.ts';
import type { Answer, Call, Client } from './exchange.ts';
import { pause } from './pause.ts';
import { personAt } from './people.ts';
import type { Script, Spawn, Step } from './play.ts';
import type { Random } from './random.ts';
import type { Site } from './site/create-site.ts';
import type { Row } from './tables.ts';
import { surnames } from './words/names.ts';
import { newCustomer } from './worlds/drift.ts';

export const browsers = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/135.0.0.0 Safari/537.36 Edg/135.0.0.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_3_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:136.0) Gecko/20100101 Firefox/136.0',
] as const;

/** The address behind which a branch office works. */
export const officeAddress = (branch: string): string => `203.0.113.${10 + ['tokyo', 'osaka', 'nagoya', 'fukuoka', 'sapporo'].indexOf(branch)}`;

export type Crowd = {
  readonly site: Site;
  readonly random: Random;
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly lines: number;
  readonly spawn: Spawn;
  readonly seed: number;
  readonly changes: boolean;
};

const staffLines = 27;
const visitorLines = 7.2;
export const staffHours = [1, 1, 0.5, 0.5, 0.5, 1, 2, 8, 40, 90, 100, 95, 55, 85, 95, 95, 90, 70, 40, 20, 12, 8, 4, 2];
const visitorHours = [25, 12, 6, 4, 4, 6, 14, 30, 45, 50, 55, 58, 75, 60, 55, 52, 55, 60, 65, 75, 90, 100, 80, 50];

export function createClient(random: Random, ip: string, userAgent: string, phase: string | null = null): Client {
  return { ip, userAgent, port: random.int(1025, 65000), phase, sid: null, user: null, branch: null };
}

const go = (client: Client, call: Call, wait: Micros): Step => ({ client, call, wait });

/** Everybody who does no harm: staff at work, visitors, crawlers, the load balancer's health check. */
export function spawnCrowd(c: Crowd): void {
  const agents = c.site.world.tables['agents']!;
  const staff = agents.rows.map((row, i) => {
    const random = c.random.fork(`staff/${i}`);
    const branch = row[agents.column('branch')]!;
    const ip = random.chance(0.7) ? officeAddress(branch) : `198.51.100.${random.int(2, 90)}`;
    return { row, ip, userAgent: random.pick(browsers) };
  });
  const health = Math.max(30 * SECOND, (c.endUs - c.startUs) / Math.max(1, c.lines * 0.04));
  c.spawn(c.startUs, healthChecks(c, health));
  c.spawn(c.startUs, crawler(c, Math.max(20 * SECOND, (c.endUs - c.startUs) / Math.max(1, c.lines * 0.02))));
  const who = c.random.fork('who');
  const rhythm = { startUs: c.startUs, endUs: c.endUs, spawn: c.spawn };
  c.spawn(
    c.startUs,
    arrivals({ ...rhythm, total: (c.lines * 0.6) / staffLines, hours: staffHours, office: true, random: c.random.fork('arrivals/staff') }, n => {
      const s = who.pick(staff);
      return staffSession(c, createClient(who, s.ip, s.userAgent), s.row, c.random.fork(`s${n}`));
    }),
  );
  c.spawn(
    c.startUs,
    arrivals({ ...rhythm, total: (c.lines * 0.34) / visitorLines, hours: visitorHours, office: false, random: c.random.fork('arrivals/visitors') }, n => {
      const ip = who.chance(0.1) ? `198.18.0.${who.int(1, 30)}` : `198.${who.int(18, 19)}.${who.int(1, 254)}.${who.int(1, 254)}`;
      return visitorSession(c, createClient(who, ip, who.pick(browsers)), c.random.fork(`v${n}`));
    }),
  );
}

export type Rhythm = {
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly total: number;
  readonly hours: readonly number[];
  readonly office: boolean;
  readonly random: Random;
  readonly spawn: Spawn;
};

/** Sessions that begin after a daily rhythm, about `total` of them over the whole period. */
export function* arrivals(r: Rhythm, session: (n: number) => Script): Script {
  const slots: { at: Micros; weight: number }[] = [];
  for (let at = r.startUs; at < r.endUs; at += HOUR) {
    const local = at + 9 * HOUR;
    // 1970-01-01 was a Thursday.
    const day = (Math.floor(local / DAY) + 4) % 7;
    const free = r.office && (day === 0 || day === 6);
    slots.push({ at, weight: r.hours[Math.floor((local % DAY) / HOUR)]! * (free ? 0.12 : 1) * (Math.min(HOUR, r.endUs - at) / HOUR) });
  }
  const sum = slots.reduce((n, s) => n + s.weight, 0);
  let made = 0;
  let clock = r.startUs;
  for (const slot of slots) {
    const expected = (r.total * slot.weight) / sum;
    const count = Math.floor(expected) + (r.random.chance(expected % 1) ? 1 : 0);
    yield { wait: slot.at - clock, client: null, call: null };
    clock = slot.at;
    for (let i = 0; i < count; i++) r.spawn(slot.at + Math.floor(r.random.float() * Math.min(HOUR, r.endUs - slot.at)), session(made++));
  }
}

/** One clerk from sign-in to the end of the work at hand. */
export function* staffSession(c: Crowd, client: Client, agent: Row, random: Random): Script {
  const { site } = c;
  const agents = site.world.tables['agents']!;
  const login = agent[agents.column('login')]!;
  const password = agent[agents.column('password')]!;
  const pages = Math.max(1, Math.ceil(site.world.tables['customers']!.where('branch', agent[agents.column('branch')]!).length / site.style.pageSize));
  yield go(client, site.loginForm(), 0);
  const fresh = random.chance(0.3);
  yield go(client, site.asset('/static/app.css', 18233, `${site.style.base}/login`, fresh), 60_000);
  if (random.chance(0.04)) yield go(client, site.login(login, `${password.slice(1)}x`), pause(random, 5 * SECOND));
  yield go(client, site.login(login, password), pause(random, 6 * SECOND));
  yield go(client, site.menu(), 40_000);
  if (random.chance(0.5)) yield go(client, site.asset('/static/app.js', 90412, `${site.style.base}/menu`, fresh), 30_000);
  let known: readonly Row[] = [];
  const work = 3 + Math.floor(random.exponential(20));
  for (let i = 0; i < Math.min(work, 120); i++) {
    const what = known.length === 0 ? 0 : random.weighted([18, 45, 9, 9, 4, 5, 1.6, 4, c.changes ? 4 : 0, c.changes ? 1 : 0]);
    const think = pause(random, 35 * SECOND);
    let answer: Answer | null = null;
    if (what === 0) answer = yield go(client, site.list(random.int(1, pages)), think);
    else if (what <= 3 || what === 8) {
      const id = random.pick(known)[0]!;
      if (what === 1) yield go(client, site.detail(random.chance(0.01) ? `${id}9` : id), think);
      else if (what === 2) yield go(client, site.bank(id), think);
      else if (what === 3) answer = yield go(client, site.claimsOf(id), think);
      else {
        const p = personAt(c.seed, 5_000_000 + random.int(0, 999_999));
        yield go(
          client,
          site.change(id, p.mobile, `${p.home.place.prefecture}${p.home.place.city}${p.home.place.town}${p.home.block[0]}-${p.home.block[1]}`),
          think,
        );
      }
    } else if (what === 4) yield go(client, site.claim(String(random.int(1, Math.max(1, site.world.tables['claims']!.rows.length)))), think);
    else if (what === 5) yield go(client, site.kpi(), think);
    else if (what === 6) yield go(client, site.export(...month(random)), think);
    else if (what === 9) yield go(client, random.chance(0.8) ? site.enter(newCustomer(site.world, c.seed, random)) : site.erase(random.pick(known)[0]!), think);
    else yield go(client, site.search(random.pick(surnames).text), think);
    const customers = answer?.shown.find(s => s.table.name === 'customers');
    if (customers) known = customers.rows;
  }
}

function month(random: Random): [string, string] {
  const from = `${random.int(2018, 2024)}-${String(random.int(1, 12)).padStart(2, '0')}-01`;
  return [from, addDays(from, 30)];
}

const curiosities = ["O'Neil", 'union', 'select', 'ペット', '柴犬', 'and 1', "D'Angelo", 'null'];

/** Somebody at home looks at the public pages. */
export function* visitorSession(c: Crowd, client: Client, random: Random): Script {
  const { site } = c;
  yield go(client, site.quoteForm(), 0);
  yield go(client, site.asset('/static/app.css', 18233, `${site.style.base}/quotes/new`), 50_000);
  yield go(client, site.asset('/static/app.js', 90412, `${site.style.base}/quotes/new`), 10_000);
  if (random.chance(0.2))
    yield go(client, site.unknown(random.pick(['/favicon.ico', '/apple-touch-icon.png', '/old/estimate.html', '/.well-known/change-password'])), 20_000);
  const quotes = site.world.tables['quotes']!;
  for (let n = random.int(0, 5); n > 0; n--) {
    const what = random.weighted([60, 30, 6]);
    if (what === 0) yield go(client, site.search(random.pick(surnames).text), pause(random, 15 * SECOND));
    else if (what === 1) yield go(client, site.status(String(random.int(1, quotes.rows.length + 3))), pause(random, 20 * SECOND));
    else yield go(client, site.search(random.pick(curiosities)), pause(random, 15 * SECOND));
  }
  if (random.chance(0.35)) {
    const p = personAt(c.seed, 6_000_000 + random.int(0, 999_999));
    yield go(client, site.quoteSend(`${p.surname.text} ${p.given.text}`, p.mobile, random.pick(['犬', '猫'])), pause(random, 90 * SECOND));
  }
}

function* healthChecks(c: Crowd, every: Micros): Script {
  const client = createClient(c.random.fork('health'), '10.0.1.4', 'ELB-HealthChecker/2.0');
  for (;;) yield go(client, c.site.health(), Math.round(every));
}

function* crawler(c: Crowd, every: Micros): Script {
  const random = c.random.fork('crawler');
  const clients = [
    createClient(random, '192.0.2.201', 'Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/about.html)'),
    createClient(random, '192.0.2.202', 'Mozilla/5.0 (compatible; SearchSpider/1.0)'),
  ];
  for (;;) {
    const path = random.pick(['/robots.txt', '/', '/sitemap.xml', '/company/', '/news/2025/']);
    yield go(random.pick(clients), random.chance(0.4) ? c.site.quoteForm() : c.site.unknown(path), Math.round(random.exponential(every)) + MINUTE / 60);
  }
}
