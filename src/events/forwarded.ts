import { ipText } from './ip.ts';

const inner =
  /^(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/;
const known = new Map<string, string | null>();

/** Addresses that no packet from outside bears (RFC 1918, 6598, 3927, 4193, loopback). */
export const isInner = (ip: string): boolean => inner.test(ip);
/** The same as a pattern for the engine. */
export const innerAddress = inner.source;

/**
 * The client of a request that a proxy of the site's own passed on: the peer is an inner address, and the header names who asked it. Each
 * proxy adds on the right whom it saw, so that inner hops are passed over from there, and as many others as stand before every request (`edges`); the next
 * one is taken. What stands further left the client may have written himself. Null where the peer is from outside (anybody may send such a header) or the
 * header names nobody.
 */
export function clientBehind(peer: string, forwarded: string, edges = 0): string | null {
  if (!isInner(peer)) return null;
  const asked = `${edges} ${forwarded}`;
  let client = known.get(asked);
  if (client === undefined) {
    if (known.size > 50_000) known.clear();
    known.set(asked, (client = clientOf(forwarded, edges)));
  }
  return client;
}

function clientOf(forwarded: string, edges: number): string | null {
  const hops = forwarded.split(',').map(hop => addressOf(hop.trim()));
  // Nobody knows what an entry that is no address hides, nor what stands left of it.
  const readable = hops.slice(hops.lastIndexOf(null) + 1);
  const outside = readable.filter(hop => hop !== null && !isInner(hop));
  return outside.at(-1 - edges) ?? outside[0] ?? hops.at(-1) ?? null;
}

/** How many readable addresses from outside the header names, where an inner peer sent it; else null. */
export function outsideHops(peer: string, forwarded: string): number | null {
  if (forwarded === '' || !isInner(peer)) return null;
  return forwarded.split(',').filter(hop => !isInner(addressOf(hop.trim()) ?? '127.0.0.1')).length;
}

/** An address, also with the port that some balancers add. */
function addressOf(hop: string): string | null {
  return ipText(hop) ?? ipText(/^(\d+\.\d+\.\d+\.\d+|\[[^\]]+\]):\d{1,5}$/.exec(hop)?.[1] ?? '');
}
