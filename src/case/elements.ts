/** The vocabulary of elements: what a column means (contract §2). */
export const elements = [
  'person.name',
  'person.kana',
  'person.birth_date',
  'person.sex',
  'person.other',
  'contact.address',
  'contact.postal_code',
  'contact.phone',
  'contact.email',
  'contract.policy_number',
  'contract.other',
  'claim.accident_number',
  'claim.payment',
  'claim.history',
  'finance.bank_account',
  'finance.card_number',
  'finance.other',
  'id.my_number',
  'id.driver_licence',
  'id.passport',
  'id.health_insurance',
  'id.residence_card',
  'auth.login',
  'auth.password',
  'agent.licence',
  'sensitive.health',
  'sensitive.other',
  'location.other',
  'free_text',
  'record.key',
  'none',
] as const;

export type Element = (typeof elements)[number];

export const roles = ['policyholder', 'insured', 'quote-requester', 'third-party-victim', 'agent', 'employee', 'clinic', 'other'] as const;
