import type { Dialected, Style } from './exchange.ts';

/** What each page of the site shows, and the statements it runs. */
export const columns = {
  list: ['id', 'policy_no', 'name', 'phone'],
  detail: ['id', 'policy_no', 'name', 'kana', 'dob', 'sex', 'zip', 'address', 'phone', 'email', 'status'],
  bank: ['id', 'customer_id', 'bank_code', 'branch_code', 'account_type', 'account_no', 'holder_kana'],
  claim: ['id', 'accident_no', 'paid_amount', 'note'],
  export: ['id', 'policy_no', 'name', 'address', 'phone', 'email'],
  search: ['id', 'name', 'pet_type', 'requested_at'],
  status: ['id', 'pet_type', 'requested_at'],
} as const;

const day = (c: string, d: Dialected): string => (d === 'postgresql' ? `${c}::text` : c);

/** A place for a value, as the dialect writes it; counted from 1. */
export const markOf = (dialect: Dialected, n: number): string => (dialect === 'postgresql' ? `$${n}` : '?');

/** The application's statements; those of `search` and `status` are pairs that text is pasted between. */
export function statementsOf(style: Style, dialect: Dialected) {
  const select = (columns: readonly string[], from: string): string =>
    `SELECT ${columns.map(c => (c === 'dob' || c === 'requested_at' ? day(c, dialect) : c)).join(', ')} FROM ${from}`;
  const mark = (n: number): string => markOf(dialect, n);

  return {
    login: `SELECT id, login, branch FROM agents WHERE login = ${mark(1)} AND password = ${mark(2)}`,
    list: `${select(columns.list, 'customers')} WHERE branch = ${mark(1)} ORDER BY id LIMIT ${style.pageSize} OFFSET ${mark(2)}`,
    detail: `${select(columns.detail, 'customers')} WHERE id = ${mark(1)}`,
    bank: `${select(columns.bank, 'bank_accounts')} WHERE customer_id = ${mark(1)}`,
    claims: `${select(columns.claim, 'claims')} WHERE customer_id = ${mark(1)} ORDER BY id`,
    claim: `SELECT c.id, c.accident_no, c.paid_amount, v.name, v.phone FROM claims c LEFT JOIN victims v ON v.claim_id = c.id WHERE c.id = ${mark(1)} ORDER BY v.id`,
    export: `${select(columns.export, 'customers')} WHERE branch = ${mark(1)} AND created_at BETWEEN ${mark(2)} AND ${mark(3)} ORDER BY id LIMIT 5000`,
    kpi: 'SELECT branch, count(*) AS n FROM customers GROUP BY branch ORDER BY 1',
    inbox: `INSERT INTO quote_inbox (name, phone, pet_type) VALUES (${mark(1)}, ${mark(2)}, ${mark(3)})`,
    search: [
      `${select(columns.search, 'quotes')} WHERE status_public${dialect === 'postgresql' ? '' : ' = 1'} AND name LIKE '%`,
      `%' ORDER BY id LIMIT 20`,
    ] as const,
    status: [`${select(columns.status, 'quotes')} WHERE id = `, ''] as const,
  };
}
