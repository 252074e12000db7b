import { commands } from './commands.ts';
import { files } from './files.ts';
import { codeInjection, deserialisation, headerInjection, nosql, ssrf, template } from './server-side.ts';
import { attackThreshold, type Family, type Signature, type SignatureSet } from './signature.ts';
import { sqli } from './sqli.ts';
import { decodeStages } from './stages.ts';
import { xss } from './xss.ts';

const sets: readonly SignatureSet[] = [sqli, xss, files, commands, ssrf, template, deserialisation, nosql, codeInjection, headerInjection];

/** Where in a request a value stood. */
export type Part = 'path' | 'query-name' | 'query-value' | 'user-agent' | 'referer' | 'body' | 'cookie' | 'header';

export type FamilyScore = {
  readonly family: Family;
  /** The technique of the heaviest evidence: for sqli a step kind. */
  readonly technique: string;
  readonly score: number;
  /** Ids of the signatures that matched. */
  readonly signatures: readonly string[];
  /** Decoding stage (0 = as logged) where they matched. */
  readonly stage: number;
};

const techniqueOrder = ['sqli-time', 'sqli-stacked', 'sqli-error', 'sqli-union', 'sqli-boolean'];

/** All families that reach the threshold in one value, best first; every decoding stage is tried. */
export function scoreValue(value: string, part: Part): FamilyScore[] {
  const best = new Map<Family, FamilyScore>();
  const { texts } = decodeStages(value, part === 'query-value' || part === 'query-name' || part === 'body');
  const views = expandJson(texts);
  for (let stage = 0; stage < views.length; stage++) {
    const lower = views[stage]!.replaceAll('\u0000', '').toLowerCase();
    const sqlText = foldSql(lower);
    for (const set of sets) {
      if (!applies(set.family, part)) continue;
      const text = set.family === 'sqli' ? sqlText : lower;
      if (!set.gate.test(text)) continue;
      const found = match(set, text, part);
      if (found && (best.get(set.family)?.score ?? 0) < found.score) best.set(set.family, { ...found, stage: Math.min(stage, texts.length - 1) });
    }
  }
  return [...best.values()].filter(s => s.score >= attackThreshold).sort((a, b) => b.score - a.score || (a.family < b.family ? -1 : 1));
}

function match(set: SignatureSet, text: string, part: Part): Omit<FamilyScore, 'stage'> | null {
  const hits: Signature[] = [];
  let score = 0;
  for (const s of set.signatures) {
    if (!s.pattern.test(text) || (isHeader(part) ? set.family === 'command-injection' && !headerCommands.has(s.id) : headerOnly.has(s.id))) continue;
    hits.push(s);
    score += weight(s, part);
  }
  if (hits.length === 0) return null;
  const technique = set.family === 'sqli' ? sqlTechnique(hits, text) : set.family;
  return { family: set.family, technique, score, signatures: hits.map(h => h.id) };
}

/** Agents are full of `; word`: only these commands mean anything in a header. */
const headerCommands = new Set([
  'command-injection/shellshock',
  'command-injection/fetch-and-run',
  'command-injection/substitution',
  'command-injection/binary-path',
  'command-injection/system-file',
  'command-injection/header-command',
]);

/** In a parameter these are traversal or everyday words. */
const headerOnly = new Set(['command-injection/system-file', 'command-injection/header-command']);

function isHeader(part: Part): boolean {
  return part === 'user-agent' || part === 'referer' || part === 'header';
}

/** What broken crawlers write into paths weighs less there than in a parameter. */
const lighterInPath: Record<string, number> = {
  'path-traversal/dot-dot': 2,
  'path-traversal/file-scheme': 2,
  'code-injection/php-call': 4,
  'command-injection/substitution': 3,
};

function weight(s: Signature, part: Part): number {
  return part === 'path' ? (lighterInPath[s.id] ?? s.score) : s.score;
}

/** Two numbers where one row may stand: what a CASE does where its test fails. */
const failingBranch = /\b(?:then|else)\b[\s(]*(?:\d+\s*[*/]\s*\(?\s*)?select \d+ union (?:all )?select \d+\s*\)/g;

/** The most specific technique a payload shows. A time function decides over a UNION that carries it, and so on. */
function sqlTechnique(hits: readonly Signature[], text: string): string {
  const shown = new Set(hits.filter(h => h.score >= 4).map(h => h.technique));
  const rest = text.replace(failingBranch, '');
  if (rest !== text && !/\bunion\b/.test(rest)) shown.delete('sqli-union');
  if (shown.size === 0) return 'sqli-boolean';
  if (shown.has('sqli-union') && !shown.has('sqli-time') && /^[\s\S]{0,80}\bunion\b/.test(text)) return 'sqli-union';
  return techniqueOrder.find(t => shown.has(t))!;
}

function applies(family: Family, part: Part): boolean {
  if (part === 'user-agent' || part === 'referer')
    return family !== 'path-traversal' && family !== 'ssrf' && family !== 'nosql' && (part === 'user-agent' || family !== 'code-injection');
  if (part === 'path') return family !== 'ssrf' && family !== 'nosql';
  return true;
}

/** Inline comments to blanks (`/*!50000union* /` keeps its text), white space folded. */
function foldSql(text: string): string {
  let out = text;
  if (out.includes('/*')) out = out.replace(/\/\*!\d{0,6}([\s\S]*?)\*\//g, ' $1 ').replace(/\/\*[\s\S]*?\*\//g, ' ');
  return out.replace(/[\s\u00a0\u000b\u000c]+/g, ' ');
}

/** Adds the strings inside a JSON text as further views, so that wrapped payloads are seen without their escapes. */
function expandJson(texts: readonly string[]): readonly string[] {
  const last = texts[texts.length - 1]!.trim();
  if (!/^[[{]/.test(last)) return texts;
  let parsed: unknown;
  try {
    parsed = JSON.parse(last);
  } catch {
    return texts;
  }
  const strings: string[] = [];
  const walk = (v: unknown, depth: number): void => {
    if (typeof v === 'string') strings.push(v);
    else if (v && typeof v === 'object' && depth < 8)
      for (const [k, x] of Object.entries(v)) {
        strings.push(k);
        walk(x, depth + 1);
      }
  };
  walk(parsed, 0);
  return [...texts, ...strings.slice(0, 200)];
}
