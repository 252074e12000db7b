import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { collectEvidence, sealOutputs, verifyCase, writeManifest } from '../../src/evidence/index.ts';
import { checkTimeStamp, requestTimeStamp } from '../../src/evidence/time-stamp.ts';
import { evidenceSpec, openTestCase, problemList } from './open-test-case.ts';
import { type Mischief, startAuthority } from './time-stamp-authority.ts';

let authority: Awaited<ReturnType<typeof startAuthority>>;
beforeAll(async () => {
  authority = await startAuthority();
});
afterAll(() => authority.stop());
const data = Buffer.from('{"tree":"head"}');

test('a stamp is asked for by hash only, checked, and holds offline', async () => {
  authority.mischief('none');
  const { token } = await requestTimeStamp(authority.url, data);
  const sent = authority.seen.at(-1)!;
  expect(sent.includes(createHash('sha256').update(data).digest())).toBe(true);
  expect(sent.includes(data)).toBe(false);
  expect(await checkTimeStamp(token, data)).toEqual({ ok: true, at: '2026-01-02T03:04:05Z', signer: 'CN=Test TSA', chain: null });
  expect(await checkTimeStamp(token, data, [authority.ca])).toMatchObject({ ok: true, chain: true });
  expect(await checkTimeStamp(token, Buffer.from('{"tree":"hEad"}'))).toEqual({ ok: false, reason: 'imprint' });
  const other = await startAuthority();
  expect(await checkTimeStamp(token, data, [other.ca])).toEqual({ ok: false, reason: 'chain' });
  await other.stop();
});

test.each<[Mischief, string]>([
  ['other-imprint', 'imprint'],
  ['other-nonce', 'nonce'],
  ['bad-signature', 'signature'],
  ['refuse', 'refused (2)'],
  ['wrong-purpose', 'purpose'],
  ['garbage', 'malformed answer'],
  ['http-500', 'HTTP 500'],
])('an answer with %s is not believed', async (mischief, reason) => {
  authority.mischief(mischief);
  await expect(requestTimeStamp(authority.url, data)).rejects.toThrow(reason);
  authority.mischief('none');
});

test('no flipped byte of a token passes as another time or another content', async () => {
  const { token } = await requestTimeStamp(authority.url, data);
  const bytes = Buffer.from(token, 'base64');
  const good = await checkTimeStamp(token, data, [authority.ca]);
  for (let i = 0; i < bytes.length; i += 7) {
    const flipped = Buffer.from(bytes);
    flipped[i]! ^= 0x10;
    const result = await checkTimeStamp(flipped.toString('base64'), data, [authority.ca]);
    if (result.ok) expect(result).toEqual(good);
  }
});

test('the whole way: stamped tree head, verified with the case; without an answer the case goes on', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-stamp-'));
  fs.writeFileSync(path.join(dir, 'a.log'), 'a line\n');
  const kase = await openTestCase([evidenceSpec('w', ['a.log'])], [], dir);
  await collectEvidence(kase, quietEffects);
  await writeManifest(kase, { timeStampAuthority: 'http://127.0.0.1:9/' }, quietEffects);
  expect(await problemList(kase)).toEqual(['evidence.no-time-stamp -']);
  await writeManifest(kase, { timeStampAuthority: authority.url }, quietEffects);
  expect(await problemList(kase)).toEqual([]);
  kase.close();
  await sealOutputs(kase.outDir);
  expect(await verifyCase(kase.outDir, quietEffects, { trusted: [authority.ca] })).toMatchObject({
    state: 'intact',
    time_stamp: { at: '2026-01-02T03:04:05Z', signer: 'CN=Test TSA', chain: true },
  });
  fs.rmSync(dir, { recursive: true, force: true });
});

const openssl = spawnSync('openssl', ['version']).status === 0;

test.skipIf(!openssl)('a third party’s authority and ours understand each other (openssl ts)', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-openssl-'));
  const run = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] });
  fs.writeFileSync(
    path.join(dir, 'c.cnf'),
    [
      '[req]',
      'distinguished_name=dn',
      '[dn]',
      '[ca]',
      'basicConstraints=critical,CA:TRUE',
      '[tsa_cert]',
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=critical,timeStamping',
      '[tsa]',
      'default_tsa=one',
      '[one]',
      'serial=serial',
      'crypto_device=builtin',
      'signer_cert=tsa.pem',
      'signer_key=tsa.key',
      'certs=ca.pem',
      'signer_digest=sha256',
      'default_policy=1.3.6.1.4.1.99999.2',
      'digests=sha256',
      'ess_cert_id_chain=no',
      '',
    ].join('\n'),
  );
  fs.writeFileSync(path.join(dir, 'serial'), '01\n');
  run(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=Other CA',
    '-days',
    '30',
    '-config',
    'c.cnf',
    '-extensions',
    'ca',
  );
  run('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=Other TSA', '-config', 'c.cnf');
  run(
    'x509',
    '-req',
    '-in',
    'tsa.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-set_serial',
    '5',
    '-days',
    '30',
    '-out',
    'tsa.pem',
    '-extfile',
    'c.cnf',
    '-extensions',
    'tsa_cert',
  );
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', d => parts.push(d as Buffer));
    request.on('end', () => {
      fs.writeFileSync(path.join(dir, 'q.tsq'), Buffer.concat(parts));
      run('ts', '-reply', '-config', 'c.cnf', '-section', 'one', '-queryfile', 'q.tsq', '-out', 'r.tsr');
      response.end(fs.readFileSync(path.join(dir, 'r.tsr')));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { token } = await requestTimeStamp(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, data);
  server.close();
  const ca = Buffer.from(fs.readFileSync(path.join(dir, 'ca.pem'), 'utf8').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  expect(await checkTimeStamp(token, data, [ca])).toMatchObject({ ok: true, signer: 'CN=Other TSA', chain: true });
  fs.writeFileSync(path.join(dir, 'data'), data);
  fs.writeFileSync(path.join(dir, 'token.der'), Buffer.from(token, 'base64'));
  expect(run('ts', '-verify', '-data', 'data', '-in', 'token.der', '-token_in', '-CAfile', 'ca.pem', '-untrusted', 'tsa.pem').toString()).toContain('OK');

  const ours = await requestTimeStamp(authority.url, data);
  fs.writeFileSync(path.join(dir, 'ours.der'), Buffer.from(ours.token, 'base64'));
  const pem = (der: Uint8Array): string =>
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g)!
      .join('\n')}\n-----END CERTIFICATE-----\n`;
  fs.writeFileSync(path.join(dir, 'ourca.pem'), pem(authority.ca));
  expect(run('ts', '-verify', '-data', 'data', '-in', 'ours.der', '-token_in', '-CAfile', 'ourca.pem').toString()).toContain('OK');
  fs.rmSync(dir, { recursive: true, force: true });
});
