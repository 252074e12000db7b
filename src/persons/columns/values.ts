import type { Element } from '../../case/index.ts';
import type { Profile } from './profile.ts';

export type Candidate = { readonly element: Element; readonly score: number; readonly reason: string };

const ratio = (p: Profile): number => (p.filled === 0 ? 0 : p.distinct / p.filled);

/** What the values alone suggest, best first. Scores are confidences 0–1. */
export function readValues(p: Profile): Candidate[] {
  const s = p.share;
  const out: Candidate[] = [];
  const say = (element: Element, score: number, reason: string): void => {
    if (score > 0) out.push({ element, score, reason });
  };
  if (p.filled === 0) return [{ element: 'none', score: 0.3, reason: 'empty' }];
  const some = p.filled >= 5 ? 1 : 0.8;

  if (s.email >= 0.6) say('contact.email', 0.98, 'email-shape');
  if (s.hash >= 0.8) say('auth.password', 0.85, 'hash-shape');
  if (s.uuid >= 0.9) say('record.key', 0.9, 'uuid');
  if (s.url >= 0.6 || s.ip >= 0.9) say('none', 0.85, s.url >= 0.6 ? 'url' : 'network-address');
  if (s.card >= 0.8) say('finance.card_number', 0.97, 'card-luhn');
  else if (s.masked_card >= 0.8) say('finance.card_number', 0.9, 'card-masked');
  if (s.card_brand >= 0.9) say('finance.card_number', 0.85, 'card-brands');
  if (s.card_rounded >= 0.8) say('finance.card_number', 0.75, 'card-numbers-rounded');
  if (s.title >= 0.9) say('person.other', 0.85, 'titles');
  if (s.my_number >= 0.93 && p.filled >= 3) say('id.my_number', 0.96, 'my-number-check-digit');
  if (s.licence >= 0.93 && p.filled >= 3) say('id.driver_licence', s.my_number >= 0.93 ? 0.5 : 0.94, 'licence-check-digit');
  if (s.digits12 >= 0.95 && s.my_number < 0.93 && s.licence < 0.93 && ratio(p) > 0.9) say('id.driver_licence', licencePlaces(p) ? 0.6 : 0.3, 'twelve-digits');
  if (s.corporate >= 0.95) say('none', 0.8, 'corporate-number');
  if (s.residence_card >= 0.9) say('id.residence_card', 0.96, 'residence-card-shape');
  if (s.passport >= 0.9) say('id.passport', passportLetters(p) ? 0.88 : 0.45, 'passport-shape');
  if (s.insurer >= 0.95 && p.filled >= 10 && !p.numbers?.ascending && ratio(p) > 0.01) say('id.health_insurance', 0.88, 'insurer-check-digit');

  if (s.phone >= 0.7) say('contact.phone', s.mobile >= 0.3 || p.shape.includes('-') ? 0.97 : 0.9, 'phone-shape');
  else if (s.phone_shape >= 0.7 && s.date < 0.5 && s.postal_hyphen < 0.5 && s.card < 0.5 && s.decimal < 0.5) say('contact.phone', 0.8, 'phone-shape');
  if (s.postal_hyphen >= 0.8) say('contact.postal_code', 0.96, 'postal-code-shape');
  if (s.address >= 0.5) say('contact.address', 0.97, 'address-shape');
  else if (s.western_street >= 0.3 && s.email < 0.3) say('contact.address', 0.85, 'street-shape');
  else if (s.prefecture >= 0.9) say('contact.address', 0.86, 'prefecture-names');
  else if (s.city >= 0.8 && s.han >= 0.5) say('contact.address', 0.82, 'city-names');
  else if (s.place_start >= 0.6 && s.han > 0.6 && s.surname_only < 0.5 && s.legal_person < 0.3) say('contact.address', 0.75, 'place-names');
  else if (s.building >= 0.6 && s.sentence < 0.3) say('contact.address', 0.78, 'building-names');
  else if (s.block >= 0.7 && s.date < 0.3 && s.phone < 0.3 && s.code < 0.5) say('contact.address', 0.72, 'block-numbers');

  const person = s.legal_person < 0.3 && s.sentence < 0.3 && s.address < 0.2;
  if (person && s.name_shape >= 0.75 && s.surname_start >= 0.3 && s.prefecture < 0.3 && s.city < 0.3) {
    say('person.name', Math.min(0.97, 0.62 + 0.25 * s.surname_start + 0.25 * s.given_end), 'surnames-and-given-names');
  } else if (person && s.name_shape >= 0.75 && s.given_end >= 0.45 && s.city < 0.3 && s.given_only < 0.5) say('person.name', 0.75, 'given-names');
  if (person && s.surname_only >= 0.5 && s.prefecture < 0.5) say('person.name', 0.88, 'surnames');
  if (person && s.given_only >= 0.4) say('person.name', 0.86, 'given-names');
  if (s.kana_only >= 0.9 && s.kana_surname >= 0.3) say('person.kana', Math.min(0.96, 0.7 + 0.3 * s.kana_surname), 'surname-readings');
  else if (s.kana_only >= 0.9 && s.kana_surname_only >= 0.4) say('person.kana', 0.88, 'surname-readings');
  else if (s.kana_only >= 0.9 && s.kana_given >= 0.4) say('person.kana', 0.84, 'given-name-readings');
  if (s.month >= 0.9) say('none', 0.85, 'months');
  if (s.legal_person >= 0.5) say('none', 0.7, 'names-of-bodies');
  if (s.romaji_name >= 0.4) say('person.name', 0.86, 'romaji-names');
  if (s.western_full >= 0.4 && s.latin_word >= 0.7) say('person.name', 0.85, 'western-names');
  else if (s.western_given >= 0.3 && s.latin_word >= 0.8 && p.length.mean < 12 && p.distinct > 3) say('person.name', 0.8, 'western-given-names');
  else if (s.western_surname >= 0.3 && s.latin_word >= 0.8 && p.length.mean < 12 && p.distinct > 3) say('person.name', 0.75, 'western-surnames');

  if (s.sex >= 0.98 && p.distinct <= 5 && p.distinct >= 1) say('person.sex', 0.93 * some, 'two-sexes');
  if (p.years.length > 0 && s.time < 0.3) dates(p, say);
  else if (s.time >= 0.6 && s.date >= 0.6) say('none', 0.8, 'time-stamp');
  if (s.bank_name >= 0.7) say('finance.bank_account', 0.92, 'bank-names');
  if (s.account_type >= 0.95 && p.distinct <= 6) say('finance.bank_account', 0.93, 'account-types');
  if (s.branch_name >= 0.8) say('finance.bank_account', 0.5, 'branch-names');

  if (s.sensitive >= 0.4) say('sensitive.other', 0.7, 'words-of-belief-or-record');
  if (s.claim >= 0.5 && s.claim >= s.health * 0.8) say('claim.history', 0.78, 'words-of-claims');
  if (s.health >= 0.4 && s.claim < 0.8 && !(s.claim >= 0.5 && p.distinct <= 30 && p.length.mean <= 6))
    say('sensitive.health', s.sentence >= 0.6 ? 0.65 : 0.84, 'words-of-health');
  if (s.sentence >= 0.5 && p.length.mean >= 10) say('free_text', 0.8, 'sentences');

  if (p.numbers && s.digits >= 0.99) {
    if (p.numbers.ascending && p.filled >= 3 && p.filled === p.rows) say('record.key', 0.9, 'ascending-and-unique');
    else if (p.distinct === p.filled && p.filled >= 20 && (p.numbers.max - p.numbers.min) / p.filled <= 12) say('record.key', 0.8, 'dense-numbers');
    else if (p.distinct === p.filled && p.filled >= 20 && p.length.mean >= 4) say('record.key', 0.45, 'unique-numbers');
  }
  if (p.distinct <= Math.max(3, Math.min(60, p.filled * 0.05)) && p.filled >= 10) say('none', 0.5, 'few-values');
  return out.sort((a, b) => b.score - a.score || (a.element < b.element ? -1 : 1));
}

