import { expect, test } from 'vitest';
import { detectFormat, statedFormat } from '../../src/events/detect-format.ts';
import { timeKind } from '../../src/events/index.ts';
import { sourceOf } from '../../src/events/sources/index.ts';

const sampleOf = (lines: readonly string[]) => ({
  head: new Uint8Array(Buffer.from(lines.join('\n'))),
  lines: lines.map(l => new Uint8Array(Buffer.from(l))),
});
const clf = (rest: string): string => `203.0.113.4 - - [21/Nov/2026:20:23:15 +0000] "GET /a HTTP/1.1" ${rest}`;
const envoyHead = '[2026-11-21T20:23:15.123Z] "GET /a HTTP/1.1" 200';
const envoyTail = '"198.51.100.7" "x" "f00d" "www.example.jp" "10.2.0.9:8080"';
const iisFields = '#Fields: date time c-ip cs-method cs-uri-stem sc-status';

test.each([
  ['apache-combined', [clf('200 5 "-" "x"'), clf('304 - "-" "x"')], timeKind.start],
  ['apache-combined', [clf('200 5 "-" "a \\"quoted\\" agent"')], timeKind.start],
  ['nginx-combined', [clf('200 5 "-" "x"'), clf('304 0 "-" "x"')], timeKind.end],
  ['nginx-combined', [clf('200 5 "-" "a \\x22quoted\\x22 agent"')], timeKind.end],
  ['apache-combined', [clf('200 5 "-" "x"')], timeKind.write],
  ['apache-common', [clf('200 5'), clf('404 99')], timeKind.start],
  ['apache-vhost-combined', [`www.example.jp:443 ${clf('200 5 "-" "x"')}`], timeKind.start],
  ['apache-vhost-extended', [`www.example.jp:443 ${clf('200 5 "-" "x" 5120')}`], timeKind.start],
  ['envoy', [`${envoyHead} - 0 5 3 2 ${envoyTail}`, `${envoyHead} UF,URX 0 91 3 - ${envoyTail}`], timeKind.start],
  ['envoy-mesh', [`${envoyHead} - via_upstream - "-" 0 5 3 2 ${envoyTail} outbound|80||x 10.2.0.1:5 10.2.0.2:80 10.2.0.3:1 - default`], timeKind.start],
  ['nginx-main', [clf('200 5 "-" "x" "198.51.100.7"')], timeKind.end],
  ['combined-extended', [clf('200 5 "-" "x" 0.004 "sid" 17')], timeKind.write],
  ['iis-w3c', ['#Software: Microsoft Internet Information Services 10.0', iisFields, '2026-11-21 20:23:15 203.0.113.4 GET /a 200'], timeKind.end],
  ['aws-cloudfront', ['#Version: 1.0', '#Fields: date time x-edge-location c-ip', '2026-11-21\t20:23:15\tNRT\t203.0.113.4'], timeKind.end],
  ['w3c', ['#Version: 1.0', iisFields, '2026-11-21 20:23:15 203.0.113.4 GET /a 200'], timeKind.write],
])('%s is found', (name, lines, kind) => {
  const found = detectFormat(sampleOf(lines), 'web-access')!;
  expect([found.resolved.name, sourceOf(found.resolved).timeKind, found.share > 0.97]).toEqual([name, kind, true]);
});

test('a few bad lines do not hide the format; text of no format has none', () => {
  const lines = [...Array.from({ length: 30 }, () => clf('200 5 "-" "x"')), 'noise', 'more noise'];
  expect(detectFormat(sampleOf(lines), 'web-access')!.resolved.name).toBe('apache-combined');
  expect(detectFormat(sampleOf(['Dear all,', 'nothing here is a log.', '']), 'web-access')).toBeNull();
  expect(detectFormat({ head: new Uint8Array(0), lines: [] }, 'web-access')).toBeNull();
});

test('a stated format is taken as it is: a name or a format string; anything else is neither', () => {
  expect(statedFormat('auto')).toBeNull();
  expect(statedFormat('pg-csvlog')).toEqual({ name: 'pg-csvlog', logFormat: null, uncertainTime: false });
  expect(statedFormat('%h %t "%r"')?.logFormat?.dialect).toBe('apache');
  expect(statedFormat('$remote_addr [$time_local]')?.logFormat?.dialect).toBe('nginx');
  expect(statedFormat('apache combined')).toBeNull();
});

test('every format of the contract has a source', () => {
  const names =
    'apache-combined apache-common nginx-combined iis-w3c aws-alb aws-cloudfront haproxy jsonl pg-csvlog pg-jsonlog mysql-general mysql-audit-json sshd syslog modsecurity-serial modsecurity-json evtx cloudtrail';
  for (const name of names.split(' ')) expect(statedFormat(name)?.name).toBe(name);
});
