import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { widen } from './kana.ts';

export type Phone = {
  original: string;
  e164: string | null;
  national: string | null;
  country: string | null;
  type: string | null;
  valid: boolean;
  /** Digits as dialled inside Japan (or with + for other countries): what two spellings share. Null when it cannot be a number. */
  key: string | null;
};

/** A telephone number in any spelling. A number that follows no numbering plan keeps its digits with `valid: false`. */
export function normalisePhone(text: string): Phone {
  const wide = phoneText(text);
  const parsed = parsePhoneNumberFromString(wide, 'JP');
  const key = phoneKey(text);
  if (!parsed) return { original: text, e164: null, national: null, country: null, type: null, valid: false, key };
  const valid = parsed.isValid();
  return {
    original: text,
    e164: parsed.number,
    national: parsed.formatNational(),
    country: parsed.country ?? null,
    type: parsed.getType()?.toLowerCase() ?? null,
    valid,
    key,
  };
}

function phoneText(text: string): string {
  return widen(text)
    .replace(/[‐‑‒–—―−ーｰ─]/g, '-')
    .replace(/^(?:tel|電話|携帯|fax)[\s.::]*/i, '');
}

/** The digits alone: +81 90… , 0081 90… and 090… are one. Null when fewer than 9 or more than 15 digits. */
export function phoneKey(text: string): string | null {
  const wide = phoneText(text).replace(/\s*(?:\(?(?:内線|ext\.?|x)\)?\s*\d+)$/i, '');
  let digits = wide.replace(/\D/g, '');
  if (/^\+?\s*81/.test(wide) && digits.length >= 11) digits = `0${digits.slice(2).replace(/^0/, '')}`;
  else if (digits.startsWith('010') && digits.slice(3, 5) === '81') digits = `0${digits.slice(5).replace(/^0/, '')}`;
  else if (digits.startsWith('0081')) digits = `0${digits.slice(4).replace(/^0/, '')}`;
  else if (/^[789]0\d{8}$/.test(digits)) digits = `0${digits}`;
  return digits.length >= 9 && digits.length <= 15 ? digits : null;
}
