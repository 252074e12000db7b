import { outsideHops } from './forwarded.ts';
import type { EventSink, Sample, Source, SourceContext } from './source.ts';

const leastLines = 20;
const nearlyAll = 0.95;
const leastAgents = 3;
const mostOfOneAgent = 0.9;
const latin = new TextDecoder('latin1');

/**
 * How many proxies with addresses from outside (a content network, a protection service) every request passes before the site's own inner one: so many
 * addresses on the right of X-Forwarded-For are theirs. Read from a sample in which nearly all lines name more than one such hop. What one sender writes
 * into the header himself is no sign: several agents must show it.
 */
export function countEdges(source: Source, sample: Sample, context: SourceContext): number {
  if (source.kind !== 'web-access') return 0;
  const seen = { src_ip: '', forwarded: '', user_agent: '' };
  const put = (column: string, text: string): void => {
    if (column in seen) seen[column as keyof typeof seen] = text;
  };
  const sink: EventSink = {
    bytes: (column, bytes, from, to) => put(column, latin.decode(bytes.subarray(from, to))),
    text: put,
    number: () => {},
    target: () => {},
    next: () => {},
  };
  const parser = source.open(context);
  const hops: number[] = [];
  const agents = new Map<string, number>();
  for (const line of sample.lines) {
    seen.src_ip = seen.forwarded = seen.user_agent = '';
    if (parser.parse(line, 0, line.length, sink) !== 'event') continue;
    const outside = outsideHops(seen.src_ip, seen.forwarded);
    if (outside === null) continue;
    hops.push(outside);
    agents.set(seen.user_agent, (agents.get(seen.user_agent) ?? 0) + 1);
  }
  if (hops.length < leastLines || agents.size < leastAgents || Math.max(...agents.values()) > mostOfOneAgent * hops.length) return 0;
  const few = hops.sort((a, b) => a - b)[Math.floor((1 - nearlyAll) * hops.length)]!;
  return Math.max(0, few - 1);
}
