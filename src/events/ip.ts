/** Canonical text of an IP address: IPv4 as it is, IPv6 compressed lower-case (RFC 5952), IPv4-mapped as IPv4. Null when it is none. */
export function ipText(text: string): string | null {
  if (ipv4.test(text)) return text.split('.').every(n => +n < 256) ? text : null;
  let t = text;
  if (t.startsWith('[') && t.endsWith(']')) t = t.slice(1, -1);
  const percent = t.indexOf('%');
  if (percent > 0) t = t.slice(0, percent);
  const groups = ipv6Groups(t.toLowerCase());
  if (groups === null) return null;
  if (groups.slice(0, 5).every(g => g === 0) && groups[5] === 0xffff) {
    return `${groups[6]! >> 8}.${groups[6]! & 255}.${groups[7]! >> 8}.${groups[7]! & 255}`;
  }
  return compress(groups);
}

const ipv4 = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

function ipv6Groups(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2 || !/^[0-9a-f:.]{2,45}$/.test(text)) return null;
  const parts = halves.map(half => (half === '' ? [] : half.split(':')).flatMap(group));
  if (parts.some(p => p.includes(Number.NaN))) return null;
  if (halves.length === 1) return parts[0]!.length === 8 ? parts[0]! : null;
  const missing = 8 - parts[0]!.length - parts[1]!.length;
  return missing < 1 ? null : [...parts[0]!, ...new Array<number>(missing).fill(0), ...parts[1]!];
}

function group(text: string): number[] {
  if (ipv4.test(text)) {
    const n = text.split('.').map(Number);
    return n.every(x => x < 256) ? [n[0]! * 256 + n[1]!, n[2]! * 256 + n[3]!] : [Number.NaN];
  }
  return [/^[0-9a-f]{1,4}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN];
}

function compress(groups: readonly number[]): string {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > bestLength) [best, bestLength] = [i, n];
  }
  const hex = groups.map(g => g.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
}
