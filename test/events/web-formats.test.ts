import fs from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logFormatSource, readLogFormat } from '../../src/events/log-format.ts';
import { alb } from '../../src/events/sources/alb.ts';
import { apacheCombined } from '../../src/events/sources/apache.ts';
import { haproxy } from '../../src/events/sources/haproxy.ts';
import { cloudfront, iisW3c, w3c } from '../../src/events/sources/w3c.ts';
import { apacheEscape, clfTime, nginxEscape, nginxJsonEscape, type Request, referenceCombined } from '../reference/render-log.ts';
import { readLines } from './collect-rows.ts';

const ascii = fc.string({
  unit: fc.integer({ min: 33, max: 126 }).map(c => String.fromCharCode(c)),
  minLength: 1,
  maxLength: 30,
});
const anyText = fc.string({ unit: fc.integer({ min: 1, max: 126 }).map(c => String.fromCharCode(c)), minLength: 1, maxLength: 40 }).filter(s => s !== '-');
const request: fc.Arbitrary<Request> = fc.record({
  ip: fc.oneof(fc.ipV4(), fc.constant('2001:db8::1'), fc.constant('::1')),
  user: fc.oneof(
    fc.constant('-'),
    ascii.filter(s => s !== '-' && s !== '""'),
    fc.constant('john smith'),
    fc.constant('a [b'),
  ),
  atUs: fc.integer({ min: 0, max: 2_000_000_000 }).map(s => s * 1_000_000),
  method: fc.constantFrom('GET', 'POST', 'M-SEARCH', 'propfind'),
  target: fc.oneof(
    ascii.map(s => `/${s}`),
    anyText.map(s => `/${s.replace(/[\n\r]/g, '')}x`),
    fc.constant(`/?q=' OR "1"="1`),
    fc.constant('/a b c'),
  ),
  protocol: fc.constantFrom('HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0', 'HTTP/2'),
  status: fc.integer({ min: 100, max: 599 }),
  bytes: fc.integer({ min: 1, max: 1e12 }),
  referer: anyText,
  agent: anyText,
  durationMs: fc.integer({ min: 0, max: 1e7 }),
  cookie: ascii.filter(s => s !== '-' && !s.includes('=')),
});

/** What must come back, whatever the format. */
function expected(r: Request) {
  return {
    src_ip: r.ip,
    ...(r.user !== '-' && { account: r.user }),
    time_us: r.atUs,
    method: r.method,
    target: r.target,
    protocol: r.protocol,
    status: r.status,
    bytes_out: r.bytes,
    referer: r.referer,
    user_agent: r.agent,
  };
}

test('what Apache writes in the combined format comes back', () => {
  fc.assert(
    fc.property(request, r => {
      const e = apacheEscape;
      const line = `${r.ip} - ${e(r.user)} [${clfTime(r.atUs, 9)}] "${e(`${r.method} ${r.target} ${r.protocol}`)}" ${r.status} ${r.bytes} "${e(r.referer)}" "${e(r.agent)}"`;
      const [got] = readLines(apacheCombined, [line]);
      expect(got).toEqual({ outcome: 'event', row: expected(r) });
    }),
    { numRuns: 1500 },
  );
});

test('what nginx writes in a format of one’s own comes back', () => {
  const source = logFormatSource(
    'x',
    readLogFormat(
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time "$cookie_sid"',
    )!,
  );
  fc.assert(
    fc.property(request, r => {
      const e = nginxEscape;
      const line = `${r.ip} - ${e(r.user)} [${clfTime(r.atUs, -3)}] "${e(`${r.method} ${r.target} ${r.protocol}`)}" ${r.status} ${r.bytes} "${e(r.referer)}" "${e(r.agent)}" ${(r.durationMs / 1000).toFixed(3)} "${e(r.cookie)}"`;
      const [got] = readLines(source, [line]);
      const { duration_us, ...row } = got!.row;
      expect(got!.outcome).toBe('event');
      expect(row).toEqual({ ...expected(r), session: r.cookie });
      expect(Math.round(Number(duration_us))).toBe(r.durationMs * 1000);
    }),
    { numRuns: 1500 },
  );
});

