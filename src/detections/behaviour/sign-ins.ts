import { groupBy, HOUR, MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { episodes } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { medianGap } from '../times.ts';
import { loginAccounts } from './login-accounts.ts';
import { prepareSignIns, readSignIns, type SignIn } from './sign-in-answers.ts';
import { pooledRuns } from './sign-in-pools.ts';

const minFailures = 10;
const minFailureShare = 0.7;
const campaignGapUs = 10 * MINUTE;
const paceSlackUs = 10 * SECOND;
const mostGaps = 10;

/** Many failed sign-ins and every success among them: over HTTP (with the accounts the database log names) and in authentication logs. */
export async function detectSignIns(engine: Engine): Promise<Detection[]> {
  return [...(await detectHttp(engine)), ...(await detectAuthLogs(engine))];
}

async function detectHttp(engine: Engine): Promise<Detection[]> {
  await prepareSignIns(engine);
  const stubborn = await readSignIns(
    engine,
    'detection.sign-ins-stubborn',
    sql`(route, who) in (select (route, who) from detection_sign_in_keyed where outcome = 'failure' group by route, who having count(*) >= ${minFailures})`,
  );
  const perClient = groupBy(stubborn, a => `${a.route}\u0000${a.srcIp}\u0000${a.agent}`);
  const runs: SignIn[][] = [];
  for (const [, list] of perClient) for (const part of episodes(list, campaignGapUs)) if (isCampaign(part)) runs.push(withoutStrangers(part));
  await markTaken(engine, runs);
  runs.push(...(await scattered(engine)));
  await markTaken(engine, runs);
  const pools = await pooledRuns(engine);
  const out: Detection[] = [];
  for (const campaign of [...joinRounds(merge(runs)), ...pools.map(p => [p])]) {
    const events = campaign.flat().sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.eventId < b.eventId ? -1 : 1));
    out.push(await httpDetection(engine, events));
  }
  return out;
}

function isCampaign(part: readonly SignIn[]): boolean {
  const failed = part.filter(a => a.outcome === 'failure').length;
  return failed >= minFailures && failed >= minFailureShare * part.length;
}

/**
 * Where the log names no agent, people who share the address sign in beside the campaign: a success is the campaign's when it comes at the pace of its failures.
 */
function withoutStrangers(part: readonly SignIn[]): SignIn[] {
  if (part[0]!.agent !== '') return [...part];
  const failed = part.filter(a => a.outcome === 'failure').flatMap(a => a.atUs ?? []);
  const reach = Math.max(paceSlackUs, mostGaps * medianGap(failed));
  return part.filter(a => a.outcome !== 'success' || a.atUs === null || failed.some(t => Math.abs(t - a.atUs!) <= reach));
}

/**
 * One address a try: clients that do nothing but fail, on one route with one agent, far more of them than clients that get in.
 * Only agents that succeed in less than a tenth of their tries count, so that a bad day of real people is none.
 */
async function scattered(engine: Engine): Promise<SignIn[][]> {
  const enough = sql`count(*) filter (where outcome = 'failure') >= 30 and count(distinct coalesce(src_ip, '')) filter (where outcome = 'failure') >= 10`;
  const list = await readSignIns(
    engine,
    'detection.sign-ins-scattered',
    sql`event_id in (
      with open as (select * from detection_sign_in where agent <> '' and event_id not in (select event_id from detection_taken)),
        near as (select * from open where (route, agent) in (select (route, agent) from open group by route, agent having ${enough})),
        cut as (select *, coalesce(at_us - lag(at_us ignore nulls) over w > ${campaignGapUs}::bigint, false)::int as fresh from near window w as (partition by route, agent order by coalesce(at_us, 0), event_id)),
        parts as (select *, sum(fresh) over (partition by route, agent order by coalesce(at_us, 0), event_id rows unbounded preceding) as part from cut)
      select unnest(list(event_id)) from parts group by route, agent, part having ${enough} and count(*) filter (where outcome = 'failure') >= 0.9 * count(*))`,
  );
  const out: SignIn[][] = [];
  for (const [, same] of groupBy(list, a => `${a.route}\u0000${a.agent}`)) {
    const sorted = [...same].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.eventId < b.eventId ? -1 : 1));
    for (const part of episodes(sorted, campaignGapUs)) {
      const failed = part.filter(a => a.outcome === 'failure');
      if (failed.length >= 30 && failed.length >= 0.9 * part.length && new Set(failed.map(a => a.srcIp)).size >= 10) out.push(part);
    }
  }
  return out;
}

