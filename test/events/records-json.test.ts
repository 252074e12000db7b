import fs from 'node:fs';
import path from 'node:path';
import { EvtxFile } from '@ts-evtx/core';
import { describe, expect, it } from 'vitest';
import { apacheError } from '../../src/events/sources/apache-error.ts';
import { cloudtrail } from '../../src/events/sources/cloudtrail.ts';
import { evtx } from '../../src/events/sources/evtx.ts';
import { jsonArray, jsonl } from '../../src/events/sources/jsonl.ts';
import { modsecurityJson } from '../../src/events/sources/modsecurity-json.ts';
import { modsecuritySerial } from '../../src/events/sources/modsecurity-serial.ts';
import { context, haveShared, readAll, shared, sharedFile } from './memory/record-reader.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('ModSecurity', () => {
  const serial = [
    '--c0ffee01-A--',
    '[22/Nov/2026:05:00:00 +0900] Uniq1 198.51.100.7 4000 10.0.0.1 80',
    '--c0ffee01-B--',
    'POST /login?x=1 HTTP/1.1',
    'Host: shop.example',
    'User-Agent: a',
    '',
    '--c0ffee01-C--',
    "user=admin'--&p=1",
    '--deadbeef-A--',
    '--c0ffee01-F--',
    'HTTP/1.1 403 Forbidden',
    'Content-Length: 12',
    '',
    '--c0ffee01-H--',
    'Message: Access denied [file "x"] [id "942100"] [msg "SQL Injection"] [severity "CRITICAL"] [tag "t"]',
    'Action: Intercepted (phase 2)',
    'Stopwatch: 1 2527 (- - -)',
    '',
    '--c0ffee01-Z--',
    '',
  ].join('\n');
  it('keeps the request body', () => {
    const r = readAll(modsecuritySerial, bytes(serial.replace('--deadbeef-A--\n', '')));
    expect(r.rows).toHaveLength(1);
    expect(r.rows[0]).toMatchObject({
      class: 6,
      src_ip: '198.51.100.7',
      src_port: 4000,
      method: 'POST',
      target: '/login?x=1',
      status: 403,
      host: 'shop.example',
      trace_id: 'Uniq1',
      duration_us: 2527,
      action: 'blocked',
      outcome: 2,
    });
    expect(JSON.parse(r.rows[0]!['extra'] as string)).toMatchObject({
      request_body: "user=admin'--&p=1",
      rules: [{ id: '942100', msg: 'SQL Injection', severity: 'CRITICAL', tags: ['t'] }],
    });
  });
  it('reads the JSON form', () => {
    const o = {
      transaction: {
        client_ip: '198.51.100.7',
        time_stamp: 'Sun Nov 22 05:00:00 2026',
        client_port: 4000,
        unique_id: 'u',
        request: { method: 'POST', http_version: 1.1, uri: '/a?b=c', body: 'x=1', headers: { Host: 'h', 'User-Agent': 'ua' } },
        response: { http_code: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>' },
        messages: [{ message: 'SQLi', details: { ruleId: '942100', severity: '2', tags: ['a'] } }],
      },
    };
    const r = readAll(modsecurityJson, bytes(`${JSON.stringify(o)}\n${JSON.stringify(o, null, 1)}\n`));
    expect(r.rows).toHaveLength(2);
    expect(r.rows[1]).toMatchObject({
      src_ip: '198.51.100.7',
      target: '/a?b=c',
      status: 200,
      user_agent: 'ua',
      time_us: Date.UTC(2026, 10, 21, 20) * 1000,
      message: 'SQLi',
      action: 'alert',
    });
    expect(JSON.parse(r.rows[0]!['extra'] as string)).toMatchObject({ request_body: 'x=1', response_body: '<p>' });
  });
  it.skipIf(!haveShared)('reads every transaction of the sample', () => {
    const content = sharedFile('weblogs/modsecurity-audit.log');
    const r = readAll(modsecuritySerial, content);
    expect(r.unparsed).toEqual([]);
    expect(r.rows).toHaveLength(
      Buffer.from(content)
        .toString('latin1')
        .match(/^--[0-9a-f]+-A--$/gm)!.length,
    );
  });
});

