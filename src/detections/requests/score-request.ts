import { type FamilyScore, type Part, scoreValue } from '../signatures/score.ts';

/** The parts of a request that a log may show. */
export type RequestText = {
  readonly target: string | null;
  readonly userAgent?: string | null;
  readonly referer?: string | null;
  readonly forwarded?: string | null;
  readonly body?: string | null;
  readonly cookie?: string | null;
};

export type RequestScore = FamilyScore & {
  readonly part: Part;
  /** Name of the parameter, where there is one. */
  readonly name: string | null;
  /** The value as logged. */
  readonly value: string;
};

const plainValue = /^[\w.@,~-]*$/;
const remote = /^(?:https?|ftps?)(?::|%3a)/i;
const memo = new Map<string, readonly FamilyScore[]>();

/** Every family an attack of which is seen in a request: the best place for each, best first. */
export function scoreRequest(request: RequestText): RequestScore[] {
  const best = new Map<string, RequestScore>();
  const add = (value: string, part: Part, name: string | null): void => {
    for (const s of scoreMemo(value, part)) {
      const known = best.get(s.family);
      if (!known || known.score < s.score) best.set(s.family, { ...s, part, name, value });
    }
  };
  if (request.target) {
    const mark = request.target.indexOf('?');
    const path = mark < 0 ? request.target : request.target.slice(0, mark);
    add(path, 'path', null);
    // A path that carries one value per segment hides a payload from the anchors of the patterns.
    if (/%|['"(]/.test(path)) for (const segment of path.split('/')) add(segment, 'path', null);
    if (mark >= 0) {
      const query = request.target.slice(mark + 1);
      addPairs(query, add, 'query-value');
      if (!query.includes('=')) add(query, 'query-value', null);
    }
  }
  if (request.userAgent) add(request.userAgent, 'user-agent', null);
  if (request.referer) addReferer(request.referer, add);
  if (request.forwarded) add(request.forwarded, 'header', 'x-forwarded-for');
  if (request.body) {
    if (/^[[{<]/.test(request.body.trim())) add(request.body, 'body', null);
    else addPairs(request.body, add, 'body');
  }
  if (request.cookie)
    for (const pair of request.cookie.split(';')) add(pair.slice(pair.indexOf('=') + 1).trim(), 'cookie', pair.slice(0, Math.max(0, pair.indexOf('='))).trim());
  return [...best.values()].sort((a, b) => b.score - a.score || (a.family < b.family ? -1 : 1));
}

type Add = (value: string, part: Part, name: string | null) => void;

function addPairs(text: string, add: Add, part: Part): void {
  for (const pair of text.split('&')) {
    const eq = pair.indexOf('=');
    if (eq < 0) {
      add(pair, 'query-name', null);
      continue;
    }
    const name = pair.slice(0, eq);
    add(name, 'query-name', name);
    const value = pair.slice(eq + 1);
    add(value, part, name);
    // What an address of another server does depends on what it is given for.
    if (remote.test(value)) add(pair, part, name);
  }
}

/** A referer repeats somebody's URL: only its query values can be an attack. */
function addReferer(referer: string, add: Add): void {
  const mark = referer.indexOf('?');
  if (mark >= 0 || /[<'"{(]|%(?:25)*(?:3c|2[2478]|7b)/i.test(referer)) {
    const inner: Add = (value, _part, name) => add(value, 'referer', name);
    addPairs(mark >= 0 ? referer.slice(mark + 1) : referer, inner, 'referer');
  }
}

function scoreMemo(value: string, part: Part): readonly FamilyScore[] {
  if (
    plainValue.test(value) &&
    !/\.{2}|0x2e|ro0ab|^--|__|constructor|process\.|\.(?:env|git|ssh|ht|bash_|zsh_|history|sql|kube|docker|aws)/i.test(value) &&
    value.length < 200
  )
    return [];
  const key = `${part}\u0000${value}`;
  let known = memo.get(key);
  if (!known) {
    if (memo.size > 20_000) memo.clear();
    memo.set(key, (known = scoreValue(value, part)));
  }
  return known;
}
