import type { Element } from '../../case/index.ts';

/** What the law calls the data of an element: 要配慮個人情報, 財産的被害のおそれ, 特定個人情報, or just personal data. */
export type LegalCategory = 'personal-data' | 'special-care' | 'financial-harm' | 'my-number';

/** Legal categories of an element; empty for what is no personal data by itself. */
export function legalCategories(element: Element): LegalCategory[] {
  switch (element) {
    case 'id.my_number':
      return ['personal-data', 'my-number'];
    case 'sensitive.health':
    case 'sensitive.other':
      return ['personal-data', 'special-care'];
    case 'finance.card_number':
    case 'finance.bank_account':
      return ['personal-data', 'financial-harm'];
    case 'auth.login':
    case 'auth.password':
      return ['personal-data', 'financial-harm'];
    case 'none':
    case 'record.key':
      return [];
    default:
      return ['personal-data'];
  }
}
