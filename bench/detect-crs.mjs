// The public rule set's own tests against our request scoring, honestly counted: a test stands in the denominator only where its attack is in a
// part that an access log holds (target, agent, referer); what travels in bodies, cookies or other headers is counted apart.
//   npm run bench detect-crs -- [--missed CHAPTER]
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, '..', 'shared', 'data', 'crs', 'regression', 'tests');

/** Families of ours that answer to a chapter of the rule set, most fitting first. */
const chapters = {
  913: ['scanner'],
  930: ['path-traversal'],
  931: ['ssrf', 'path-traversal'],
  932: ['command-injection', 'code-injection', 'path-traversal', 'template'],
  933: ['code-injection', 'command-injection', 'ssrf', 'deserialisation', 'path-traversal'],
  934: ['ssrf', 'template', 'code-injection', 'command-injection', 'nosql'],
  941: ['xss'],
  942: ['sqli', 'nosql'],
  944: ['template', 'deserialisation', 'command-injection', 'code-injection'],
};

const plainHeaders = new Set([
  'host',
  'accept',
  'user-agent',
  'referer',
  'connection',
  'content-type',
  'content-length',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'pragma',
]);

/** Where a test's attack stands: the parts of the request that differ from the tests' everyday request. */
export function partsOf(input) {
  const uri = String(input?.uri ?? '/');
  const headers = Object.entries(input?.headers ?? {});
  const mark = uri.indexOf('?');
  const parts = [];
  if ((mark >= 0 && /[=]/.test(uri.slice(mark))) || (mark >= 0 && uri.length > mark + 1)) parts.push('query');
  const bare = (mark < 0 ? uri : uri.slice(0, mark)).replace(/^\/(?:get|post|put|anything|status\/\d+|base64\/?|json)?\/?/i, '');
  if (bare !== '') parts.push('path');
  if (input?.data !== undefined && String(input.data) !== '') parts.push('body');
  if (input?.encoded_request !== undefined) parts.push('raw');
  for (const [name, value] of headers) {
    const n = name.toLowerCase();
    if (n === 'cookie') parts.push('cookie');
    else if (n === 'referer') {
      if (String(value) !== '') parts.push('referer');
    } else if (n === 'user-agent') {
      if (!/crs|^mozilla\/|^curl\//i.test(String(value)) || /[(){}$;<>'"`]\s*[:{;|]|\$|<|select|union/i.test(String(value).replace(/\([^)]*\)/g, '')))
        parts.push('agent');
    } else if (!plainHeaders.has(n)) parts.push('header');
  }
  return parts;
}

export const visible = new Set(['query', 'path', 'agent', 'referer']);

/** Every stage of every test: chapter, rule, what is expected, and the request. */
export function* stages(dir = folder) {
  for (const chapter of fs.readdirSync(dir).sort()) {
    const number = Number(chapter.split('-')[1]);
    if (!chapters[number]) continue;
    for (const file of fs.readdirSync(path.join(dir, chapter)).sort()) {
      for (const document of parseAllDocuments(fs.readFileSync(path.join(dir, chapter, file), 'utf8'), { logLevel: 'silent' })) {
        const rule = document.toJS();
        for (const test of rule?.tests ?? [])
          for (const { input, output } of test.stages ?? []) {
            const log = output?.log ?? {};
            const attack = (log.expect_ids ?? []).some(id => String(id).startsWith(String(number)));
            const harmless = !attack && (log.no_expect_ids ?? []).length > 0;
            if (attack || harmless) yield { number, rule: path.basename(file, '.yaml'), test: test.test_id, attack, input };
          }
      }
    }
  }
}

export async function measure(scoreRequest, only = null) {
  const rows = new Map();
  const missed = [];
  for (const s of stages()) {
    let c = rows.get(s.number);
    if (!c) rows.set(s.number, (c = { attacks: 0, seen: 0, right: 0, hidden: {}, harmless: 0, flagged: 0 }));
    const parts = partsOf(s.input);
    const shown = parts.filter(p => visible.has(p));
    if (shown.length === 0) {
      if (s.attack) {
        const where = parts[0] ?? 'request line or protocol';
        c.hidden[where] = (c.hidden[where] ?? 0) + 1;
      }
      continue;
    }
    // With a body beside a target that is everyday the attack is in the body.
    const headers = Object.fromEntries(Object.entries(s.input?.headers ?? {}).map(([k, v]) => [k.toLowerCase(), String(v)]));
    const families = scoreRequest({ target: String(s.input?.uri ?? '/'), userAgent: headers['user-agent'] ?? null, referer: headers['referer'] ?? null }).map(
      x => x.family,
    );
    if (s.attack) {
      if (families.length === 0 && parts.some(p => !visible.has(p))) {
        const where = parts.find(p => !visible.has(p));
        c.hidden[where] = (c.hidden[where] ?? 0) + 1;
        continue;
      }
      c.attacks++;
      if (families.length > 0) c.seen++;
      else missed.push(s);
      if (families.some(f => chapters[s.number].includes(f))) c.right++;
    } else {
      c.harmless++;
      if (families.some(f => chapters[s.number].includes(f))) {
        c.flagged++;
        if (only === `-${s.number}`) missed.push(s);
      }
    }
  }
  return { rows, missed };
}

/** Prints a line a chapter; with `--missed N` also the tests of chapter N that we miss (`--missed -N`: the near misses we flag). */
export async function bench(args = []) {
  if (!fs.existsSync(folder)) {
    console.log('the rule set’s tests are not at hand');
    return;
  }
  const { scoreRequest } = await import(pathToFileURL(path.join(root, 'dist', 'detections', 'requests', 'score-request.js')).href);
  const only = args[0] === '--missed' ? (args[1] ?? null) : null;
  const { rows, missed } = await measure(scoreRequest, only);
  for (const [number, c] of [...rows].sort(([a], [b]) => a - b)) {
    const hidden = Object.entries(c.hidden)
      .map(([k, v]) => `${k} ${v}`)
      .join(', ');
    const f = (a, b) => (b === 0 ? '–' : (a / b).toFixed(3));
    console.log(
      `${number}  visible attacks ${String(c.attacks).padStart(4)}  seen ${f(c.seen, c.attacks)}  in its family ${f(c.right, c.attacks)}  near misses ${String(c.harmless).padStart(4)} flagged ${c.flagged}  precision ${f(c.right, c.right + c.flagged)}   not in an access log: ${hidden || 'none'}`,
    );
  }
  if (only)
    for (const m of missed.filter(m => String(m.number) === only.replace('-', '')))
      console.log(
        m.rule,
        m.test,
        String(m.input?.uri).slice(0, 220),
        m.input?.headers?.['User-Agent'] && !/CRS/.test(m.input.headers['User-Agent']) ? `UA ${String(m.input.headers['User-Agent']).slice(0, 80)}` : '',
        m.input?.headers?.Referer ?? '',
      );
}