describe('JSON events', () => {
  it('maps common loggers without being told', () => {
    const lines = [
      {
        time_iso8601: '2026-11-22T05:00:00+09:00',
        remote_addr: '10.0.0.1',
        request_method: 'GET',
        request_uri: '/a?b=1',
        status: '200',
        body_bytes_sent: '12',
        request_time: '0.005',
        http_user_agent: 'ua',
        http_referer: '-',
      },
      {
        '@timestamp': '2026-11-21T20:00:00.5Z',
        'source.ip': '10.0.0.2',
        http: { request: { method: 'POST' }, response: { status_code: 302 } },
        url: { path: '/x', query: 'y=2' },
        event: { duration: 5000 },
        user: { name: 'bob' },
      },
      {
        ts: 1716732963.25,
        request: { client_ip: '::1', method: 'GET', uri: '/c', host: 'h', headers: { 'User-Agent': ['cad'] } },
        status: 404,
        size: 3,
        duration: 0.25,
      },
    ];
    const r = readAll(jsonl, bytes(lines.map(l => JSON.stringify(l)).join('\n')));
    expect(r.rows).toMatchObject([
      {
        class: 1,
        src_ip: '10.0.0.1',
        method: 'GET',
        target: '/a?b=1',
        status: 200,
        bytes_out: 12,
        duration_us: 5000,
        user_agent: 'ua',
        time_us: Date.UTC(2026, 10, 21, 20) * 1000,
      },
      {
        class: 1,
        src_ip: '10.0.0.2',
        method: 'POST',
        target: '/x?y=2',
        status: 302,
        duration_us: 5,
        account: 'bob',
        time_us: Date.UTC(2026, 10, 21, 20, 0, 0, 500) * 1000,
      },
      {
        class: 1,
        src_ip: '::1',
        target: '/c',
        status: 404,
        bytes_out: 3,
        duration_us: 250000,
        user_agent: 'cad',
        time_us: 1716732963250000,
      },
    ]);
    expect(r.rows[0]).not.toHaveProperty('referer');
  });
  it('takes what stands for a bearer token for the session', () => {
    const [row] = readAll(
      jsonl,
      bytes('{"time":"2026-04-12T15:00:00Z","client_ip":"198.51.100.7","method":"GET","path":"/v2/me","status":200,"token_hash":"9f2c"}\n'),
    ).rows;
    expect(row).toMatchObject({ session: '9f2c', src_ip: '198.51.100.7' });
  });
  it('reads Traefik, whose durations are nanoseconds and whose finer stamp is the start', () => {
    const line = {
      ClientAddr: '198.51.100.7:46455',
      ClientHost: '198.51.100.7',
      DownstreamContentSize: 908,
      DownstreamStatus: 200,
      Duration: 4_768_610,
      RequestHost: 'www.example.jp',
      RequestMethod: 'GET',
      RequestPath: '/item/2?a=1',
      StartUTC: '2026-04-12T15:00:00.25Z',
      time: '2026-04-13T00:00:00+09:00',
      'request_User-Agent': 'curl/8',
    };
    const [row] = readAll(jsonl, bytes(`${JSON.stringify(line)}\n`)).rows;
    expect(row).toMatchObject({
      src_ip: '198.51.100.7',
      method: 'GET',
      target: '/item/2?a=1',
      status: 200,
      bytes_out: 908,
      user_agent: 'curl/8',
      host: 'www.example.jp',
    });
    expect([Math.round(Number(row!['duration_us'])), row!['time_us']]).toEqual([4769, Date.UTC(2026, 3, 12, 15, 0, 0, 250) * 1000]);
  });
  it('finds the request line under whatever name, but not in what the client wrote', () => {
    const o = {
      ts: '2026-11-22T09:00:00+09:00',
      client: '203.0.113.9',
      req: 'GET /x?q=a HTTP/1.1',
      status: 200,
      bytes: 7,
      ua: 'GET /ua HTTP/1.1',
      ref: 'r',
      rt: 1,
    };
    const r = readAll(jsonl, bytes(`${JSON.stringify(o)}\n${JSON.stringify({ ...o, req: null })}\n`));
    expect(r.rows[0]).toMatchObject({
      class: 1,
      src_ip: '203.0.113.9',
      method: 'GET',
      target: '/x?q=a',
      bytes_out: 7,
      user_agent: o.ua,
      referer: 'r',
      duration_us: 1_000_000,
    });
    expect(r.rows[1]).not.toHaveProperty('target');
  });
  it('follows the field map of the case file', () => {
    const params = {
      src_ip: '$.who.addr',
      time_us: { path: 'when', format: 'epoch-ms' },
      sql_text: 'q',
      duration_us: { path: 'took_s', format: 's' },
    };
    const r = readAll(jsonl, bytes('{"who":{"addr":"10.9.9.9"},"when":1000,"q":"select 1","took_s":2}\n'), {
      ...context,
      params,
    });
    expect(r.rows[0]).toMatchObject({
      src_ip: '10.9.9.9',
      time_us: 1_000_000,
      sql_text: 'select 1',
      class: 2,
      duration_us: 2_000_000,
    });
  });
  it('reads arrays, wrappers and prefixed lines', () => {
    const item = '{"timestamp":"2026-11-22T00:00:00Z","msg":"a"}';
    expect(readAll(jsonArray, bytes(`[${item},\n${item}]`)).rows).toHaveLength(2);
    expect(readAll(jsonArray, bytes(`{"Records": [ ${item}, ${item} ]}\n`)).rows).toHaveLength(2);
    expect(readAll(jsonl, bytes(`caddy  | ${item}\n{"Records":[${item},${item}]}\n`)).rows).toHaveLength(3);
  });
  it('reads CloudTrail, sealed in Records or loose', () => {
    const o = {
      eventTime: '2026-11-22T00:00:00Z',
      eventName: 'GetObject',
      eventSource: 's3.amazonaws.com',
      sourceIPAddress: '203.0.113.5',
      userAgent: 'cli',
      userIdentity: { arn: 'arn:x', accessKeyId: 'AK' },
      additionalEventData: { bytesTransferredOut: 99 },
      resources: [{ ARN: 'arn:aws:s3:::b/k' }],
      errorCode: 'AccessDenied',
    };
    const r = readAll(cloudtrail, bytes(`{"Records":[${JSON.stringify(o)},${JSON.stringify({ ...o, errorCode: undefined })}]}`));
    expect(r.unparsed).toEqual([]);
    expect(r.rows).toMatchObject([
      {
        class: 4,
        action: 'GetObject',
        outcome: 2,
        err_code: 'AccessDenied',
        account: 'arn:x',
        bytes_out: 99,
        objects: '["arn:aws:s3:::b/k"]',
      },
      { outcome: 1, src_ip: '203.0.113.5' },
    ]);
    expect(readAll(cloudtrail, bytes(JSON.stringify(o, null, 2))).rows).toHaveLength(1);
  });
});

