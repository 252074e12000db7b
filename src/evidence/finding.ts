/** One thing `verify` has to say. `differs` fails the check, `note` does not, `cannot` means that it could not be judged. */
export type Finding = {
  readonly level: 'differs' | 'cannot' | 'note';
  /** The sentence is `evidence:verify.code.<code>`. */
  readonly code: string;
  readonly where: 'evidence' | 'output' | 'journal' | 'case';
  readonly file?: string;
  /** Byte ranges [from, to) that differ. */
  readonly ranges?: readonly { readonly from: number; readonly to: number }[];
  /** The act of the journal. */
  readonly seq?: number;
  readonly params?: Readonly<Record<string, string | number>>;
};

export type VerifyReport = {
  readonly state: 'intact' | 'differs' | 'cannot';
  readonly findings: readonly Finding[];
  readonly checked: { readonly evidence: number; readonly outputs: number; readonly acts: number; readonly bytes: number };
  /** Fingerprint of the signing key: compare it with the one noted when the case was made. */
  readonly key: string | null;
  readonly inputs_root: string | null;
  readonly signed_at: string | null;
  readonly time_stamp: {
    readonly authority: string;
    readonly at: string;
    readonly signer: string;
    readonly chain: boolean | null;
  } | null;
};
