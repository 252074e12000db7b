import type { Element } from '../../case/index.ts';
import { normalisePostalCode, splitPlace } from '../normal/index.ts';
import { type ColumnSample, type Meaning, meaningOfColumn, round } from './decide.ts';
import { readHeader } from './header.ts';
import { type Profile, suggestedSex } from './profile.ts';

/** What every column of one table means: each by itself first, then by its neighbours. */
export function meaningOfTable(columns: readonly ColumnSample[]): Meaning[] {
  const meanings = columns.map(meaningOfColumn);
  const set = (i: number, element: Element, confidence: number, code: string): void => {
    meanings[i]!.reasons.push({ from: 'neighbours', code, element, score: confidence });
    meanings[i] = { element, confidence: round(confidence), reasons: meanings[i]!.reasons };
  };
  const sure = (element: Element): number[] => meanings.flatMap((m, i) => (m.element === element && m.confidence >= 0.5 ? [i] : []));
  const named = columns.map(c => readHeader(c.name)[0] ?? null);
  const weak = (i: number): boolean => (named[i]?.score ?? 0) < 0.65 || meanings[i]!.confidence < 0.5;

  namesInParts(columns, meanings, weak, set);
  postalCodes(columns, meanings, weak, set);
  bankAccounts(columns, meanings, weak, set);
  codedSex(columns, meanings, weak, set);
  namesInEmails(columns, meanings, weak, set);
  const hasPerson = sure('person.name').length + sure('person.kana').length > 0;

  columns.forEach((_c, i) => {
    const m = meanings[i]!;
    if (!weak(i)) return;
    if (
      m.element === 'contact.address' &&
      m.confidence < 0.8 &&
      /block|building/.test(m.reasons[0]?.code ?? '') &&
      !meanings.some((o, j) => j !== i && o.element === 'contact.address')
    )
      set(i, 'none', 0.45, 'block-without-address');
    if (m.element === 'person.birth_date' && !hasPerson && named[i] === null) set(i, 'person.birth_date', Math.min(m.confidence, 0.7), 'no-person-beside');
  });
  logins(columns, meanings, weak, set);
  western(columns, meanings, weak, set);
  const claims = sure('claim.history').length > 0 || sure('claim.payment').length > 0;
  columns.forEach((c, i) => {
    const p = c.profile;
    if (!weak(i) || p.filled === 0) return;
    const m = meanings[i]!;
    if (m.confidence >= 0.6 && m.element !== 'none') return;
    const unique = p.distinct / p.filled;
    const codeLike = p.share.code >= 0.9 && p.shapeShare >= 0.5 && p.share.email < 0.1;
    if (codeLike && insiders.test(c.name)) set(i, 'record.key', 0.6, 'code-of-insiders');
    else if (codeLike && unique > 0.6) {
      if (sure('auth.password').length > 0) set(i, 'agent.licence', 0.6, 'code-beside-login');
      else if (claims && !hasPerson) set(i, 'claim.accident_number', 0.66, 'code-beside-claim');
      else if (hasPerson || claims)
        set(
          i,
          claims && meanings.some(x => x.element === 'contract.policy_number') ? 'claim.accident_number' : 'contract.policy_number',
          0.62,
          'code-beside-person',
        );
      else set(i, 'contract.policy_number', 0.45, 'code');
    } else if (p.numbers && p.share.digits >= 0.99 && m.element !== 'record.key') {
      if (claims && p.numbers.max >= 5000 && unique > 0.2 && p.numbers.round >= 0.5) set(i, 'claim.payment', 0.68, 'amount-beside-claim');
      else if (p.numbers.round >= 0.7 && p.numbers.max >= 1000 && unique > 0.05) set(i, hasPerson ? 'contract.other' : 'none', 0.5, 'amounts');
      else if (unique > 0.5 && p.numbers.max >= 1000 && p.length.deviation < 0.8 && p.numbers.round < 0.3) set(i, 'record.key', 0.55, 'numbers-of-records');
    }
  });
  return meanings;
}

/** Codes of the organisation's own people and places mean nothing to anybody outside. */
const insiders =
  /staff|employee|agency|agent|branch|office|shop|store|department|dept|operator|社員|職員|従業員|担当|代理店|募集人|支店|支社|拠点|営業所|店舗|部署|部門/i;

type Set = (i: number, element: Element, confidence: number, code: string) => void;
type Weak = (i: number) => boolean;

