import fs from 'node:fs';
import path from 'node:path';
import { isoUtc, type Micros } from '../base/index.ts';
import type { Answer, Client, Shown } from './exchange.ts';
import { isoMillis } from './logs/stamps.ts';
import { openTextFile } from './logs/text-file.ts';
import type { Handle } from './tables.ts';

export type Phase = { name: string; ips: Set<string>; fromUs: Micros; toUs: Micros; requests: number; account?: string; success?: boolean; note?: string };

/** Where an event came to stand, as text for cells.csv: `access.log:12`, or `lost`. */
export type Reference = string;

export type Truth = ReturnType<typeof openTruth>;

const cell = (v: string): string => (/[",\r\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);

/**
 * Writes `truth/`: what every response showed (trace.jsonl), each cell the intruder really got, once (cells.csv), every line the
 * intruder caused (requests.csv), what injections extracted (extracted/), and the phases. Texts leave in the order of the logs.
 */
export function openTruth(dir: string, options: { readonly traceAll: boolean; readonly cells: boolean }) {
  fs.mkdirSync(path.join(dir, 'extracted'), { recursive: true });
  const trace = openTextFile(path.join(dir, 'trace.jsonl'));
  const cells = options.cells ? openTextFile(path.join(dir, 'cells.csv')) : null;
  cells?.write('dataset,key,column,first_seen,event,how\n');
  const requests = openTextFile(path.join(dir, 'requests.csv'));
  requests.write('phase,event\n');
  const seen = new Map<Handle, Map<string, number>>();
  const phases = new Map<string, Phase>();
  const extracted = new Map<string, { columns: readonly string[]; lines: string[] }>();
  const partials: { dataset: string; key: string; column: string }[] = [];
  let cellCount = 0;

  function give(table: Handle, key: string, columns: readonly string[], at: Micros, event: Reference, how: string): void {
    let rows = seen.get(table);
    if (!rows) seen.set(table, (rows = new Map()));
    let bits = rows.get(key) ?? 0;
    for (const c of columns) {
      const bit = 2 ** table.column(c);
      if (Math.floor(bits / bit) % 2 === 1) continue;
      bits += bit;
      cellCount++;
      cells?.write(`${table.name},${key},${c},${isoMillis(at)},${event},${how}\n`);
    }
    rows.set(key, bits);
  }

  return {
    phases,
    /** A request of the intruder: widens its phase. */
    request(client: Client, fromUs: Micros, toUs: Micros): void {
      if (client.phase === null) return;
      const p = phases.get(client.phase);
      if (!p) phases.set(client.phase, { name: client.phase, ips: new Set([client.ip]), fromUs, toUs, requests: 1 });
      else {
        p.ips.add(client.ip);
        p.toUs = Math.max(p.toUs, toUs);
        p.requests++;
      }
    },
    /** A line of a log that is there because of the intruder. */
    sent(phase: string, event: Reference): void {
      requests.write(`${phase},${event}\n`);
    },
    phase(name: string): Phase {
      const p = phases.get(name);
      if (!p) throw new Error(`phase ${name} has not begun`);
      return p;
    },
    /** One line a shown table; `ranges` [from, to] of keys where rows are not held in memory. */
    response(client: Client, at: Micros, answer: Answer): void {
      if (!options.traceAll && client.phase === null) return;
      for (const s of answer.shown) {
        trace.write(
          `${JSON.stringify({
            ts: isoMillis(at),
            ip: client.ip,
            ep: answer.endpoint,
            user: client.user ?? undefined,
            table: s.table.name,
            ids: s.rows.map(r => (s.table.types[0] === 'int' ? Number(r[0]) : r[0])),
            ...(s.range && { ranges: [s.range] }),
            cols: s.columns,
            intruder: client.phase !== null,
          })}\n`,
        );
      }
    },
    /** Cells shown to the intruder. */
    shown(list: readonly Shown[], at: Micros, event: Reference): void {
      for (const s of list) {
        for (const r of s.rows) give(s.table, r[0]!, s.columns, at, event, 'shown');
        if (s.range && options.cells) for (let key = s.range[0]; key <= s.range[1]; key++) give(s.table, String(key), s.columns, at, event, 'shown');
      }
    },
    give,
    /** A row that an injection brought out, as a tool would save it (`NULL` for NULL). */
    extracted(letter: string, table: string, columns: readonly string[], values: readonly (string | null)[]): void {
      const name = `${letter}-${table}`;
      let file = extracted.get(name);
      if (!file) extracted.set(name, (file = { columns, lines: [] }));
      file.lines.push(values.map(v => cell(v ?? 'NULL')).join(','));
    },
    /** A value that was begun and never finished. */
    partial(dataset: string, key: string, column: string): void {
      partials.push({ dataset, key, column });
    },
    counts: () => ({ cells: cellCount, records: Object.fromEntries([...seen].map(([t, rows]) => [t.name, rows.size])) }),
    close(facts: Readonly<Record<string, unknown>>): void {
      trace.close();
      cells?.close();
      requests.close();
      for (const [name, file] of extracted)
        fs.writeFileSync(path.join(dir, 'extracted', `${name}.csv`), `${[file.columns.join(','), ...file.lines].join('\n')}\n`);
      const list = [...phases.values()]
        .sort((a, b) => a.fromUs - b.fromUs || (a.name < b.name ? -1 : 1))
        .map(p => ({
          name: p.name,
          ips: [...p.ips].sort(),
          from: isoUtc(p.fromUs),
          to: isoUtc(p.toUs),
          requests: p.requests,
          ...(p.account !== undefined && { account: p.account }),
          ...(p.success !== undefined && { success: p.success }),
          ...(p.note !== undefined && { note: p.note }),
        }));
      fs.writeFileSync(path.join(dir, 'truth.json'), `${JSON.stringify({ ...facts, partial: partials, phases: list }, null, 1)}\n`);
    },
  };
}
