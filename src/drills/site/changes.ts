import type { Call } from '../exchange.ts';
import type { Row } from '../tables.ts';
import type { Frame } from './frame.ts';

/** What clerks enter, erase and change. */
export function changes(frame: Frame) {
  const { url, answer, call, guarded, mark, exportCache, tables } = frame;
  return {
    /** A clerk enters a new customer. */
    enter: (row: Row): Call =>
      call(
        'POST',
        '/customers',
        guarded(() => {
          tables.customers.insert([...row]);
          exportCache.clear();
          return answer('enter', 303, 0, [
            {
              sql: `INSERT INTO customers (${tables.customers.columns.join(', ')}) VALUES (${tables.customers.columns.map((_, i) => mark(i + 1)).join(', ')})`,
              params: row,
              rows: 1,
              kind: 'INSERT',
            },
          ]);
        }),
        900,
        url('/customers/new'),
      ),
    /** A clerk removes a customer for good. */
    erase: (id: string): Call =>
      call(
        'POST',
        `/customers/${id}/erase`,
        guarded(() => {
          const there = tables.customers.byKey(id) !== undefined;
          tables.customers.remove(id);
          exportCache.clear();
          return answer('erase', there ? 303 : 404, there ? 0 : 32, [
            { sql: `DELETE FROM customers WHERE id = ${mark(1)}`, params: [id], rows: there ? 1 : 0, kind: 'DELETE' },
          ]);
        }),
        420,
        url(`/customers/${id}`),
      ),
    /** A clerk changes a customer's phone and address: only in drills whose snapshot is taken later. */
    change: (id: string, phone: string, addressText: string): Call =>
      call(
        'POST',
        `/customers/${id}`,
        guarded(() => {
          const row = tables.customers.byKey(id);
          if (row) {
            tables.customers.update(id, 'phone', phone);
            tables.customers.update(id, 'address', addressText);
          }
          return answer('change', row ? 303 : 404, row ? 0 : 32, [
            {
              sql: `UPDATE customers SET phone = ${mark(1)}, address = ${mark(2)} WHERE id = ${mark(3)}`,
              params: [phone, addressText, id],
              rows: row ? 1 : 0,
              kind: 'UPDATE',
            },
          ]);
        }),
        700,
        url(`/customers/${id}`),
      ),
  };
}