test('what nginx writes as JSON comes back', () => {
  const source = logFormatSource(
    'x',
    readLogFormat(`log_format j escape=json '{"t":"$msec","ip":"$remote_addr","u":"$remote_user","r":"$request","s":$status,'
    '"b":$bytes_sent,"ref":"$http_referer","ua":"$http_user_agent","xff":"$http_x_forwarded_for"}';`)!,
  );
  fc.assert(
    fc.property(request, r => {
      const e = nginxJsonEscape;
      const line = `{"t":"${(r.atUs / 1e6).toFixed(3)}","ip":"${r.ip}","u":"${r.user === '-' ? '' : e(r.user)}","r":"${e(`${r.method} ${r.target} ${r.protocol}`)}","s":${r.status},"b":${r.bytes},"ref":"${e(r.referer)}","ua":"${e(r.agent)}","xff":"${r.ip}, 10.0.0.1"}`;
      const [got] = readLines(source, [line]);
      expect(got).toEqual({ outcome: 'event', row: { ...expected(r), forwarded: `${r.ip}, 10.0.0.1` } });
    }),
    { numRuns: 800 },
  );
});

test('the scanner and the regular expression agree on lines, good, broken and mutated', () => {
  const alphabet = fc.constantFrom('"', '\\', ' ', '[', ']', '-', '0', '9', 'a', '/', ':', '\x00', '\xe3', '\x81');
  const edit = fc.record({ at: fc.nat(200), remove: fc.nat(3), add: fc.string({ unit: alphabet, maxLength: 3 }) });
  fc.assert(
    fc.property(request, fc.array(edit, { maxLength: 3 }), (r, edits) => {
      const e = apacheEscape;
      let line = `${r.ip} - ${e(r.user)} [${clfTime(r.atUs, 9)}] "${e(`${r.method} ${r.target} ${r.protocol}`)}" ${r.status} ${r.bytes} "${e(r.referer)}" "${e(r.agent)}"`;
      for (const { at, remove, add } of edits) line = line.slice(0, at) + add + line.slice(at + remove);
      if (line === '') return;
      const reference = referenceCombined(line);
      const got = readLines(apacheCombined, [line])[0]!;
      // The scanner may also read lines that the strict pattern refuses (a lone quote inside a field); never the other way round.
      if (reference === null || (reference.bytes !== null && String(reference.bytes).length > 15)) return;
      const badDay = got.outcome !== 'event' && got.outcome !== 'meta' && got.outcome.unparsed === 'bad-time';
      expect(got.outcome === 'event' || badDay, line).toBe(true);
      if (badDay) return;
      expect(got.row).toMatchObject({
        time_us: reference.timeUs,
        ...(reference.status > 0 && { status: reference.status }),
        bytes_out: reference.bytes ?? 0,
      });
    }),
    { numRuns: 10_000 },
  );
});

test('ten thousand mutated samples of every web format: no crash, every line has an outcome', () => {
  const samples = [
    '#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent) time-taken',
    '2026-11-21 20:23:15 203.0.113.4 GET /a b=1 200 Mozilla/5.0+(x) 15',
    'Feb 25 16:19:49 h haproxy[7]: 141.35.244.171:53332 [25/Feb/2019:16:19:48.143] f~ b/s 0/0/7/1457/1487 200 11394 - - ---- 2/1/0/0/0 0/0 {x} {} "GET /a?b HTTP/1.1"',
    'http 2026-11-21T20:23:15.123456Z app/lb/1 203.0.113.4:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/?a=1 HTTP/1.1" "curl/7" - - arn "Root=1" "-" "-" 0 2026-11-21T20:23:15.100000Z "forward" "-" "-"',
    '203.0.113.4 - - [21/Nov/2026:20:23:15 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"',
  ];
  const loose = logFormatSource('x', readLogFormat('%h %u %{User-Agent}i %s %{Referer}i %D')!);
  const sources = [iisW3c, cloudfront, w3c, haproxy, alb, apacheCombined, loose];
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.array(fc.record({ at: fc.nat(250), remove: fc.nat(20), add: fc.uint8Array({ maxLength: 6 }) }), { maxLength: 4 }),
      (sample, edits) => {
        let line = sample;
        for (const { at, remove, add } of edits) line = line.slice(0, at) + String.fromCharCode(...add) + line.slice(at + remove);
        for (const source of sources) {
          for (const { outcome } of readLines(source, [samples[0]!, line])) {
            expect(outcome === 'event' || outcome === 'meta' || typeof outcome.unparsed === 'string').toBe(true);
          }
        }
      },
    ),
    { numRuns: 10_000 },
  );
});

