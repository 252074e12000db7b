import { MINUTE } from '../base/index.ts';
import { type ColumnSpec, type Engine, sql } from '../engine/index.ts';

/** Why another address may be the same intruder: each component with its weight, in natural logarithms of odds. */
export type SoftLink = {
  readonly actor: string;
  /** The other address, and the actor it belongs to already, if any. */
  readonly address: string;
  readonly other: string | null;
  /** Sum of the components minus the odds against any given address: from 0 on more likely than not. */
  readonly odds: number;
  readonly components: readonly Component[];
};
export type Component = {
  readonly kind: 'agent' | 'network' | 'page' | 'time';
  readonly value: string;
  readonly addresses: number | null;
  readonly weight: number;
};

/** How often two addresses of one intruder have it in common. */
const ifSame = { agent: 0.5, network: 0.1, page: 0.3, time: 0.5 } as const;
/** No component alone decides. */
const cap = 6;
const beside = 10 * MINUTE;
const maxPages = 5000;

const linkColumns: readonly ColumnSpec[] = [
  { name: 'actor_id', type: 'VARCHAR' },
  { name: 'address', type: 'VARCHAR' },
  { name: 'other_actor_id', type: 'VARCHAR' },
  { name: 'odds', type: 'DOUBLE' },
  { name: 'components', type: 'VARCHAR' },
];

/**
 * Soft edges: other addresses that share with an actor what few have (agent, network, pages) and were at work beside him. Writes `actor_link`; events of an address
 * that is nobody's and more likely his than not become possible ones of his. What many share (a hub) weighs nothing, nor do pages where the owner of an account
 * signed in that the intruder used as well: they are the account's. Reads `owner_sign_in`.
 */
export async function linkSoftly(engine: Engine, actors: readonly { readonly id: string; readonly ips: readonly string[] }[]): Promise<SoftLink[]> {
  const links = await readLinks(engine, actors);
  await engine.load(
    'actor_link',
    linkColumns,
    links.map(l => [l.actor, l.address, l.other, l.odds, JSON.stringify(l.components)]),
  );
  await engine.run(
    'intrusion.soft_events',
    sql`insert into actor_event
    with best as (select address, arg_max(actor_id, (odds, actor_id)) as actor_id from actor_link where odds >= 0 and other_actor_id is null group by address),
      agent as (select l.address, c.value as agent from actor_link l join best b using (address, actor_id), (select unnest(cast(l.components as json[])) as j) t, (select t.j ->> '$.kind' as kind, t.j ->> '$.value' as value) c where c.kind = 'agent')
    select b.actor_id, e.event_id, 'wide', 'soft-link' from best b join event e on e.src_ip = b.address
    where (not exists (select 1 from agent a where a.address = b.address) or exists (select 1 from agent a where a.address = b.address and a.agent = e.user_agent))
      and not exists (select 1 from actor_event x where x.event_id = e.event_id) order by e.event_id`,
  );
  return links;
}

type Shared = { actor_id: string; kind: 'agent' | 'network' | 'page'; value: string; address: string; addresses: number };
type Span = { ip: string; first_us: number; last_us: number };

