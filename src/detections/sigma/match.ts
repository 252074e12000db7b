import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { compileExpr, type Target } from './compile.ts';
import type { Expr, Rule, Unsupported } from './ir.ts';
import { necessaryWords } from './literals.ts';

/** One rule on one event. `event_id` of the event table, or the number of a document. */
export type Match = { readonly rule: number; readonly event: number };

export type Evaluation = {
  /** Table or view to look at, and the number that names a row. */
  readonly from: Sql;
  readonly key: Sql;
  readonly target: Target;
  /** The rows are few: making the plan costs more than looking at them. */
  readonly few?: boolean;
  /** Rows a rule may look at (its log source). */
  readonly scope: (rule: Rule) => Sql;
  /** Tests of which a row passes one when some part of its message holds one of the words; where absent, the whole message is looked at. */
  readonly candidates?: (words: readonly string[]) => Promise<readonly Sql[]>;
  /** What rules look at; all columns where absent. */
  readonly columns?: Sql;
  /** Table under which the rows that hold a word are kept. */
  readonly keep?: string;
  /** Whether the text of a field stands in the message, for the prefilter. */
  readonly visible: (rule: Rule) => (field: string) => boolean;
};

const perStatement = 16;
const commonShare = 0.01;
const sampleRows = 4_000;
/** Below this many rows a full scan costs less than the prefilter. */
const prefilterFrom = 20_000;

/**
 * Which rules match which rows. Rules with necessary words look only at rows that hold one of them (one RE2 pass over the message);
 * words that are common, and rules without any, cost a full scan. A rule the engine refuses is reported, the others go on.
 */
export async function matchRules(
  engine: Engine,
  rules: readonly Rule[],
  evaluation: Evaluation,
): Promise<{ matches: Match[]; unsupported: Unsupported[]; kept: boolean }> {
  const { n } = await engine.row<{ n: number }>(
    'sigma.rows',
    sql`select count(*) as n from (select 1 from ${evaluation.from} limit ${sql.lit(prefilterFrom)})`,
  );
  const out = { matches: [] as Match[], unsupported: [] as Unsupported[], kept: false };
  if (n === 0) return out;
  const worth = n >= prefilterFrom;
  const words = (useless: ReadonlySet<string>) =>
    rules.map((rule, index) => ({
      rule,
      index,
      words: worth ? necessaryWords(rule.expr, evaluation.visible(rule), useless, evaluation.candidates !== undefined) : null,
    }));
  const asked = new Set<string>();
  const frequent = new Set<string>();
  let indexed = words(frequent);
  const sample = worth ? await sampleMessages(engine, evaluation) : [];
  for (let round = 0; round < 4 && worth; round++) {
    const fresh = new Set(indexed.flatMap(r => [...(r.words ?? [])]).filter(w => !asked.has(w)));
    if (fresh.size === 0) break;
    for (const w of fresh) asked.add(w);
    for (const w of commonWords(sample, fresh)) frequent.add(w);
    indexed = words(frequent);
  }
  const fast = indexed.filter(r => r.words !== null);
  const slow = indexed.filter(r => r.words === null);
  if (fast.length > 0) {
    const list = [...new Set(fast.flatMap(r => [...r.words!]))].sort();
    const table = sql.id(evaluation.keep ?? 'sigma_candidate');
    const tests = (await evaluation.candidates?.(list)) ?? [containsAny(evaluation.target.message.lowered, list)];
    const parts = tests.map(test => sql`select ${evaluation.columns ?? sql`*`} from ${evaluation.from} where ${test}`);
    await engine.run(
      'sigma.candidates',
      sql`create or replace temp table ${table} as select ${parts.length === 1 ? sql`` : sql`distinct on (${evaluation.key})`} * from (${sql.join(parts, sql` union all `)})`,
    );
    const held = { ...evaluation, from: table, few: true };
    await evaluate(engine, await withTheirWords(engine, fast, held), held, out);
    if (evaluation.keep) out.kept = true;
    else await engine.run('sigma.candidates-drop', sql`drop table sigma_candidate`);
  }
  if (slow.length > 0 && !worth) {
    await engine.run('sigma.small', sql`create or replace temp table sigma_candidate as select * from ${evaluation.from}`);
    await evaluate(engine, slow, { ...evaluation, from: sql`sigma_candidate`, few: true }, out);
    await engine.run('sigma.small-drop', sql`drop table sigma_candidate`);
  } else await evaluate(engine, slow, evaluation, out);
  out.matches.sort((a, b) => a.event - b.event || a.rule - b.rule);
  return out;
}

