import { widen } from './kana.ts';

export type Email = { original: string; address: string | null; local: string | null; domain: string | null; valid: boolean; key: string | null };

/** An e-mail address: lower case, full width folded, display name and mailto: taken off. Tags (+x) stay in `address`, not in `key`. */
export function normaliseEmail(text: string): Email {
  let s = widen(text).replace(/^mailto:/i, '');
  s = /<([^<>]+)>\s*$/.exec(s)?.[1] ?? s;
  s = s
    .replace(/\s*(?:\[at\]|\(at\)|\{at\})\s*/gi, '@')
    .replace(/\s+/g, '')
    .toLowerCase();
  const at = s.lastIndexOf('@');
  const local = at > 0 ? s.slice(0, at) : null;
  const domain = at > 0 ? s.slice(at + 1).replace(/\.$/, '') : null;
  const shaped =
    local !== null &&
    domain !== null &&
    /^[^\s@"(),:;<>[\]\\]+$/.test(local) &&
    /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,}$/u.test(domain);
  const valid = shaped && !local.startsWith('.') && !local.endsWith('.') && !local.includes('..');
  const key = shaped
    ? `${domain === 'googlemail.com' || domain === 'gmail.com' ? local.replace(/\+.*$/, '').replaceAll('.', '') : local.replace(/\+.*$/, '')}@${domain === 'googlemail.com' ? 'gmail.com' : domain}`
    : null;
  return { original: text, address: shaped ? `${local}@${domain}` : null, local: shaped ? local : null, domain: shaped ? domain : null, valid, key };
}
