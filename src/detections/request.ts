import { MINUTE } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';

/** Silence that ends an episode of one actor. */
export const episodeGapUs = 30 * MINUTE;

/**
 * The view `detection_request`: HTTP events with `actor`, the best identity a request carries: session, else account, else address and agent.
 * `client` is always address and agent.
 */
export async function prepareRequests(engine: Engine): Promise<void> {
  await engine.run(
    'detection.request',
    sql`create or replace temp view detection_request as
    select event_id, at_us, file_no, system_id, src_ip, session, account, user_agent, method, target, target_norm, path, query, status, bytes_out, duration_us,
      referer, forwarded, content_type, extra,
      coalesce('s:' || session, 'a:' || account, 'i:' || coalesce(src_ip, '') || '|' || coalesce(user_agent, '')) as actor,
      'i:' || coalesce(src_ip, '') || '|' || coalesce(user_agent, '') as client
    from event where class = 1`,
  );
}

/** Cut a list in time order where more than `gap` lies between neighbours. Events without a time go to the first episode. */
export function episodes<T extends { readonly atUs: number | null }>(events: readonly T[], gap: number = episodeGapUs): T[][] {
  const out: T[][] = [];
  let last: number | null = null;
  for (const e of events) {
    if (out.length === 0 || (last !== null && e.atUs !== null && e.atUs - last > gap)) out.push([]);
    out[out.length - 1]!.push(e);
    if (e.atUs !== null) last = e.atUs;
  }
  return out;
}