function dates(p: Profile, say: (element: Element, score: number, reason: string) => void): void {
  const low = p.years[Math.floor(p.years.length * 0.1)]!;
  const middle = p.years[Math.floor(p.years.length * 0.5)]!;
  const high = p.years[Math.floor(p.years.length * 0.9)]!;
  if (low >= 1900 && middle <= 1992 && high - low >= 20) say('person.birth_date', 0.92, 'dates-of-a-lifetime');
  else if (low >= 1900 && low <= 1985 && high - low >= 25) say('person.birth_date', 0.85, 'dates-of-a-lifetime');
  else say('none', 0.55, 'recent-dates');
}

function licencePlaces(p: Profile): boolean {
  return p.values.every(v => {
    const n = +v.slice(0, 2);
    return n >= 10 && n <= 97;
  });
}

function passportLetters(p: Profile): boolean {
  return p.values.filter(v => /^[TMN]/.test(v)).length >= 0.9 * p.filled && new Set(p.values.map(v => v.slice(0, 2))).size >= 3;
}

/** Could a column with these values hold this element at all? Decides whether a header is believed. */
export function fits(element: Element, p: Profile): boolean {
  const s = p.share;
  if (p.filled === 0) return true;
  switch (element) {
    case 'contact.email':
      return s.email >= 0.3;
    case 'contact.phone':
      return s.phone >= 0.2 || s.phone_shape >= 0.2 || (s.digits >= 0.8 && p.length.mean >= 7 && p.length.mean <= 15);
    case 'contact.postal_code':
      return s.postal_hyphen >= 0.2 || s.digits7 >= 0.2 || (p.length.mean >= 3 && p.length.max <= 11 && s.email === 0 && s.date < 0.5);
    case 'contact.address':
      return s.email < 0.3 && s.date < 0.5 && s.ip < 0.5 && s.phone < 0.5;
    case 'person.name':
      return s.digits < 0.3 && s.email < 0.3 && s.date < 0.3 && s.sentence < 0.6 && s.address < 0.5 && s.code < 0.6 && p.length.mean < 60;
    case 'person.kana':
      return (
        s.digits < 0.3 &&
        s.email < 0.3 &&
        s.date < 0.3 &&
        (s.kana_only >= 0.3 || s.bank_kana >= 0.3 || s.latin_word > 0.3 || s.romaji_name > 0.1 || /^[Aa ]+$/.test(p.shape))
      );
    case 'person.birth_date':
      return s.date >= 0.5 || (s.digits >= 0.9 && p.length.mean >= 4 && p.length.mean <= 8);
    case 'person.sex':
      return p.distinct <= 8 && p.length.max <= 12;
    case 'claim.payment':
      return p.numbers !== null || s.amount > 0.3;
    case 'finance.card_number':
      return s.email < 0.3 && s.han < 0.5;
    case 'id.my_number':
      return s.digits12 >= 0.5;
    case 'id.driver_licence':
      return s.digits12 >= 0.5;
    case 'id.passport':
      return p.share.passport >= 0.3 || (p.length.mean >= 6 && p.length.mean <= 10 && s.han < 0.2);
    case 'id.residence_card':
      return s.residence_card >= 0.3;
    case 'auth.password':
      return s.date < 0.6 && s.email < 0.6 && s.han < 0.4;
    case 'auth.login':
      return s.date < 0.6 && s.time < 0.5 && s.sentence < 0.3;
    case 'agent.licence':
    case 'contract.policy_number':
    case 'claim.accident_number':
    case 'id.health_insurance':
      return s.email < 0.3 && s.date < 0.6 && s.han < 0.6 && s.sentence < 0.3 && p.distinct > Math.min(3, p.filled - 1);
    case 'record.key':
      return s.email < 0.3 && s.name_shape < 0.5 && s.phone < 0.6 && s.address < 0.3 && s.date < 0.8;
    case 'location.other':
      return s.email < 0.3;
    default:
      return true;
  }
}