test('#Fields may change in the middle of an IIS log; values are read by name', () => {
  const rows = readLines(iisW3c, [
    '#Software: Microsoft Internet Information Services 10.0',
    '#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip sc-status time-taken',
    '2026-11-21 20:23:15 GET /a%20b x=%27 203.0.113.4 200 15',
    '#Fields: date time c-ip cs-uri-stem cs(User-Agent) cs-username sc-bytes',
    '2026-11-21 20:23:16 ::ffff:203.0.113.9 /b Mozilla/5.0+(Windows) DOM\\taro 77',
    '2026-11-21 20:23:17 too few',
  ]);
  expect(rows.map(r => r.outcome)).toEqual(['meta', 'meta', 'event', 'meta', 'event', { unparsed: 'wrong-field-count' }]);
  expect(rows[2]!.row).toMatchObject({
    method: 'GET',
    target: '/a%20b?x=%27',
    src_ip: '203.0.113.4',
    status: 200,
    duration_us: 15_000,
    time_us: Date.UTC(2026, 10, 21, 20, 23, 15) * 1000,
  });
  expect(rows[4]!.row).toMatchObject({
    src_ip: '203.0.113.9',
    user_agent: 'Mozilla/5.0 (Windows)',
    account: 'DOM\\taro',
    bytes_out: 77,
    target: '/b',
  });
});

test('a cookie that is alone is a session when it may be one; a preference is not, whoever sends it', () => {
  const line = (cookie: string): string => `2026-11-21 20:23:15 GET /a 203.0.113.4 ${cookie} 200`;
  const cookies = ['pref=north', 'pref=%27+OR+1', 'id=3f9ac2b17e5d4c60', '3f9a', 'JSESSIONID=7;+pref=east', '-'];
  const rows = readLines(iisW3c, ['#Fields: date time cs-method cs-uri-stem c-ip cs(Cookie) sc-status', ...cookies.map(line)]).slice(1);
  expect(rows.map(r => r.row!['session'] ?? null)).toEqual([null, null, 'id=3f9ac2b17e5d4c60', '3f9a', 'JSESSIONID=7', null]);
  expect(rows.map(r => (JSON.parse(String(r.row!['extra'] ?? '{}')) as { cookie?: string }).cookie ?? null)).toEqual([
    'pref=north',
    'pref=%27 OR 1',
    null,
    null,
    'JSESSIONID=7; pref=east',
    null,
  ]);
});

test('CloudFront: tabs, names, a doubly encoded agent, seconds', () => {
  const names =
    'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-request-id x-host-header cs-bytes time-taken';
  const values = [
    '2026-11-21',
    '20:23:15',
    'NRT57',
    '1045',
    '2001:DB8:0:0:0:0:0:1',
    'GET',
    'd1.cloudfront.net',
    '/view/my/file.html',
    '200',
    '-',
    'Mozilla/5.0%2520(Windows)',
    'a=b',
    '-',
    'REQ==',
    'www.example.jp',
    '23',
    '0.002',
  ];
  const rows = readLines(cloudfront, ['#Version: 1.0', `#Fields: ${names}`, values.join('\t')]);
  expect(rows[2]).toMatchObject({
    outcome: 'event',
    row: {
      src_ip: '2001:db8::1',
      user_agent: 'Mozilla/5.0 (Windows)',
      host: 'www.example.jp',
      target: '/view/my/file.html?a=b',
      duration_us: 2000,
      trace_id: 'REQ==',
      bytes_in: 23,
    },
  });
});

