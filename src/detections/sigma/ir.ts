/** A search word of a rule after reading: literal runs and the wildcards between them. */
export type Pattern = readonly (string | { readonly any: 'one' | 'many' })[];

export type Compare = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte';
export type TimePart = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

export type Test =
  | { readonly kind: 'pattern'; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string }
  | { readonly kind: 'cidr'; readonly low: string; readonly high: string }
  | { readonly kind: 'number'; readonly compare: Compare; readonly value: number }
  | { readonly kind: 'time'; readonly part: TimePart; readonly compare: Compare; readonly value: number }
  | { readonly kind: 'null' }
  | { readonly kind: 'exists'; readonly present: boolean }
  | {
      readonly kind: 'field';
      readonly other: string;
      readonly how: 'equals' | 'startswith' | 'endswith' | 'contains';
      readonly cased: boolean;
    };

/** `field` null: the whole message (keywords). `at` is the place in the rule, for evidence. */
export type Leaf = { readonly op: 'leaf'; readonly field: string | null; readonly test: Test; readonly at: string };

/** The typed form of a condition. A `search` is one search identifier: false, never unknown, when a field is absent. */
export type Expr =
  | Leaf
  | { readonly op: 'and' | 'or'; readonly items: readonly Expr[] }
  | { readonly op: 'not'; readonly item: Expr }
  | { readonly op: 'search'; readonly name: string; readonly item: Expr };

export type Logsource = { readonly product: string | null; readonly category: string | null; readonly service: string | null };

export type RuleHead = {
  readonly id: string;
  readonly name: string | null;
  readonly title: string;
  readonly titleJa: string | null;
  readonly author: string;
  readonly licence: string | null;
  readonly level: string;
  readonly status: string | null;
  readonly link: string | null;
  readonly references: readonly string[];
  readonly tags: readonly string[];
  readonly file: string;
  /** Our own keys (`tadasu:`): step kind and outcome. */
  readonly custom: Readonly<Record<string, unknown>>;
};

/** One rule; several conditions are one `or`. */
export type Rule = RuleHead & {
  readonly kind: 'rule';
  readonly logsource: Logsource;
  readonly expr: Expr;
  readonly fields: readonly string[];
};

export type CorrelationType = 'event_count' | 'value_count' | 'temporal' | 'temporal_ordered' | 'value_sum' | 'value_avg' | 'value_percentile' | 'value_median';

export type Correlation = RuleHead & {
  readonly kind: 'correlation';
  readonly type: CorrelationType;
  /** Ids or names of the rules it looks at. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  readonly spanUs: number;
  readonly conditions: readonly { readonly compare: Compare; readonly value: number }[];
  readonly field: string | null;
  readonly percentile: number;
  /** alias → rule → field. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly generate: boolean;
};

export type Unsupported = {
  readonly file: string;
  readonly id: string | null;
  readonly title: string | null;
  readonly reason: string;
};

export class RuleError extends Error {}
