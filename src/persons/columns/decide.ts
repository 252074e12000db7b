import type { Element } from '../../case/index.ts';
import { readHeader } from './header.ts';
import type { Profile } from './profile.ts';
import { type Candidate, fits, readValues } from './values.ts';

export type ColumnSample = { readonly name: string; readonly profile: Profile };
export type Reason = { readonly from: 'values' | 'header' | 'neighbours' | 'user'; readonly code: string; readonly element: Element; readonly score: number };
export type Meaning = {
  element: Element;
  /** 0–1. Below 0.5 means: could not tell. */
  confidence: number;
  reasons: Reason[];
};

/** One column by its own values and header. */
export function meaningOfColumn(column: ColumnSample): Meaning {
  const values = readValues(column.profile);
  const header = readHeader(column.name);
  const reasons: Reason[] = [
    ...values.map(v => ({ from: 'values' as const, code: v.reason, element: v.element, score: v.score })),
    ...header.map(h => ({ from: 'header' as const, code: h.word, element: h.element, score: h.score })),
  ];
  const believed = header.filter(h => fits(h.element, column.profile));
  const top = believed[0];
  const strong: Candidate | undefined = values[0];
  const agreed = top && values.find(v => v.element === top.element);
  if (top && agreed) return { element: top.element, confidence: round(1 - (1 - top.score) * (1 - agreed.score)), reasons };
  const second = believed.find(h => values.some(v => v.element === h.element && v.score >= 0.7));
  if (second && (!top || second.score >= top.score - 0.2)) return { element: second.element, confidence: round(Math.max(second.score, 0.8)), reasons };
  if (top?.element === 'free_text' && strong && strong.score >= 0.75 && (strong.element === 'claim.history' || strong.element === 'sensitive.health'))
    return { element: strong.element, confidence: round(strong.score), reasons };
  if (top && strong) {
    const contradicts =
      strong.score >= Math.max(0.85, Math.min(0.9, top.score + 0.2)) &&
      strong.element !== 'none' &&
      strong.element !== 'record.key' &&
      (top.score < 0.6 || !compatible(top.element, strong.element));
    if (!contradicts) return { element: top.element, confidence: round(top.score * 0.9), reasons };
    return { element: strong.element, confidence: round(strong.score * 0.9), reasons };
  }
  if (top) return { element: top.element, confidence: round(top.score * 0.9), reasons };
  if (strong) return { element: strong.element, confidence: round(strong.score), reasons };
  return { element: 'none', confidence: 0.3, reasons };
}

/** A header says more than a shape when the shape is only a special case of it. */
function compatible(header: Element, values: Element): boolean {
  if (header === 'finance.bank_account')
    return values === 'person.kana' || values === 'person.name' || values === 'record.key' || values === 'contact.postal_code';
  if (header === 'claim.history' || header === 'contract.other' || header === 'none')
    return ['none', 'record.key', 'person.birth_date', 'free_text', 'sensitive.health', 'person.sex', 'contact.address', 'claim.history'].includes(values);
  if (header === 'free_text') return ['claim.history', 'sensitive.health', 'none', 'sensitive.other'].includes(values);
  if (
    header === 'contract.policy_number' ||
    header === 'claim.accident_number' ||
    header === 'agent.licence' ||
    header === 'record.key' ||
    header === 'id.health_insurance'
  ) {
    return ['record.key', 'none', 'id.health_insurance', 'id.passport', 'id.driver_licence', 'auth.password'].includes(values);
  }
  if (header === 'location.other') return values === 'contact.address';
  if (header === 'person.other') return values !== 'contact.email' && values !== 'finance.card_number' && values !== 'id.my_number';
  if (header === 'auth.login' || header === 'auth.password') return values !== 'finance.card_number' && values !== 'contact.address';
  return false;
}

export const round = (x: number): number => Math.round(Math.min(0.99, x) * 1000) / 1000;
