import type { Problem } from '../base/index.ts';
import type { CaseFile } from '../case/index.ts';
import type { Obligation } from '../obligations/index.ts';
import type { ExposureCounts } from '../persons/index.ts';

/** What a report needs of result.json; the result type itself lives above this stage. */
export type ReportResult = {
  readonly case: string;
  readonly run: { readonly version: string };
  readonly inputs_root: string;
  readonly evidence: readonly {
    readonly id: string;
    readonly file: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly format: string | null;
    readonly lines: { readonly total: number; readonly parsed: number; readonly unparsed: number };
    readonly first: string | null;
    readonly last: string | null;
    readonly gaps: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
    readonly blind_to: readonly string[];
  }[];
  readonly intrusion: {
    readonly start: WindowEnd;
    readonly end: WindowEnd;
    readonly left_censored: boolean;
    readonly actors: readonly {
      readonly id: string;
      readonly certainty: string;
      readonly ips: readonly string[];
      readonly accounts: readonly string[];
      readonly events: number;
      readonly first: string;
      readonly last: string;
    }[];
    readonly steps: readonly {
      readonly id: string;
      readonly kind: string;
      readonly attack: readonly string[];
      readonly outcome: string;
      readonly from: string;
      readonly to: string;
      readonly events: number;
      readonly summary: { readonly ja: string; readonly en: string };
      readonly evidence: readonly { readonly file: string; readonly line: number }[];
      readonly rules: readonly {
        readonly id: string;
        readonly title: { readonly ja: string; readonly en: string };
        readonly author: string | null;
        readonly licence: string | null;
        readonly link: string | null;
        readonly events: number;
      }[];
    }[];
  };
  readonly exposure: ExposureCounts;
  readonly decisions: readonly { readonly kind: string; readonly by: string; readonly at: string; readonly body: Readonly<Record<string, unknown>> }[];
  readonly obligations: readonly Obligation[];
  readonly problems: readonly Problem[];
};

type WindowEnd = { readonly earliest: string | null; readonly latest: string | null; readonly basis: string };

export type ReportInput = { readonly file: CaseFile; readonly zone: string; readonly result: ReportResult };