/** `detection_taken`: sign-ins that belong to a campaign already. */
async function markTaken(engine: Engine, runs: readonly SignIn[][]): Promise<void> {
  await engine.load(
    'detection_taken',
    [{ name: 'event_id', type: 'BIGINT' }],
    runs.flat().map(a => [a.eventId]),
  );
}

/** Runs with the same route and agent that overlap in time are one campaign from several addresses. */
function merge(runs: readonly SignIn[][]): SignIn[][][] {
  const out: SignIn[][][] = [];
  for (const group of groupBy(runs, r => `${r[0]!.route}\u0000${r[0]!.agent}`).values()) {
    const sorted = [...group].sort((a, b) => (a[0]!.atUs ?? 0) - (b[0]!.atUs ?? 0));
    let end = -Infinity;
    for (const run of sorted) {
      const from = run[0]!.atUs ?? 0;
      if (from > end + MINUTE || out.length === 0 || end === -Infinity) out.push([]);
      out[out.length - 1]!.push(run);
      end = Math.max(end, run[run.length - 1]!.atUs ?? 0);
    }
  }
  return out;
}

const roundsWithinUs = 12 * HOUR;

/** Campaigns of the same addresses, agent and route that come again within half a day are rounds of one. */
function joinRounds(campaigns: readonly SignIn[][][]): SignIn[][][] {
  const out: SignIn[][][] = [];
  for (const same of groupBy(
    campaigns,
    c => `${c[0]![0]!.route}\u0000${c[0]![0]!.agent}\u0000${[...new Set(c.flat().map(a => a.srcIp))].sort().join(',')}`,
  ).values()) {
    let end = -Infinity;
    for (const c of same) {
      const from = c[0]![0]!.atUs ?? 0;
      if (from - end > roundsWithinUs) out.push([]);
      out[out.length - 1]!.push(...c);
      end = Math.max(...c.map(run => run[run.length - 1]!.atUs ?? 0));
    }
  }
  return out;
}

async function httpDetection(engine: Engine, events: readonly SignIn[]): Promise<Detection> {
  const failed = events.filter(a => a.outcome === 'failure').length;
  const successes = events.filter(a => a.outcome === 'success');
  const addresses = [...new Set(events.map(a => a.srcIp ?? ''))].sort();
  const named = await loginAccounts(engine, events);
  const accounts = named.tried ?? new Set(events.map(a => a.account).filter(a => a !== null));
  const rounds = roundsOf(events);
  const names = events.map(a => a.account).filter(a => a !== null);
  const spray = names.length > 0 ? isSpray(names, events) : rounds >= 2;
  return {
    ruleId: successes.length > 0 ? 'sign-in-campaign-success' : 'sign-in-campaign',
    kind: spray ? 'password-spray' : 'credential-stuffing',
    family: 'sign-in',
    level: successes.length > 0 ? 'critical' : 'medium',
    outcome: successes.length > 0 ? 'succeeded' : 'attempted',
    groupKey: `sign-in|${events[0]!.route}|${addresses.slice(0, 5).join(',')}`,
    facts: {
      route: events[0]!.route,
      rounds,
      attempts: events.length,
      failed,
      succeeded: successes.length,
      addresses,
      agent: events[0]!.agent || null,
      accounts_tried: accounts.size || null,
      basis: failed > 0 ? 'status-or-size' : 'none',
    },
    events: events.map(a => ({
      eventId: a.eventId,
      atUs: a.atUs,
      facts: {
        outcome: a.outcome,
        ...(a.account && { account: a.account }),
        ...(a.outcome === 'success' && named.candidates.has(a.eventId) && { account_candidates: named.candidates.get(a.eventId) }),
      },
    })),
  };
}

