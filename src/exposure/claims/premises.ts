import { type OpenCase, standingDecisions } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import type { StatementLog } from '../replay/statements.ts';
import type { Request } from '../routes/requests.ts';

/** Decided premises; those nobody decided are taken as possible (`actor-wide`) or as true (the others). */
export type Premises = ReadonlyMap<string, boolean>;

export function readPremises(kase: Pick<OpenCase, 'store'>): Premises {
  const out = new Map<string, boolean>();
  for (const d of standingDecisions(kase.store, 'premise.set')) out.set(String(d.body['premise']), d.body['holds'] === true);
  return out;
}

/** Requests of the intruder as the premise on wide attribution has it: theirs for certain, or not theirs. */
export function attributed(requests: readonly Request[], premises: Premises): Request[] {
  const wide = premises.get('actor-wide');
  if (wide === undefined) return [...requests];
  return wide ? requests.map(r => (r.actor === 'wide' ? { ...r, actor: 'strict' as const } : r)) : requests.filter(r => r.actor !== 'wide');
}

/** The same for the statements of the database log. */
export function attributedLog<T extends StatementLog>(log: T, premises: Premises): T {
  const wide = premises.get('actor-wide');
  if (wide === undefined) return log;
  return { ...log, statements: log.statements.map(s => (s.actor === 'wide' ? { ...s, actor: wide ? ('strict' as const) : null } : s)) };
}

/** A premise of the result: how it stands, who decided, how many claims rest on it, and of how many events it said whose they were. */
export type PremiseState = {
  readonly name: string;
  readonly state: 'assumed' | 'holds' | 'fails';
  readonly by: string | null;
  readonly at: string | null;
  readonly claims: number;
  readonly events: number;
};

/** Every premise that claims rest on, that told whose events were, or that somebody decided, in a fixed order. Reads `claim` and `attribution_premise`. */
export async function premiseStates(kase: OpenCase): Promise<PremiseState[]> {
  const used = new Map<string, number>();
  if (await kase.engine.hasTable('claim'))
    for (const r of await kase.engine.rows<{ name: string; n: number }>(
      'exposure.premises',
      sql`select name, count(*) as n from (select unnest(assumptions) as name from claim) a group by name order by name`,
    ))
      used.set(r.name, r.n);
  const told = new Map<string, number>();
  if (await kase.engine.hasTable('attribution_premise'))
    for (const r of await kase.engine.rows<{ premise: string; events: number }>(
      'exposure.attribution-premises',
      sql`select premise, events from attribution_premise order by premise`,
    ))
      told.set(r.premise, r.events);
  const decided = new Map(standingDecisions(kase.store, 'premise.set').map(d => [String(d.body['premise']), d]));
  return [...new Set([...used.keys(), ...told.keys(), ...decided.keys()])].sort().map(name => {
    const d = decided.get(name);
    return {
      name,
      state: d === undefined ? 'assumed' : d.body['holds'] === true ? 'holds' : 'fails',
      by: d?.by ?? null,
      at: d?.at ?? null,
      claims: used.get(name) ?? 0,
      events: told.get(name) ?? 0,
    };
  });
}
