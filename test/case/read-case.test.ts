import fs from 'node:fs';
import { expect, test } from 'vitest';
import { problemText, UserError } from '../../src/base/index.ts';
import { parseCaseFile } from '../../src/case/index.ts';

const minimal = 'schema: tadasu.case/1\nid: a\nevidence: []\ndatasets: []\n';

function mistakes(text: string): string[] {
  try {
    parseCaseFile(text, 'case.yaml');
  } catch (error) {
    if (error instanceof UserError) return error.details.map(d => problemText('en', d.code, d.params));
    throw error;
  }
  return [];
}

test('the smallest case file gets every default', () => {
  const kase = parseCaseFile(minimal, 'case.yaml');
  expect(kase).toMatchObject({
    id: 'a',
    timezone: 'Asia/Tokyo',
    title: { ja: 'a', en: 'a' },
    facts: { knownAt: null, attackerIps: { value: [] } },
    regimes: null,
  });
});

test('an unknown key is named with its line and the nearest known key', () => {
  expect(mistakes(`${minimal}evidance: []\n`)).toEqual(['line 5: unknown key "evidance". Did you mean "evidence"?']);
  expect(mistakes('schema: tadasu.case/1\nid: a\nevidence:\n  - id: web\n    kind: web-access\n    files: [a]\n    formt: auto\ndatasets: []\n')).toEqual([
    'line 7: unknown key "evidence[0].formt". Did you mean "format"?',
  ]);
});

test('wrong and missing values say what is expected and where', () => {
  expect(mistakes('schema: tadasu.case/1\nevidence: []\ndatasets: []\n')).toEqual([expect.stringContaining('"id" is required')]);
  expect(mistakes(`${minimal}timezone: Asia/Tokio\n`)).toEqual(['line 5: "timezone" has a value that does not fit. Expected: IANA time zone, e.g. Asia/Tokyo']);
  const kind = 'schema: tadasu.case/1\nid: a\nevidence:\n  - { id: web, kind: web-acess, files: [a] }\ndatasets: []\n';
  expect(mistakes(kind)).toEqual([expect.stringMatching(/^line 4: "evidence\[0\].kind".*Did you mean "web-access"/)]);
  expect(mistakes(`${minimal}facts: { known_at: yesterday }\n`)).toEqual([expect.stringContaining('ISO 8601')]);
  expect(mistakes(`${minimal}facts: { known_at: { value: 2025-04-21T09:10:00+09:00, from: mail } }\n`)).toEqual([
    expect.stringContaining('facts.known_at.from'),
  ]);
});

test('duplicate ids and systems that do not exist are mistakes', () => {
  const text =
    'schema: tadasu.case/1\nid: a\nsystems: [{ id: s, name: S }]\nevidence:\n  - { id: e, system: t, kind: auth, files: [a] }\n  - { id: E, kind: auth, files: [a] }\ndatasets: []\n';
  expect(mistakes(text)).toEqual(['line 6: "evidence[1].id": the id E is used twice', 'line 5: "evidence[0].system": no system t (known: s)']);
});

test('hostile YAML never gets through as anything but mistakes', () => {
  for (const text of [
    '',
    '[',
    '- - -',
    'a: &a [*a, *a]',
    '\u0000',
    '!!js/function "x"',
    `a: &x [1]\nb: [${'*x,'.repeat(200)}]`,
    'schema: 1',
    '"'.repeat(1000),
  ]) {
    expect(mistakes(text).length).toBeGreaterThan(0);
  }
});

test('facts carry who said so; bare values and stated values mean the same', () => {
  const kase = parseCaseFile(
    `${minimal}facts: { known_at: { value: "2025-04-21T09:30:00+09:00", source: 電話, by: 情報システム部 }, attacker_ips: [192.0.2.1] }\n`,
    'c',
  );
  expect(kase.facts.knownAt).toEqual({ value: Date.UTC(2025, 3, 21, 0, 30) * 1000, source: '電話', by: '情報システム部' });
  expect(kase.facts.attackerIps.value).toEqual(['192.0.2.1']);
});

const range = '../shared/data/range-01/case.yaml';
test.skipIf(!fs.existsSync(range))('the case file of range-01 reads (needs shared data)', () => {
  expect(parseCaseFile(fs.readFileSync(range, 'utf8'), range).datasets).toHaveLength(5);
});

test('a comma in an unquoted title is text, not a key', () => {
  expect(parseCaseFile(`${minimal}title: { ja: 試験場, en: Range 01, a pet site }\n`, 'c').title).toEqual({ ja: '試験場', en: 'Range 01, a pet site' });
  expect(mistakes(`${minimal}title: { ja: 試験場, en: x, fr: y }\n`)).toEqual([expect.stringContaining('title.fr')]);
});