describe('Apache error log', () => {
  it('reads both generations', () => {
    const r = readAll(
      apacheError,
      bytes(
        '[Sun Dec 04 04:47:44 2005] [error] [client 10.0.0.1] File does not exist: /x\n[Sun Nov 22 05:00:00.123456 2026] [php:warn] [pid 7:tid 8] [client [2001:db8::1]:55] x\n2026/11/22 05:00:00 [error] 7#7: *1 open() failed, client: 10.0.0.3, server: s\n',
      ),
    );
    expect(r.rows).toMatchObject([
      { level: 'error', src_ip: '10.0.0.1' },
      { level: 'warn', conn_id: '7', time_us: Date.UTC(2026, 10, 21, 20, 0, 0, 123) * 1000 + 456 },
      { src_ip: '10.0.0.3', host: 's', level: 'error' },
    ]);
  });
});

describe('EVTX', () => {
  const files = haveShared ? (fs.readdirSync(path.join(shared, 'sigma'), { recursive: true }) as string[]).filter(f => f.endsWith('.evtx')).sort() : [];
  it.skipIf(files.length === 0)('gives the same event data as an independent reader, for every sample', () => {
    let compared = 0;
    for (const file of files) {
      const full = path.join(shared, 'sigma', file);
      const rows = readAll(evtx, fs.readFileSync(full)).rows;
      const other = [...EvtxFile.openSync(full).records()].map(r => r.renderXml());
      expect(rows, file).toHaveLength(other.length);
      for (const [i, xml] of other.entries()) {
        const mine = JSON.parse(rows[i]!['extra'] as string) as Record<string, string>;
        expect(mine['EventID'], file).toBe(/<EventID[^>]*>(\d+)</.exec(xml)![1]);
        expect(rows[i]!['seq']).toBe(Number(/<EventRecordID>(\d+)</.exec(xml)![1]));
        for (const m of xml.matchAll(/<Data Name="([^"]+)">([^<]*)<\/Data>/g)) {
          const theirs = m[2]!
            .replace(/&lt;/g, '<')
            .replace(/&gt;/g, '>')
            .replace(/&quot;/g, '"')
            .replace(/&apos;|&#x27;/g, "'")
            .replace(/&amp;/g, '&');
          if (!/^[\x20-\x7e]*$/.test(theirs) || /^0x|^\d{4}-\d\d-\d\dT|^[\dA-F{}-]+$/i.test(theirs) || theirs.trim() === '') continue;
          expect(mine[m[1]!]?.trim(), `${file} ${m[1]}`).toBe(theirs.trim());
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });
});