/** Rounds of about the same length with pauses between them; 1 when the lengths differ or there is no pause. */
function roundsOf(events: readonly SignIn[]): number {
  const parts = episodes(events, campaignGapUs).map(p => p.length);
  return parts.length >= 2 && Math.max(...parts) <= 1.6 * Math.min(...parts) ? parts.length : 1;
}

/** Spraying goes round: several accounts, each tried again only after the others, with pauses; stuffing tries each pair once. */
function isSpray(accounts: readonly string[], events: readonly { atUs: number | null }[]): boolean {
  const tries = new Map<string, number>();
  for (const a of accounts) tries.set(a, (tries.get(a) ?? 0) + 1);
  if (tries.size < 5) return false;
  const times = events.map(e => e.atUs ?? 0);
  const pauses = times.slice(1).filter((t, i) => t - times[i]! >= 5 * MINUTE).length;
  const mean = accounts.length / tries.size;
  return mean >= 2 && Math.max(...tries.values()) <= mean * 2 && pauses >= Math.floor(mean) - 1 && pauses >= 1;
}

type AuthRow = {
  event_id: number;
  at_us: number | null;
  src_ip: string | null;
  account: string | null;
  outcome: number;
  repeat: number;
  host: string | null;
};

async function detectAuthLogs(engine: Engine): Promise<Detection[]> {
  const rows = await engine.rows<AuthRow>(
    'detection.auth',
    sql`
    select event_id, at_us, src_ip, account, coalesce(outcome, 0)::integer as outcome, coalesce(repeat_count, 1)::integer as repeat, host from event
    where class = 3 and src_ip is not null and outcome in (1, 2)
    order by at_us nulls first, event_id`,
  );
  const out: Detection[] = [];
  for (const [ip, list] of groupBy(rows, r => r.src_ip!)) {
    for (const part of episodes(list.map(r => ({ ...r, atUs: r.at_us })))) {
      const failed = part.reduce((n, r) => n + (r.outcome === 2 ? r.repeat : 0), 0);
      const good = part.filter(r => r.outcome === 1);
      if (failed < minFailures || failed < minFailureShare * (failed + good.length)) continue;
      const names = part.map(r => r.account).filter(a => a !== null);
      const accounts = new Set(names);
      // A success is the intruder's only when failures for the same source came before it.
      const succeeded = good.filter(g => part.some(r => r.outcome === 2 && (r.atUs ?? 0) <= (g.atUs ?? 0)));
      out.push({
        ruleId: succeeded.length > 0 ? 'account-sign-in-success' : 'account-sign-in-campaign',
        kind: isSpray(names, part) ? 'password-spray' : 'credential-stuffing',
        family: accounts.size >= 5 ? 'sign-in' : 'brute-force',
        level: succeeded.length > 0 ? 'critical' : 'medium',
        outcome: succeeded.length > 0 ? 'succeeded' : 'attempted',
        groupKey: `auth|${ip}`,
        facts: {
          addresses: [ip],
          failed,
          succeeded: succeeded.length,
          accounts_tried: accounts.size,
          accounts_entered: [...new Set(succeeded.map(g => g.account))].sort(),
        },
        events: part.map(r => ({
          eventId: r.event_id,
          atUs: r.atUs,
          facts: { outcome: r.outcome === 1 ? 'success' : 'failure', ...(r.account && { account: r.account }) },
        })),
      });
    }
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}
