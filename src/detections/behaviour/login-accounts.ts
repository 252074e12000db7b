import { SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { EventId } from '../tables.ts';
import { spanOf } from '../times.ts';
import type { SignIn } from './sign-in-answers.ts';

export type LoginAccounts = {
  /** Accounts looked up while the campaign ran; null when the database log shows no such query. Others who signed in meanwhile are among them. */
  readonly tried: ReadonlySet<string> | null;
  /** Per success: the accounts looked up at that moment. */
  readonly candidates: ReadonlyMap<EventId, readonly string[]>;
};

/** A statement, in small letters, that compares a name column and a password column, or a name column alone, with bound values. */
export const loginStatement = String.raw`\bselect\b.{0,400}\bwhere\b.{0,200}\b(?:login|login_id|user_?name|user_?id|email|mail|account|uid|name)["'\x60\]]?\s*=\s*(?:\$1|\?|:\w+|'[^']*').{0,200}\b(?:pass|passwd|password|pwd|pass_hash|password_hash|secret)`;
const slackUs = 2 * SECOND;
const maxCandidates = 50;

/** What the database log says about the accounts of a sign-in campaign. */
export async function loginAccounts(engine: Engine, events: readonly SignIn[]): Promise<LoginAccounts> {
  const { from, to } = spanOf(events.map(e => e.atUs));
  const candidates = new Map<EventId, readonly string[]>();
  if (from > to) return { tried: null, candidates };
  const rows = await engine.rows<{ at_us: number; sql_params: string }>(
    'detection.login-statements',
    sql`
    select at_us, sql_params from event
    where class = 2 and sql_params is not null and at_us between ${from - slackUs}::bigint and ${to + slackUs}::bigint
      and regexp_matches(lower(sql_text), ${sql.lit(loginStatement)})
    order by at_us, event_id limit 1000000`,
  );
  if (rows.length === 0) return { tried: null, candidates };
  const named = rows.map(r => ({ atUs: r.at_us, account: firstText(r.sql_params) })).filter((r): r is { atUs: number; account: string } => r.account !== null);
  for (const e of events) {
    if (e.outcome !== 'success' || e.atUs === null) continue;
    const near = named.filter(n => Math.abs(n.atUs - e.atUs!) <= slackUs).map(n => n.account);
    const unique = [...new Set(near)].sort();
    if (unique.length > 0 && unique.length <= maxCandidates) candidates.set(e.eventId, unique);
  }
  return { tried: new Set(named.map(n => n.account)), candidates };
}

function firstText(params: string): string | null {
  try {
    const list: unknown = JSON.parse(params);
    return Array.isArray(list) && typeof list[0] === 'string' ? list[0] : null;
  } catch {
    return null;
  }
}
