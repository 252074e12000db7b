import { type Engine, sql } from '../engine/index.ts';

/** Who sent a request, by keys: the best identity it carries (`who`), and address and agent (`client`), which are the same where it carries no other. */
export type Sent = { readonly who: number; readonly client: number };

export type Senders = {
  readonly actor: (row: Sent) => string;
  readonly client: (row: Sent) => string;
  readonly agent: (row: Sent) => string | null;
};

/** The texts behind the keys of these requests. */
export async function readSenders(engine: Engine, rows: Iterable<Sent>): Promise<Senders> {
  const keys = new Set<number>();
  for (const r of rows) keys.add(r.who).add(r.client);
  await engine.load(
    'detection_sender',
    [{ name: 'key', type: 'BIGINT' }],
    [...keys].map(k => [k]),
  );
  const clients = new Map<number, { client: string; user_agent: string | null }>();
  for await (const batch of engine.stream<{ key: number; client: string; user_agent: string | null }>(
    'detection.senders',
    sql`select key::double as key, client, user_agent from detection_sender join detection_client on client_key = key`,
  ))
    for (const r of batch) clients.set(r.key, r);
  const holders = new Map<number, string>();
  for await (const batch of engine.stream<{ key: number; holder: string }>(
    'detection.senders',
    sql`select key::double as key, holder from detection_sender join detection_holder on holder_key = key`,
  ))
    for (const r of batch) holders.set(r.key, r.holder);
  const client = (r: Sent): string => clients.get(r.client)!.client;
  return { client, actor: r => (r.who === r.client ? client(r) : holders.get(r.who)!), agent: r => clients.get(r.client)!.user_agent };
}
