import { displayTime, type Micros } from '../base/index.ts';

export type CaseDraft = {
  readonly id: string;
  readonly title: { readonly ja: string; readonly en: string };
  readonly organisation: string;
  readonly facts: {
    readonly detectedUs: Micros;
    readonly knownUs: Micros;
    readonly containedUs: Micros;
    readonly ips: readonly string[];
    readonly accounts: readonly string[];
  } | null;
  readonly system: { readonly id: string; readonly ja: string };
  readonly evidence: readonly {
    readonly id: string;
    readonly kind: string;
    readonly files: string;
    readonly formatYaml: string;
    readonly zone: string | null;
  }[];
  readonly datasets: readonly {
    readonly id: string;
    /** Name of the table in SQL where it is not the id. */
    readonly table?: string;
    readonly file: string;
    readonly keys: string;
    readonly asOfUs: Micros;
    readonly roleYaml: string;
    readonly legalYaml: string | null;
  }[];
};

const stamp = (us: Micros): string => displayTime(us - (us % 1_000_000), 'Asia/Tokyo').replace(/^(\S+) (\S+) (\S+)$/, '$1T$2$3');

/** The case file of a drill, ready for `investigate`. */
export function caseYaml(c: CaseDraft): string {
  const lines = [
    'schema: tadasu.case/1',
    `id: ${c.id}`,
    `title: { ja: ${JSON.stringify(c.title.ja)}, en: ${JSON.stringify(c.title.en)} }`,
    'timezone: Asia/Tokyo',
    `organisation: { name: ${c.organisation}, kind: non-life-insurer, listed: false, designated_infrastructure: false }`,
  ];
  if (c.facts)
    lines.push(
      'facts:',
      `  detected_at: ${stamp(c.facts.detectedUs)}`,
      `  known_at: ${stamp(c.facts.knownUs)}`,
      `  contained_at: ${stamp(c.facts.containedUs)}`,
      '  improper_purpose: true',
      ...(c.facts.ips.length ? [`  attacker_ips: [${c.facts.ips.join(', ')}]`] : []),
      ...(c.facts.accounts.length ? [`  compromised_accounts: [${c.facts.accounts.join(', ')}]`] : []),
    );
  lines.push('systems:', `  - { id: ${c.system.id}, name: ${c.system.ja} }`, 'evidence:');
  for (const e of c.evidence)
    lines.push(`  - { id: ${e.id}, system: ${c.system.id}, kind: ${e.kind}, files: [${e.files}], ${e.formatYaml}${e.zone ? `, timezone: ${e.zone}` : ''} }`);
  lines.push('datasets:');
  for (const d of c.datasets) {
    lines.push(
      `  - { id: ${d.id}${d.table ? `, table: ${d.table}` : ''}, system: ${c.system.id}, files: [${d.file}], key: [${d.keys}], as_of: ${stamp(d.asOfUs)}, role: ${d.roleYaml}${d.legalYaml ? `, legal_person: ${d.legalYaml}` : ''} }`,
    );
  }
  lines.push('regimes: [jp-appi, jp-insurance]');
  return `${lines.join('\n')}\n`;
}