test('ALB: both stamps are used, extra trailing fields are accepted, junk requests stay events', () => {
  const line = (request: string, tail = '') =>
    `h2 2026-11-21T20:23:15.186641Z app/my/50dc 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "${request}" "curl/7.46.0" ECDHE TLSv1.2 arn:x "Root=1-58337262" "www.example.com" "arn:y" 0 2026-11-21T20:23:14.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"${tail}`;
  const rows = readLines(alb, [
    line('GET https://www.example.com:443/a?b=\\x22c HTTP/2.0'),
    line('- http://www.example.com:80- -', ' TID_1 "-" "-" "-" 10.0.0.9 "new" 7'),
  ]);
  expect(rows[0]).toMatchObject({
    outcome: 'event',
    row: {
      src_ip: '192.168.131.39',
      src_port: 2817,
      time_us: Date.UTC(2026, 10, 21, 20, 23, 15) * 1000 + 186_641,
      duration_us: 822_641,
      target: 'https://www.example.com:443/a?b="c',
      method: 'GET',
      host: 'www.example.com',
      bytes_out: 366,
      trace_id: 'Root=1-58337262',
    },
  });
  expect(rows[1]!.outcome).toBe('event');
  expect(rows[1]!.row['method']).toBeUndefined();
});

test('HAProxy: a line cut at its length limit is truncated, not lost', () => {
  const head =
    'Feb 25 16:19:49 lb1 haproxy[7]: 203.0.113.4:53332 [25/Feb/2026:16:19:48.143] web~ app/s1 0/0/7/1457/1487 200 11394 - - --VN 2/1/0/0/0 0/0 {Mozilla} {} ';
  const long = `${head}"GET /search?q=${'a'.repeat(2000)}`.slice(0, 1024);
  const rows = readLines(haproxy, [`${head}"GET /a#20b?x=#22 HTTP/1.1"`, long, `${head}"<BADREQ>"`, 'Feb 25 16:19:38 lb1 haproxy[1]: Proxy web started.']);
  const time = Date.UTC(2026, 1, 25, 7, 19, 48) * 1000 + 143_000;
  expect(rows[0]!.row).toMatchObject({
    time_us: time,
    src_ip: '203.0.113.4',
    status: 200,
    duration_us: 1_487_000,
    target: '/a b?x="',
    protocol: 'HTTP/1.1',
    host: 'lb1',
  });
  expect(rows[1]!.row).toMatchObject({ time_us: time, truncated: 1, method: 'GET' });
  expect(rows[2]).toMatchObject({ outcome: 'event', row: { message: '<BADREQ>' } });
  expect(rows[3]).toMatchObject({ outcome: 'event', row: { app_name: 'haproxy', message: 'Proxy web started.' } });
});

test('HAProxy: captured request headers are told by their shape', () => {
  const line = (captured: string): string =>
    `Feb 25 16:19:49 lb1 haproxy[7]: 203.0.113.4:53332 [25/Feb/2026:16:19:48.143] web~ app/s1 0/0/7/1457/1487 200 394 - - --VN 2/1/0/0/0 0/0 ${captured} "GET / HTTP/1.1"`;
  const rows = readLines(haproxy, [
    line('{shop.example|Mozilla/5.0 (X11; {odd} Linux) Firefox/115.0|https://shop.example/a|198.51.100.7, 10.0.0.1} {text/html}'),
    line('{} {nginx/1.2}'),
    line('{curl/8.5|wget/1.2}'),
  ]).map(r => r.row);
  expect(rows[0]).toMatchObject({
    user_agent: 'Mozilla/5.0 (X11; {odd} Linux) Firefox/115.0',
    referer: 'https://shop.example/a',
    forwarded: '198.51.100.7, 10.0.0.1',
  });
  expect(rows[1]).not.toHaveProperty('user_agent');
  expect(rows[2]).not.toHaveProperty('user_agent');
});