async function readLinks(engine: Engine, actors: readonly { readonly id: string; readonly ips: readonly string[] }[]): Promise<SoftLink[]> {
  if (actors.every(a => a.ips.length === 0)) return [];
  const pairs = actors.flatMap(a => a.ips.map(ip => [a.id, ip]));
  await engine.load(
    'actor_address',
    [
      { name: 'actor_id', type: 'VARCHAR' },
      { name: 'ip', type: 'VARCHAR' },
    ],
    pairs,
  );
  const all = await engine.row<{ n: number; period: number }>(
    'intrusion.addresses',
    sql`select approx_count_distinct(src_ip) as n, coalesce(max(at_us) - min(at_us), 0) as period from event where class = 1`,
  );
  const hub = Math.max(3, Math.floor(all.n / 100));
  const shared = await engine.rows<Shared>(
    'intrusion.shared_features',
    sql`
    with own as (select distinct x.actor_id, e.user_agent as agent, e.path, e.src_ip from actor_event x join event e using (event_id) where x.certainty = 'strict' and e.class = 1 and e.src_ip is not null),
      agent as (select distinct actor_id, agent as value from own where agent is not null and length(agent) between 3 and 300),
      owner as (select distinct src_ip as ip from owner_sign_in),
      page as (select actor_id, path as value from (select distinct actor_id, path from own where path is not null and length(path) between 2 and 200) order by actor_id, path limit ${maxPages}),
      network as (select distinct actor_id, regexp_extract(ip, '^(?:[0-9]+[.]){3}|^(?:[0-9a-f]+:){4}') as value from actor_address),
      agent_use as (select e.user_agent as value, list_distinct(list(e.src_ip)) as ips from event e where e.class = 1 and e.src_ip is not null and e.user_agent in (select value from agent) group by 1 having approx_count_distinct(e.src_ip) <= ${hub} + 2),
      page_use as (select e.path as value, list_distinct(list(e.src_ip)) as ips from event e where e.class = 1 and e.src_ip is not null and e.path in (select value from page) group by 1 having approx_count_distinct(e.src_ip) <= ${hub} + 2),
      network_use as (select regexp_extract(ip, '^(?:[0-9]+[.]){3}|^(?:[0-9a-f]+:){4}') as value, list(ip) as ips from (select distinct src_ip as ip from event where class = 1 and src_ip is not null) group by 1),
      found as (select a.actor_id, 'agent' as kind, a.value, u.ips from agent a join agent_use u using (value)
        union all select a.actor_id, 'page', a.value, u.ips from page a join page_use u using (value)
        union all select a.actor_id, 'network', a.value, u.ips from network a join network_use u using (value) where a.value <> '')
    select f.actor_id, f.kind, f.value, x.address, len(f.ips) as addresses from found f, (select unnest(f.ips) as address) x
    where len(f.ips) between 2 and ${hub} and not exists (select 1 from actor_address a where a.actor_id = f.actor_id and a.ip = x.address)
      and not (f.kind = 'page' and x.address in (select ip from owner))
    order by f.actor_id, x.address, f.kind, f.value`,
  );
  const spans = new Map<string, Span>();
  if (shared.length > 0) {
    const wanted = sql.join([...new Set([...shared.map(s => s.address), ...pairs.map(p => p[1]!)])].sort().map(ip => sql`${ip}`));
    for (const s of await engine.rows<Span>(
      'intrusion.spans',
      sql`select src_ip as ip, min(at_us) as first_us, max(at_us) as last_us from event where class = 1 and src_ip in (${wanted}) and at_us is not null group by 1 order by 1`,
    ))
      spans.set(s.ip, s);
  }
  const company = shared.length === 0 ? new Map<string, number>() : await sharesAtWork(engine, all.n);
  await engine.run('intrusion.drop', sql`drop table actor_address`);
  const owner = new Map(actors.flatMap(a => a.ips.map(ip => [ip, a.id] as const)));
  const chance = new Map<string, number>();
  const groups = new Map<string, Shared[]>();
  for (const s of shared) {
    const kind = `${s.actor_id}\u0000${s.kind}`;
    chance.set(kind, (chance.get(kind) ?? 0) + 1 / Math.max(1, all.n));
    const k = `${s.actor_id}\u0000${s.address}`;
    const list = groups.get(k) ?? [];
    list.push(s);
    groups.set(k, list);
  }
  const links: SoftLink[] = [];
  for (const list of groups.values()) {
    const { actor_id: actor, address } = list[0]!;
    const mine = actors.find(a => a.id === actor)!.ips.flatMap(ip => spans.get(ip) ?? []);
    const components = [...strongest(list, chance), ...timeComponent(mine, spans.get(address), all.period, company.get(actor) ?? 0)];
    const odds = round(components.reduce((n, c) => n + c.weight, 0) - Math.log(Math.max(2, all.n)));
    if (odds >= -2) links.push({ actor, address, other: owner.get(address) ?? null, odds, components });
  }
  return links.sort((a, b) => (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : b.odds - a.odds || (a.address < b.address ? -1 : 1)));
}

/**
 * One component of a kind, named by its rarest value. Its chance is that of any coincidence of that kind: who asks for a thousand pages shares some of them
 * with everybody.
 */
function strongest(list: readonly Shared[], chance: ReadonlyMap<string, number>): Component[] {
  const best = new Map<string, Component>();
  for (const s of list) {
    const weight = round(Math.min(cap, Math.log(ifSame[s.kind] / chance.get(`${s.actor_id}\u0000${s.kind}`)!)));
    const known = best.get(s.kind);
    if (weight > 0 && (!known || s.addresses < (known.addresses ?? 0))) best.set(s.kind, { kind: s.kind, value: s.value, addresses: s.addresses, weight });
  }
  return [...best.values()];
}

/** By actor, the share of all addresses that were at work beside his; his own count too, so that of few addresses nothing is taken for rare. Reads `actor_address`. */
async function sharesAtWork(engine: Engine, addresses: number): Promise<Map<string, number>> {
  const rows = await engine.rows<{ actor_id: string; n: number }>(
    'intrusion.at_work',
    sql`
    with span as (select a.actor_id, min(e.at_us) - ${beside}::bigint as lo, max(e.at_us) + ${beside}::bigint as hi from actor_address a join event e on e.src_ip = a.ip where e.class = 1 and e.at_us is not null group by a.actor_id, a.ip)
    select s.actor_id, approx_count_distinct(e.src_ip) as n from event e join span s on e.at_us between s.lo and s.hi where e.class = 1 and e.src_ip is not null group by 1 order by 1`,
  );
  return new Map(rows.map(r => [r.actor_id, r.n / Math.max(1, addresses)]));
}

/** At work at once, or one just after the other: as rare as that is by the length of their work, and by how many others are at work then (`company`). */
function timeComponent(mine: readonly Span[], other: Span | undefined, period: number, company: number): Component[] {
  if (!other || period <= 0 || mine.length === 0) return [];
  const near = mine.some(m => other.first_us <= m.last_us + beside && other.last_us >= m.first_us - beside);
  const length = Math.max(...mine.map(m => m.last_us - m.first_us)) + (other.last_us - other.first_us) + 2 * beside;
  const weight = round(near ? Math.log(ifSame.time / Math.min(1, Math.max(length / period, company))) : Math.log(1 - ifSame.time));
  return [{ kind: 'time', value: near ? 'beside' : 'apart', addresses: null, weight: Math.min(cap, weight) }];
}

const round = (n: number): number => Math.round(n * 100) / 100;