/** True for a (lower-case) text that holds one of the words, or matches one of the other patterns. */
export function containsAny(message: Sql, words: readonly string[], patterns: readonly string[] = []): Sql {
  if (words.length === 1 && patterns.length === 0) return sql`contains(${message}, ${sql.lit(words[0]!)})`;
  return sql`regexp_matches(${message}, ${sql.lit([...words.map(w => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')), ...patterns].join('|'))})`;
}

/** Making ready a rule's patterns costs more than looking for its words in so few messages. */
const fewMessages = 20_000;

/** The rules of which some row holds a word. */
async function withTheirWords(
  engine: Engine,
  rules: readonly (Indexed & { readonly words: ReadonlySet<string> | null })[],
  { from, target }: Evaluation,
): Promise<readonly Indexed[]> {
  const words = [...new Set(rules.flatMap(r => [...(r.words ?? [])]))].sort();
  const rows = await engine.rows<{ word: string }>(
    'sigma.words',
    sql`with message as (select string_agg(distinct ${target.message.lowered}, chr(10)) as text from ${from} having count(*) <= ${sql.lit(fewMessages)}),
      word as (select unnest(${JSON.stringify(words)}::json::varchar[]) as word)
    select word from word left join message on true where text is null or contains(text, word)`,
  );
  const held = new Set(rows.map(r => r.word));
  return rules.filter(r => r.words === null || [...r.words].some(w => held.has(w)));
}

async function sampleMessages(engine: Engine, { from, target }: Evaluation): Promise<string[]> {
  const rows = await engine.rows<{ message: string | null }>(
    'sigma.sample',
    sql`select ${target.message.lowered} as message from ${from} limit ${sql.lit(sampleRows)}`,
  );
  return rows.map(r => r.message ?? '');
}

/** Words so common that looking for them leaves out nothing. Only the speed depends on it. */
function commonWords(sample: readonly string[], words: ReadonlySet<string>): string[] {
  return sample.length < 1000 ? [] : [...words].filter(w => sample.reduce((n, m) => n + Number(m.includes(w)), 0) > commonShare * sample.length);
}

type Indexed = { readonly rule: Rule; readonly index: number };

async function evaluate(
  engine: Engine,
  rules: readonly Indexed[],
  evaluation: Evaluation,
  out: { matches: Match[]; unsupported: Unsupported[] },
): Promise<void> {
  for (let i = 0; i < rules.length; i += perStatement) {
    const part = rules.slice(i, i + perStatement);
    try {
      out.matches.push(...(await run(engine, part, evaluation)));
    } catch {
      for (const one of part) {
        try {
          out.matches.push(...(await run(engine, [one], evaluation)));
        } catch (cause) {
          out.unsupported.push({
            file: one.rule.file,
            id: one.rule.id,
            title: one.rule.title,
            reason: `engine: ${firstLine((cause as Error).message)}`,
          });
        }
      }
    }
  }
}

async function run(engine: Engine, rules: readonly Indexed[], { from, few, key, target, scope }: Evaluation): Promise<Match[]> {
  const tests = rules.map(({ rule, index }) => {
    const whole: Expr = { op: 'search', name: rule.id, item: rule.expr };
    return { index: sql.lit(index), test: sql`${scope(rule)} and ${compileExpr(whole, target)}` };
  });
  const rows = await engine.rows<{ rule: number; event: number }>(
    'sigma.match',
    few
      ? sql`select rule, event from (select unnest([${sql.join(tests.map(t => sql`case when ${t.test} then ${t.index} end`))}]) as rule, ${key} as event from ${from}) where rule is not null`
      : sql.join(
          tests.map(t => sql`select ${t.index} as rule, ${key} as event from ${from} where ${t.test}`),
          sql` union all `,
        ),
  );
  return rows;
}

function firstLine(text: string): string {
  return text
    .replace(/^query \S+ failed: /, '')
    .split('\n')[0]!
    .slice(0, 200);
}