/** A column of short kanji or kana words beside a column of surnames holds the given names, and the other way round. */
function namesInParts(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  const short = (p: Profile): boolean =>
    p.filled >= 5 &&
    p.length.mean <= 4 &&
    p.length.max <= 6 &&
    p.share.han + p.share.kana_only >= 0.95 &&
    p.distinct >= Math.min(20, p.filled * 0.3) &&
    p.share.prefecture < 0.3 &&
    p.share.city < 0.3 &&
    p.share.legal_person < 0.1 &&
    p.share.digits < 0.05 &&
    p.share.health < 0.3;
  columns.forEach((c, i) => {
    if (!weak(i) || meanings[i]!.element !== 'none' || !short(c.profile)) return;
    const beside = [i - 1, i + 1].filter(j => columns[j] !== undefined && meanings[j]!.element === 'person.name');
    if (beside.some(j => columns[j]!.profile.share.surname_only >= 0.4 || columns[j]!.profile.share.given_only >= 0.4))
      set(i, 'person.name', 0.85, 'beside-surname');
  });
}

/** Seven bare digits are a postal code when their prefecture is that of the address beside them. */
function postalCodes(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  const address = columns.findIndex(
    (c, i) => meanings[i]!.element === 'contact.address' && (c.profile.share.address >= 0.4 || c.profile.share.prefecture >= 0.8),
  );
  columns.forEach((c, i) => {
    const p = c.profile;
    if (!weak(i) || p.share.digits7 < 0.95 || p.numbers?.ascending) return;
    if (address < 0) {
      const known = p.values.filter(v => normalisePostalCode(v).valid).length / p.filled;
      if (known >= 0.999 && p.distinct < p.filled * 0.6) set(i, 'contact.postal_code', 0.5, 'seven-digits-repeated');
      return;
    }
    const places = new Map(columns[address]!.profile.at.map((row, k) => [row, columns[address]!.profile.values[k]!]));
    let [same, seen] = [0, 0];
    p.values.forEach((v, k) => {
      const place = places.get(p.at[k]!);
      const prefecture = place === undefined ? null : splitPlace(place).prefecture;
      if (prefecture === null) return;
      seen++;
      if (normalisePostalCode(v).prefecture === prefecture) same++;
    });
    if (seen >= 5 && same / seen >= 0.6) set(i, 'contact.postal_code', 0.94, 'prefecture-agrees');
  });
}

/** Bank, branch, type, number and holder beside each other are one account. */
function bankAccounts(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  const isNumber = (p: Profile): boolean =>
    p.share.digits >= 0.99 && p.length.mean >= 6.5 && p.length.max <= 8 && p.distinct > p.filled * 0.8 && !p.numbers?.ascending;
  const code = (p: Profile, n: number): boolean => p.share.digits >= 0.99 && p.length.max === n && p.length.deviation === 0 && !p.numbers?.ascending;
  const anchors = columns.flatMap((_c, i) => (meanings[i]!.element === 'finance.bank_account' && meanings[i]!.confidence >= 0.8 ? [i] : []));
  if (anchors.length === 0) {
    columns.forEach((c, i) => {
      if (!isNumber(c.profile) || (meanings[i]!.confidence >= 0.9 && meanings[i]!.element !== 'finance.bank_account')) return;
      const near = columns.slice(Math.max(0, i - 4), i);
      if (near.some(n => code(n.profile, 4)) && near.some(n => code(n.profile, 3))) anchors.push(i);
    });
  }
  if (anchors.length === 0) return;
  const [from, to] = [Math.min(...anchors) - 3, Math.max(...anchors) + 3];
  columns.forEach((c, i) => {
    if (i < from || i > to || !weak(i)) return;
    const p = c.profile;
    const near = anchors.some(a => Math.abs(a - i) <= 4);
    if (!near || (meanings[i]!.element === 'finance.bank_account' && meanings[i]!.confidence >= 0.8)) return;
    const otherKana = columns.some((_o, j) => j !== i && meanings[j]!.element === 'person.kana' && (j < from || Math.abs(j - i) > 1));
    if (isNumber(p) && meanings[i]!.element !== 'contact.postal_code') set(i, 'finance.bank_account', 0.88, 'number-beside-bank');
    else if (code(p, 4) || code(p, 3)) set(i, 'finance.bank_account', 0.85, 'code-beside-bank');
    else if (p.share.branch_name >= 0.6) set(i, 'finance.bank_account', 0.9, 'branch-beside-bank');
    else if (
      p.share.bank_kana >= 0.9 &&
      i > Math.min(...anchors) &&
      (otherKana || !columns.some((_o, j) => meanings[j]!.element === 'person.name' && Math.abs(j - i) === 1))
    )
      set(i, 'finance.bank_account', 0.85, 'holder-beside-bank');
    else if (
      p.numbers &&
      p.distinct <= 4 &&
      p.numbers.max <= 9 &&
      Math.abs(anchors.find(a => Math.abs(a - i) <= 2) ?? -9) >= 0 &&
      anchors.some(a => Math.abs(a - i) <= 2) &&
      named(c) === null &&
      columns[i + 1] !== undefined &&
      (isNumber(columns[i + 1]!.profile) || isNumber(columns[i - 1]?.profile ?? p))
    )
      set(i, 'finance.bank_account', 0.7, 'type-beside-bank');
  });
}

