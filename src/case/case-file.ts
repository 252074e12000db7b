/** The case file after reading: every field present, defaults filled in, times as micros. See contract §1. */

import type { Micros } from '../base/index.ts';

export type Bilingual = { readonly ja: string; readonly en: string };
export type EvidenceKind = 'web-access' | 'sql-audit' | 'auth' | 'waf' | 'events';

/** A fact as somebody stated it; `source` and `by` are null when the file gives the bare value. */
export type Fact<T> = { readonly value: T; readonly source: string | null; readonly by: string | null };

export type EvidenceSpec = {
  readonly id: string;
  readonly system: string | null;
  readonly kind: EvidenceKind;
  /** Globs relative to the case file. */
  readonly files: readonly string[];
  /** `auto`, a format name, or a LogFormat / log_format string. */
  readonly format: string;
  /** For jsonl: column → path or {path, format}. */
  readonly fields: Readonly<Record<string, unknown>> | null;
  readonly encoding: string;
  readonly timezone: string;
  /** Known skew of this clock: micros to subtract from its stamps; null = unknown (estimated). */
  readonly clockOffsetUs: Micros | null;
};

/** A constant, or a value that depends on a column. */
export type ByColumn<T> = { readonly constant: T } | { readonly column: string; readonly map: Readonly<Record<string, T>> };

export type DatasetSpec = {
  readonly id: string;
  readonly system: string | null;
  readonly table: string;
  readonly files: readonly string[];
  readonly encoding: string;
  readonly key: readonly string[];
  readonly asOfUs: Micros | null;
  /** Columns with the time a record was made, and was last changed. */
  readonly createdColumn: string | null;
  readonly changedColumn: string | null;
  readonly role: ByColumn<string>;
  readonly legalPerson: ByColumn<boolean>;
  /** Column → element, or null for "no personal data". */
  readonly columns: Readonly<Record<string, string | null>>;
};

export type RouteSpec = { readonly method: string; readonly path: string; readonly reads: string };

export type CaseFile = {
  readonly id: string;
  readonly title: Bilingual;
  readonly timezone: string;
  readonly organisation: {
    readonly name: string | null;
    readonly kind: string | null;
    readonly listed: boolean;
    readonly designatedInfrastructure: boolean;
  };
  readonly facts: {
    readonly detectedAt: Fact<Micros> | null;
    readonly knownAt: Fact<Micros> | null;
    readonly containedAt: Fact<Micros> | null;
    readonly attackerIps: Fact<readonly string[]>;
    readonly compromisedAccounts: Fact<readonly string[]>;
    readonly improperPurpose: Fact<boolean> | null;
  };
  readonly systems: readonly { readonly id: string; readonly name: string }[];
  readonly evidence: readonly EvidenceSpec[];
  readonly datasets: readonly DatasetSpec[];
  readonly routes: readonly RouteSpec[];
  /** Null: derived from the organisation. */
  readonly regimes: readonly string[] | null;
};

/** A case without evidence, data sets or facts: what a command that works on single files opens. */
export function emptyCaseFile(id: string, timezone: string): CaseFile {
  return {
    id,
    title: { ja: '', en: '' },
    timezone,
    organisation: { name: null, kind: null, listed: false, designatedInfrastructure: false },
    facts: {
      detectedAt: null,
      knownAt: null,
      containedAt: null,
      attackerIps: { value: [], source: null, by: null },
      compromisedAccounts: { value: [], source: null, by: null },
      improperPurpose: null,
    },
    systems: [],
    evidence: [],
    datasets: [],
    routes: [],
    regimes: null,
  };
}
