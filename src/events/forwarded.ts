import { ipText } from './ip.ts';

const inner =
  /^(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/;
const known = new Map<string, string | null>();

/** Addresses that no packet from outside bears (RFC 1918, 6598, 3927, 4193, loopback). */
export const isInner = (ip: string): boolean => inner.test(ip);

/**
 * The client of a request that a proxy of the site's own passed on: the peer is an inner address, and the header names who asked it. Each
 * proxy adds on the right whom it saw, so that inner hops are passed over from there and the first other one is taken; what stands further
 * left the client may have written himself. Null where the peer is from outside (anybody may send such a header) or the header names nobody.
 */
export function clientBehind(peer: string, forwarded: string): string | null {
  if (!isInner(peer)) return null;
  let client = known.get(forwarded);
  if (client === undefined) {
    if (known.size > 50_000) known.clear();
    known.set(forwarded, (client = lastOutside(forwarded)));
  }
  return client;
}

function lastOutside(forwarded: string): string | null {
  const hops = forwarded.split(',').map(hop => addressOf(hop.trim()));
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hops[i]!;
    // Nobody knows what an entry that is no address hides, nor what stands left of it.
    if (hop === null) break;
    if (!isInner(hop)) return hop;
  }
  return hops.at(-1) ?? null;
}

/** An address, also with the port that some balancers add. */
function addressOf(hop: string): string | null {
  return ipText(hop) ?? ipText(/^(\d+\.\d+\.\d+\.\d+|\[[^\]]+\]):\d{1,5}$/.exec(hop)?.[1] ?? '');
}
