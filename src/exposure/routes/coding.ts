/** What a parameter's text is written in, beyond the encoding of every URL: the application takes it apart before use. */
export type Coding = 'percent' | 'base64' | 'json';

export const codings: readonly Coding[] = ['percent', 'base64', 'json'];

/** Deeper than this no application goes. */
const mostLayers = 3;

/** The text a value stands for in a coding; undefined when it is not written in it. */
export function decodedAs(value: string, coding: Coding | undefined): string | undefined {
  switch (coding) {
    case undefined:
      return value;
    case 'percent':
      return percentDecoded(value);
    case 'base64':
      return base64Decoded(value);
    case 'json':
      return onlyText(value);
  }
}

/** A value as it stands there, and what it is in each coding it may be written in. */
export function readingsOf(value: string): string[] {
  return [value, ...codings.map(c => decodedAs(value, c)).filter(v => v !== undefined)];
}

/** All texts a value may stand for, taken apart again and again; the value itself comes first. */
export function layersOf(value: string): string[] {
  const out = new Set([value]);
  let last = [value];
  for (let n = 0; n < mostLayers && last.length > 0; n++) {
    last = last.flatMap(v => readingsOf(v).slice(1)).filter(v => !out.has(v));
    for (const v of last) out.add(v);
  }
  return [...out];
}

function percentDecoded(value: string): string | undefined {
  if (!/%[0-9a-f]{2}/i.test(value)) return undefined;
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    // A percent sign that means itself.
    return undefined;
  }
}

/** A plus sign has become a space on the way; of the URL alphabet too, with padding or without. */
function base64Decoded(value: string): string | undefined {
  const text = value.replaceAll(' ', '+');
  if (text.length < 4 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  return decoded === '' || /[\u0000-\u001f\ufffd]/.test(decoded) ? undefined : decoded;
}

/** The one text in a JSON value. */
function onlyText(value: string): string | undefined {
  if (!/^\s*[[{"]/.test(value)) return undefined;
  try {
    const found: string[] = [];
    JSON.parse(value, (_, v: unknown) => {
      if (typeof v === 'string') found.push(v);
      return v;
    });
    return found.length === 1 ? found[0] : undefined;
  } catch {
    return undefined;
  }
}
