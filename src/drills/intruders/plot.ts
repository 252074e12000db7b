import { type Micros, SECOND } from '../../base/index.ts';
import type { Answer, Call, Client } from '../exchange.ts';
import type { Dialect, Strategy, Tamper, Vector } from '../options.ts';
import type { Play, Script, Step } from '../play.ts';
import type { Random } from '../random.ts';
import type { Site } from '../site/create-site.ts';
import type { Row } from '../tables.ts';
import type { Truth } from '../truth.ts';
import { createClient, officeAddress } from '../users.ts';

/** What an intrusion script may use. */
export type Plot = {
  readonly site: Site;
  readonly random: Random;
  readonly truth: Truth;
  readonly play: Play;
  readonly seed: number;
  readonly dialect: Dialect;
  readonly strategy: Strategy;
  readonly tamper: Tamper;
  readonly vector: Vector;
  readonly oneShot: boolean;
  readonly knowsWidth: boolean;
  readonly outOfBand: boolean;
  readonly threads: number;
  readonly sharedAddress: boolean;
  readonly targetRows: number;
  /** Stop in the middle of a value. */
  readonly interrupted: boolean;
  /** Stretches of the period between phases, from minutes in tiny drills to hours. */
  readonly lull: Micros;
  /** The owner of an account works on, beside whoever else uses it. */
  readonly ownerWorks: (login: string) => void;
  /** Records an enumeration goes for. */
  readonly reach: number;
};

/** The part that any intruder needs, whatever the application. */
export type Stagecraft = Pick<Plot, 'random' | 'truth' | 'play' | 'sharedAddress' | 'lull'>;

/** An intrusion as it goes on; what it brings back can be used by the next phase. */
export type Act<T = void> = Generator<Step, T, Answer | null>;

const tools = [
  'python-requests/2.32.3',
  'Go-http-client/1.1',
  'curl/8.9.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 Chrome/87.0.4280.88 Safari/537.36',
];

/** A new client of the intruder in a phase. */
export function intruder(plot: Stagecraft, phase: string, options: { ip?: string; userAgent?: string } = {}): Client {
  const ip =
    options.ip ?? (plot.sharedAddress ? officeAddress('tokyo') : `${plot.random.pick(['192.0.2', '203.0.113', '198.51.100'])}.${plot.random.int(100, 199)}`);
  return createClient(plot.random, ip, options.userAgent ?? plot.random.pick(tools), phase);
}

/** Same session from another address or in another phase. */
export const asPhase = (client: Client, phase: string, ip = client.ip): Client => ({ ...client, phase, ip });

/** Send and give back the answer. */
export function* send(client: Client, call: Call, wait: Micros): Act<Answer> {
  return (yield { client, call, wait })!;
}

export function* rest(wait: Micros): Act {
  yield { client: null, call: null, wait };
}

/** Between two phases. */
export function* lull(plot: Stagecraft): Act {
  yield* rest(Math.floor(plot.lull * (0.6 + plot.random.float() * 0.8)));
}

/** Human-made or tool-made gaps between requests. */
export const haste = (random: Random, mean: Micros): Micros => 2_000 + Math.floor(random.exponential(mean));

/** Run scripts side by side and wait for the last. */
export function* together(plot: Stagecraft, scripts: Act[]): Act {
  let open = scripts.length;
  function* counted(script: Act): Script {
    yield* script;
    open--;
  }
  for (const script of scripts) plot.play.spawn(plot.play.now() + 1000, counted(script));
  while (open > 0) yield* rest(SECOND);
}

/** Some agent whose account will be used; weak passwords first. */
export function victimAgent(plot: Plot): Row {
  const agents = plot.site.world.tables['agents']!;
  const weak = agents.rows.filter(r => r[agents.column('password')] === 'sakura2024');
  return plot.random.pick(weak.length ? weak : agents.rows);
}

/** Sign in with known credentials; notes the account in the phase. */
export function* signIn(plot: Plot, client: Client, agent: Row): Act {
  const agents = plot.site.world.tables['agents']!;
  const login = agent[agents.column('login')]!;
  yield* send(client, plot.site.login(login, agent[agents.column('password')]!), 0);
  plot.truth.phase(client.phase!).account = login;
}
