import { type Lang, langs, t } from '../base/index.ts';
import type { Step } from './steps.ts';

/** What an injection step obtained, for its sentences. `columns`: by table, schema and case left out; `COUNT(*)` where only the number of rows was asked. */
export type Yield = {
  readonly exact: number;
  readonly partial: number;
  /** Values that the size of an answer proves were shown. */
  readonly proven: number;
  /** Requests answered as usual of which nothing more can be said. */
  readonly shown: number;
  readonly sent: number;
  readonly targets: readonly string[];
  readonly columns: ReadonlyMap<string, readonly string[]>;
};

const units: Record<string, 'attempts' | 'records'> = {
  'credential-stuffing': 'attempts',
  'password-spray': 'attempts',
  'db-dump': 'records',
  other: 'records',
};
/** Kinds whose outcome reads otherwise than that of an attempt. */
const ownOutcomes = new Set(['account-takeover.succeeded', 'account-takeover.unknown', 'db-dump.succeeded', 'web-shell.unknown']);
const mostAddresses = 4;
const mostColumns = 12;

/** The step in a few sentences, from facts only. `addresses`: of its events, the busiest first. */
export function summarise(step: Step, events: number, addresses: readonly string[], gained: Yield | null): { ja: string; en: string } {
  const [ja, en] = langs.map(lang => say(lang, step, events, addresses, gained));
  return { ja: ja!, en: en! };
}

function say(lang: Lang, step: Step, events: number, addresses: readonly string[], gained: Yield | null): string {
  const separator = t(lang, 'intrusion:separator');
  const ips = addresses.length > 0 ? addresses : step.actor.ips;
  const first = ips.slice(0, mostAddresses).join(separator);
  const who =
    ips.length === 0
      ? t(lang, 'intrusion:nobody-named')
      : ips.length > mostAddresses
        ? t(lang, 'intrusion:addresses-more', { first, more: ips.length - mostAddresses })
        : first;
  const parts = [t(lang, `intrusion:summary.${step.kind}`, { who, count: count(lang, units[step.kind] ?? 'requests', events) })];
  // nobody asks of a search whether it succeeded
  if (step.kind !== 'scan' || step.outcome === 'succeeded' || step.outcome === 'blocked')
    parts.push(
      t(lang, ownOutcomes.has(`${step.kind}.${step.outcome}`) ? `intrusion:outcome-of.${step.kind}.${step.outcome}` : `intrusion:outcome.${step.outcome}`),
    );
  if (gained) parts.push(...sayGained(lang, gained));
  // a space parts an address from what follows, nothing else
  return lang === 'ja' ? parts.join('').replace(/([^\x20-\x7e]) が/, '$1が') : parts.join(' ');
}

function sayGained(lang: Lang, y: Yield): string[] {
  const out: string[] = [];
  const what = sayColumns(lang, y.columns);
  const n = number(y.exact);
  const partial = number(y.partial);
  if (y.exact > 0) out.push(t(lang, y.partial > 0 ? 'intrusion:gained.exact-some' : 'intrusion:gained.exact', { n, partial, what }));
  else if (y.partial > 0) out.push(t(lang, 'intrusion:gained.partial', { partial, what }));
  if (y.proven > 0) out.push(t(lang, y.proven === 1 ? 'intrusion:gained.proven-one' : 'intrusion:gained.proven', { n: number(y.proven), what }));
  if (y.shown > 0 && y.proven === 0 && y.columns.size > 0) out.push(t(lang, 'intrusion:gained.shown', { count: count(lang, 'requests', y.shown), what }));
  if (y.sent > 0)
    out.push(t(lang, 'intrusion:gained.sent', { count: count(lang, 'requests', y.sent), targets: y.targets.slice(0, 3).join(t(lang, 'intrusion:separator')) }));
  return out;
}

function sayColumns(lang: Lang, columns: Yield['columns']): string {
  const separator = t(lang, 'intrusion:separator');
  const tables = [...columns]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([table, list]) => {
      const names = [...new Set(list.map(c => (/^count\(/i.test(c) ? t(lang, 'intrusion:gained.rows') : c)))].sort();
      const named = names.slice(0, mostColumns).join(separator);
      return t(lang, 'intrusion:gained.table', { table, columns: names.length > mostColumns ? t(lang, 'intrusion:gained.more', { first: named }) : named });
    });
  return tables.join(lang === 'ja' ? '／' : '; ');
}

const count = (lang: Lang, unit: string, n: number): string => t(lang, n === 1 ? `intrusion:count.${unit}-one` : `intrusion:count.${unit}`, { n: number(n) });
const number = (n: number): string => String(n).replace(/\B(?=(?:\d{3})+$)/g, ',');
