import { HOUR, MINUTE, type Micros, utcMicros } from '../base/index.ts';
import { accountUse, credentialStuffing, idEnumeration, massExport, passwordSpray, recon, slowScrape } from './intruders/browsing.ts';
import { booleanInjection, errorInjection, stackedInjection, timeInjection, unionDump, unionInjection } from './intruders/injections.ts';
import { type Act, lull, type Plot, rest } from './intruders/plot.ts';
import { databaseDump, pathTraversal, webShell } from './intruders/servers.ts';
import type { ScenarioName } from './options.ts';
import { createInsurer, type World } from './worlds/insurer.ts';
import { createPetInsurer } from './worlds/pet.ts';

export type Scenario = {
  readonly title: { readonly ja: string; readonly en: string };
  /** Rows go to a database log by default. */
  readonly database: boolean;
  /** The share of the period at which the intrusion begins. */
  readonly begins: number;
  readonly play: ((plot: Plot, period: Micros) => Act) | null;
  /** First midnight in Japan, and how many days at a scale. */
  readonly firstDayUs: Micros;
  readonly days: (scale: number) => number;
  readonly lines: (scale: number) => number;
  readonly world: (seed: number, scale: number) => World;
};

/** Midnight in Japan at the beginning of a day of 2025. */
const midnight = (month: number, day: number): Micros => utcMicros(2025, month, day) - 9 * HOUR;

function* single(act: Act<unknown>): Act {
  yield* act;
}

function* stuffing(plot: Plot): Act {
  const session = yield* credentialStuffing(plot, 40 + plot.reach);
  yield* lull(plot);
  yield* accountUse(plot, session);
}

function* spray(plot: Plot): Act {
  const session = yield* passwordSpray(plot);
  if (!session) return;
  yield* lull(plot);
  yield* accountUse(plot, session);
}

function* fullChain(plot: Plot): Act {
  yield* recon(plot);
  yield* lull(plot);
  const session = yield* credentialStuffing(plot, 60 + plot.reach);
  yield* lull(plot);
  const client = yield* idEnumeration(plot, session);
  yield* lull(plot);
  yield* massExport(plot, client);
  yield* lull(plot);
  yield* booleanInjection(plot, 'bank_accounts');
  yield* lull(plot);
  yield* unionInjection(plot, 'agents');
  yield* lull(plot);
  yield* errorInjection(plot, 'claims');
  yield* lull(plot);
  yield* timeInjection(plot, 'agents');
}

/** The second reference incident: a month of quiet windows, table after table; the small ones last. */
function* petMonth(plot: Plot, period: Micros): Act {
  yield* booleanInjection(plot, 'customers');
  yield* lull(plot);
  const share = period * 0.89;
  const sizes = Object.fromEntries(['quotes', 'customers', 'clinics', 'victims', 'agencies'].map(n => [n, plot.site.world.tables[n]!.rows.length]));
  const all = Object.values(sizes).reduce((a, b) => a + b, 0);
  yield* unionDump(plot, Object.keys(sizes), 500, name => rest(Math.floor((share * sizes[name]!) / all)));
}

const plain = (ja: string, en: string, play: Scenario['play'], more: Partial<Scenario> = {}): Scenario => ({
  title: { ja, en },
  database: true,
  begins: 0.35,
  play,
  firstDayUs: midnight(4, 14),
  days: scale => (scale >= 0.02 ? 8 : 2),
  lines: scale => Math.round(250_000 * scale),
  world: (seed, scale) => createInsurer(seed, Math.max(40, Math.round(50_000 * scale))),
  ...more,
});

/** The first reference incident (`indicator-subsystem`) is made in a file of its own. */
export const scenarios: Record<Exclude<ScenarioName, 'indicator-subsystem'>, Scenario> = {
  'id-enumeration': plain('顧客番号の総当たりによる閲覧', 'Customer records read by counting through their numbers', plot => single(idEnumeration(plot))),
  'mass-export': plain('一括出力機能による持ち出し', 'Records taken with the export function', plot => massExport(plot)),
  'sqli-union': plain('SQLインジェクション(UNION)', 'SQL injection: rows shown in the page', plot => unionInjection(plot)),
  'sqli-boolean': plain('SQLインジェクション(真偽)', 'SQL injection: values read by yes and no', plot => booleanInjection(plot)),
  'sqli-time': plain('SQLインジェクション(応答時間)', 'SQL injection: values read by delays', plot => timeInjection(plot)),
  'sqli-error': plain('SQLインジェクション(エラー文)', 'SQL injection: values in error messages', plot => errorInjection(plot)),
  'sqli-stacked': plain('SQLインジェクション(複文)', 'SQL injection: a second statement', plot => stackedInjection(plot)),
  'credential-stuffing': plain('リスト型攻撃によるアカウントの不正利用', 'Stolen passwords tried, an account taken over', stuffing),
  'password-spray': plain('パスワードスプレーによるアカウントの不正利用', 'One password tried on every account', spray),
  'slow-scrape': plain('長期間の低速な閲覧', 'Records read slowly over days', (plot, period) => slowScrape(plot, period * 0.5), { begins: 0.2 }),
  'web-shell': plain('不正プログラム(Webシェル)の設置', 'A web shell', webShell),
  'path-traversal': plain('パストラバーサルによるファイルの閲覧', 'Files read by path traversal', pathTraversal),
  'db-dump': plain('データベース認証情報の悪用', 'Tables copied with a stolen database password', databaseDump),
  'full-chain': plain('保険Webシステムへの不正アクセス', 'Unauthorised access to the insurance web system', fullChain, { begins: 0.3 }),
  'pet-insurance': plain('ペット保険システムへの不正アクセス', 'Unauthorised access to the pet insurance system', petMonth, {
    begins: 0.04,
    firstDayUs: midnight(3, 18),
    days: () => 36,
    lines: scale => Math.max(2000, Math.round(1_500_000 * scale)),
    world: createPetInsurer,
  }),
  benign: plain('侵入のない期間', 'A period without an incident', null),
};

/** How long an intruder waits between phases, from what is left of the period. */
export const lullFor = (period: Micros): Micros => Math.min(9 * HOUR, Math.max(MINUTE, period * 0.05));