const named = (c: ColumnSample): string | null => readHeader(c.name)[0]?.word ?? null;

/** 1/2 or 0/1 is a sex when it goes with the given names beside it. */
function codedSex(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  if (meanings.some(m => m.element === 'person.sex' && m.confidence >= 0.85)) return;
  const sexOf = new Map<number, 'm' | 'f'>();
  columns.forEach((c, i) => {
    if (meanings[i]!.element !== 'person.name') return;
    c.profile.values.forEach((v, k) => {
      const s = suggestedSex(v);
      if (s && !sexOf.has(c.profile.at[k]!)) sexOf.set(c.profile.at[k]!, s);
    });
  });
  if (sexOf.size < 12) return;
  columns.forEach((c, i) => {
    const p = c.profile;
    if (!weak(i) || p.distinct < 2 || p.distinct > 4 || p.length.max > 4) return;
    const table = new Map<string, { m: number; f: number }>();
    p.values.forEach((v, k) => {
      const s = sexOf.get(p.at[k]!);
      if (!s) return;
      const cell = table.get(v) ?? { m: 0, f: 0 };
      cell[s]++;
      table.set(v, cell);
    });
    const all = [...table.values()];
    const total = all.reduce((n, x) => n + x.m + x.f, 0);
    const right = all.reduce((n, x) => n + Math.max(x.m, x.f), 0);
    const men = all.reduce((n, x) => n + x.m, 0);
    if (total >= 12 && right / total >= 0.85 && right / total > Math.max(men, total - men) / total + 0.15) set(i, 'person.sex', 0.9, 'goes-with-given-names');
  });
}

/** Latin words that come back in the local part of the e-mail address beside them are names. */
function namesInEmails(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  const email = columns.findIndex((_c, i) => meanings[i]!.element === 'contact.email' && meanings[i]!.confidence >= 0.8);
  if (email < 0) return;
  const plain = (s: string): string =>
    s
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[^a-z]/g, '');
  const locals = new Map(columns[email]!.profile.at.map((row, k) => [row, plain(columns[email]!.profile.values[k]!.split('@')[0]!)]));
  columns.forEach((c, i) => {
    const p = c.profile;
    if (i === email || !weak(i) || meanings[i]!.element === 'contact.email' || p.share.han > 0.3) return;
    const word = p.values.filter((v, k) => {
      const w = plain(v);
      const l = locals.get(p.at[k]!);
      return w.length >= 3 && l !== undefined && l.includes(w);
    }).length;
    const words = p.values.filter((v, k) => {
      const l = locals.get(p.at[k]!);
      return l !== undefined && v.includes(' ') && v.split(/\s+/).filter(w => plain(w).length >= 3 && l.includes(plain(w))).length >= 2;
    }).length;
    const share = (word + words) / Math.max(1, p.filled);
    if (share < 0.3 || p.distinct <= 3) return;
    if ((p.share.token >= 0.9 && /\d/.test(p.shape)) || p.values.filter(v => /\d/.test(v)).length > p.filled * 0.2)
      set(i, 'auth.login', 0.6, 'in-the-e-mail-address');
    else set(i, 'person.name', 0.9, 'in-the-e-mail-address');
  });
}

