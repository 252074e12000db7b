import { type Engine, sql } from '../../engine/index.ts';
import { eventsOfSteps } from './step-events.ts';

/** What can follow a value in a condition and only make it narrower, or begin something of its own. */
const follows = /^[\s)]*(?:and\b|&&|union\b|order\b|group\b|having\b|limit\b|;|--|#)/i;
/** What may let other rows in. */
const widens = /\bx?or\b|\|\|/i;
/** Where texts begin and end is another question in every dialect: then brackets are not trusted either. */
const unclear = /[\\"`$\n\r]|\/\*!|%[0-9a-f]{2}/i;

/** The text without what stands in brackets opened in it or in quotes. */
function outsideBrackets(text: string): string {
  let depth = 0;
  let quoted = false;
  let out = '';
  for (const c of text) {
    if (c === "'") quoted = !quoted;
    else if (quoted) continue;
    else if (c === '(') depth++;
    else if (c === ')' && depth > 0) depth--;
    else if (depth === 0) out += c;
  }
  return out;
}

export type LiteralPart = { readonly value: string; readonly adds: 'condition' | 'rows' | 'statement' };

/**
 * The value a payload breaks out of, where what follows can only narrow what that value finds (`73 AND …`), or stands beside it
 * (`-1 UNION …` adds `rows`, `73; …` a `statement`: what they show is not said here); null where it may find other rows.
 */
export function literalPart(payload: string): LiteralPart | null {
  const text = payload.replace(/\/\*!\d*|\*\//g, ' ').replace(/\/\*/g, ' ');
  const found = /^\s*(-?\d+(?:\.\d+)?)(?=[\s)&;#-])/.exec(text) ?? /^([^'"%_*?]+)%?'/.exec(text);
  if (!found) return null;
  const rest = text.slice(found[0].length);
  const value = found[1]!.trim();
  if (value === '' || !follows.test(rest)) return null;
  const open = unclear.test(payload) ? rest : outsideBrackets(rest);
  const query = /\b(?:union|intersect|except)\b|;/i.exec(open);
  if (widens.test(query ? open.slice(0, query.index) : open)) return null;
  return { value, adds: !query ? 'condition' : query[0] === ';' ? 'statement' : 'rows' };
}

/** Of which requests it is known what their injection read besides the page's own rows: `query` when it was read as a statement, `condition` when it asked yes or no. */
export type KnownInjections = { readonly query: ReadonlySet<number>; readonly condition: ReadonlySet<number> };

export async function knownInjections(engine: Engine): Promise<KnownInjections> {
  const read = (await engine.hasTable('injected_statement'))
    ? await engine.rows<{ event_id: number }>(
        'exposure.read_injections',
        sql`select distinct event_id from injected_statement where event_id is not null order by 1`,
      )
    : [];
  return {
    query: new Set(read.map(r => r.event_id)),
    condition: await eventsOfSteps(engine, sql`kind in ('sqli-boolean', 'sqli-time')`),
  };
}
