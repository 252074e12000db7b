import type { Answer, Call, Client, Style } from '../exchange.ts';
import type { Frame } from './frame.ts';

/** Percent-encode as browsers and tools do; apostrophes too when `all`. */
function encodeQuery(text: string, all = true): string {
  const e = encodeURIComponent(text);
  return all ? e.replace(/['()*!]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`) : e;
}

/** Encoded more often than it needs, or in a way that only some servers read. */
function tampered(value: string, encoding: Style['encoding']): string {
  switch (encoding) {
    case 'double':
      return encodeQuery(encodeQuery(value));
    case 'triple':
      return encodeQuery(encodeQuery(encodeQuery(value)));
    case 'percent-u':
      return value.replace(/[^\w]/g, ch => `%u${ch.charCodeAt(0).toString(16).padStart(4, '0')}`);
    default:
      return encodeQuery(value);
  }
}

/** How a value travels to the application: in which encoding, in which part of the request. */
export function openCarrier({ style, url, call }: Frame) {
  /** The parameter text as it travels, given what the application shall see. */
  const travelling = (value: string, all: boolean): string => {
    switch (style.encoding) {
      case 'base64':
        return encodeQuery(Buffer.from(value, 'utf8').toString('base64'));
      case 'base64url':
        return Buffer.from(value, 'utf8').toString('base64url');
      case 'json':
        return encodeQuery(JSON.stringify({ filter: { value } }));
      default:
        return all ? tampered(value, style.encoding) : encodeQuery(value, false);
    }
  };
  /** A call whose value goes in by the carrier: the parameter of `path`, a segment after it, or a header of a page beside it. */
  const carry = (path: string, parameter: string, value: string, injected: boolean, run: (c: Client) => Answer): Call => {
    const text = travelling(value, injected);
    if (!injected || style.carrier === 'parameter') return call('GET', `${path}?${parameter}=${text}`, run, 330, url('/quotes/new'));
    const made = call('GET', style.carrier === 'path' ? `${path}/${text}` : `${path}/latest`, run, 330, url('/quotes/new'));
    switch (style.carrier) {
      case 'path':
        return made;
      case 'referer':
        return { ...made, headers: { referer: `https://www.example.net/find?from=${text}` } };
      case 'user-agent':
        return { ...made, headers: { userAgent: value } };
      case 'forwarded':
        return { ...made, headers: { forwarded: value } };
      case 'cookie':
        return { ...made, headers: { cookie: `recent=${text}` } };
    }
  };
  return { travelling, carry };
}