/** Parts of a Western address behind the street, details of a card beside its brand or number, ages that follow from birth dates, further surnames. */
function western(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  const undecided = (i: number): boolean => weak(i) && meanings[i]!.element === 'none' && meanings[i]!.confidence <= 0.5;
  const street = columns.findIndex((c, i) => meanings[i]!.element === 'contact.address' && c.profile.share.western_street >= 0.3);
  for (let i = street + 1; street >= 0 && i < Math.min(columns.length, street + 8); i++) {
    const p = columns[i]!.profile;
    if (!undecided(i) || p.filled === 0) continue;
    if (p.share.latin_word >= 0.8) set(i, 'contact.address', 0.7, 'word-behind-street');
    else if (
      p.length.mean >= 3.5 &&
      p.length.mean <= 9 &&
      p.distinct > p.filled * 0.3 &&
      p.values.filter(v => /\d/.test(v)).length >= 0.7 * p.filled &&
      p.share.decimal < 0.2
    )
      set(i, 'contact.postal_code', 0.68, 'code-behind-street');
    else if (/^A{2,3}$/.test(p.shape)) set(i, 'contact.address', 0.6, 'abbreviation-behind-street');
  }
  const card = columns.findIndex((_c, i) => meanings[i]!.element === 'finance.card_number' && meanings[i]!.confidence >= 0.7);
  columns.forEach((c, i) => {
    const p = c.profile;
    if (!undecided(i) || p.filled === 0) return;
    if (
      card >= 0 &&
      Math.abs(i - card) <= 4 &&
      (p.share.expiry >= 0.9 || (p.share.digits >= 0.99 && p.length.max <= 4 && p.length.mean >= 2.5 && p.length.deviation < 0.5))
    )
      set(i, 'finance.card_number', 0.7, 'beside-card');
    const birth = columns.find((_b, j) => meanings[j]!.element === 'person.birth_date' && columns[j]!.profile.years.length > 0);
    if (birth && p.numbers && p.numbers.min >= 0 && p.numbers.max <= 120) {
      const years = new Map(birth.profile.at.map((row, k) => [row, Number(/\d{4}/.exec(birth.profile.values[k]!)?.[0] ?? Number.NaN)]));
      const sums = new Map<number, number>();
      let seen = 0;
      p.values.forEach((v, k) => {
        const y = years.get(p.at[k]!);
        if (y === undefined || Number.isNaN(y)) return;
        seen++;
        sums.set(y + Number(v), (sums.get(y + Number(v)) ?? 0) + 1);
      });
      const top = [...sums.entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 2);
      if (seen >= 10 && top.reduce((n, x) => n + x[1], 0) >= 0.9 * seen) set(i, 'person.other', 0.85, 'age-of-birth-date');
    }
    const surnames = columns.findIndex((_s, j) => j !== i && meanings[j]!.element === 'person.name' && meanings[j]!.confidence >= 0.8);
    if (surnames >= 0 && p.share.latin_word >= 0.9 && p.distinct > p.filled * 0.3 && p.values.every(v => !/\d/.test(v))) {
      const known = new Set(columns.filter((_s, j) => meanings[j]!.element === 'person.name').flatMap(s => s.profile.values));
      const shared = p.values.filter(v => known.has(v)).length / p.filled;
      if (shared >= 0.2 && meanings[i]!.element === 'none') set(i, 'person.name', 0.65, 'values-of-the-name-column');
    }
  });
}

/** A sign-in name and a secret stand side by side: unique tokens, the second without pattern. */
function logins(columns: readonly ColumnSample[], meanings: readonly Meaning[], weak: Weak, set: Set): void {
  const token = (p: Profile): boolean =>
    p.share.token >= 0.95 &&
    p.share.email < 0.2 &&
    p.share.date < 0.2 &&
    p.length.mean <= 24 &&
    p.length.mean >= 4 &&
    p.distinct > p.filled * 0.85 &&
    !/^[A9-]+$/.test(p.shape) &&
    p.share.latin_word < 0.6 &&
    p.share.uuid < 0.5;
  const wild = (p: Profile): boolean =>
    p.shapeShare < 0.3 && new Set(p.values.map(v => v[0])).size >= 10 && p.values.filter(v => /\d/.test(v) && /[a-z]/i.test(v)).length >= 0.5 * p.filled;
  columns.forEach((c, i) => {
    const next = columns[i + 1];
    if (!next || !token(c.profile) || !token(next.profile)) return;
    if (wild(next.profile) && weak(i + 1) && meanings[i + 1]!.confidence < 0.8) set(i + 1, 'auth.password', 0.75, 'secret-beside-login');
    if (meanings[i + 1]!.element === 'auth.password' && weak(i) && meanings[i]!.confidence < 0.8) set(i, 'auth.login', 0.8, 'token-beside-secret');
  });
  columns.forEach((c, i) => {
    if (weak(i) && meanings[i]!.confidence < 0.6 && c.profile.share.hash < 0.5 && token(c.profile) && meanings[i + 1]?.element === 'auth.password')
      set(i, 'auth.login', 0.8, 'token-beside-secret');
  });
}