test('two free texts side by side: every reading is looked at, and doubt is said', () => {
  const source = logFormatSource('x', readLogFormat('%h %{User-Agent}i %{Referer}i %s')!);
  const rows = readLines(source, ['203.0.113.4 curl http://a/ 200', '203.0.113.4 Mozilla 5.0 http://a/ 200']);
  expect(rows[0]).toMatchObject({ outcome: 'event', row: { user_agent: 'curl', referer: 'http://a/', status: 200 } });
  expect(rows[1]).toMatchObject({ outcome: 'event', row: { status: 200, extra: '{"ambiguous":true}' } });
  expect(rows[1]!.row['user_agent']).toBeUndefined();
});

test('format strings are read the way people paste them', () => {
  expect(readLogFormat(String.raw`LogFormat "%h \"%r\" %>s" mine`)).toEqual({ dialect: 'apache', format: '%h "%r" %>s' });
  expect(readLogFormat(`log_format main '$remote_addr "$request" '\n '$status';`)).toEqual({
    dialect: 'nginx',
    format: '$remote_addr "$request" $status',
  });
  expect(readLogFormat('apache-combned')).toBeNull();
});

test('Apache time formats, durations and headers by directive', () => {
  const source = logFormatSource(
    'x',
    readLogFormat('%a [%{%Y-%m-%d %H:%M:%S}t.%{usec_frac}t %{%z}t] %m "%U%q" %H %>s %O %I %D %{X-Forwarded-For}i %{Host}i %{JSESSIONID}C %L')!,
  );
  expect([source.timeKind, source.resolutionUs, source.durationResolutionUs, source.bytesKind]).toEqual([1, 1, 1, 3]);
  const [got] = readLines(source, ['203.0.113.4 [2026-11-21 20:23:15.000123 +0900] GET "/a?b=1" HTTP/1.1 200 77 12 3456 198.51.100.1 www.example.jp ABC id1']);
  expect(got).toEqual({
    outcome: 'event',
    row: {
      src_ip: '203.0.113.4',
      time_us: Date.UTC(2026, 10, 21, 11, 23, 15) * 1000 + 123,
      method: 'GET',
      target: '/a?b=1',
      protocol: 'HTTP/1.1',
      status: 200,
      bytes_out: 77,
      bytes_in: 12,
      duration_us: 3456,
      forwarded: '198.51.100.1',
      host: 'www.example.jp',
      session: 'ABC',
      trace_id: 'id1',
    },
  });
});

test('a line cut inside its last quoted field is an event, marked as cut; one cut before the status is not', () => {
  const line = '203.0.113.4 - - [21/Nov/2026:20:23:15 +0000] "GET /a HTTP/1.1" 200 5 "-" "Mozilla/5.0 (compatible; Goo';
  const rows = readLines(apacheCombined, [line, line.slice(0, 60)]);
  expect(rows[0]).toMatchObject({
    outcome: 'event',
    row: { target: '/a', status: 200, user_agent: 'Mozilla/5.0 (compatible; Goo', truncated: 1 },
  });
  expect(rows[1]!.outcome).toEqual({ unparsed: 'format-mismatch' });
});

const benign = '../shared/data/weblogs/benign/apache-combined.log';
test.skipIf(!fs.existsSync(benign))('real Apache traffic: the scanner and the regular expression give the same rows', () => {
  const lines = fs
    .readFileSync(benign, 'latin1')
    .split('\n')
    .filter(l => l !== '');
  const got = readLines(apacheCombined, lines);
  lines.forEach((text, i) => {
    const reference = referenceCombined(text);
    expect(got[i]!.outcome, `line ${i + 1}`).toBe('event');
    if (reference)
      expect(got[i]!.row, `line ${i + 1}`).toMatchObject({
        src_ip: reference.ip,
        time_us: reference.timeUs,
        status: reference.status,
        bytes_out: reference.bytes ?? 0,
      });
  });
});
