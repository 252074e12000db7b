/** One pattern of ours. `score` 5 alone is an attack; smaller ones add up inside a family. Patterns see lower-case text. */
export type Family =
  | 'sqli'
  | 'xss'
  | 'path-traversal'
  | 'command-injection'
  | 'ssrf'
  | 'template'
  | 'deserialisation'
  | 'code-injection'
  | 'header-injection'
  | 'nosql';

export type Signature = {
  readonly id: string;
  readonly family: Family;
  /** For sqli the step kind; else the family. */
  readonly technique: string;
  readonly score: number;
  readonly pattern: RegExp;
};

/** A family with the cheap test that must hold before its patterns are tried. */
export type SignatureSet = { readonly family: Family; readonly gate: RegExp; readonly signatures: readonly Signature[] };

export const attackThreshold = 5;

/** `[name, score, pattern]` or `[name, score, pattern, technique]` → signatures with ids `<family>/<name>`. */
export function signatureSet(
  family: Family,
  gate: RegExp,
  rows: readonly (readonly [string, number, RegExp] | readonly [string, number, RegExp, string])[],
): SignatureSet {
  return {
    family,
    gate,
    signatures: rows.map(([name, score, pattern, technique]) => ({
      id: `${family}/${name}`,
      family,
      technique: technique ?? family,
      score,
      pattern,
    })),
  };
}
