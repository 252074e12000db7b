import { createHash, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { isoUtc } from '../base/index.ts';

/** RFC 3161 time-stamps. Only a hash ever leaves the machine. */

const sha256Oid = '2.16.840.1.101.3.4.2.1';
const tstInfoOid = '1.2.840.113549.1.9.16.1.4';
const timeStampingOid = '1.3.6.1.5.5.7.3.8';

pkijs.setEngine('tadasu', new pkijs.CryptoEngine({ name: 'tadasu', crypto: webcrypto as never }));

export type TimeStamp = { readonly authority: string; readonly token: string };

/** What a token says once it is checked. `chain`: whether the signer leads to a certificate the caller trusts; null = none given. */
export type TimeStampCheck =
  | { readonly ok: true; readonly at: string; readonly signer: string; readonly chain: boolean | null }
  | { readonly ok: false; readonly reason: string };

/** Ask an authority to stamp the SHA-256 of `data`; the answer is checked before it is believed. Throws Error with a reason. */
export async function requestTimeStamp(authority: string, data: Uint8Array): Promise<TimeStamp> {
  const nonce = randomBytes(8);
  nonce[0] = (nonce[0]! & 0x7f) | 0x40;
  const request = new pkijs.TimeStampReq({
    version: 1,
    messageImprint: new pkijs.MessageImprint({
      hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: sha256Oid, algorithmParams: new asn1js.Null() }),
      hashedMessage: new asn1js.OctetString({ valueHex: exact(createHash('sha256').update(data).digest()) }),
    }),
    nonce: new asn1js.Integer({ valueHex: exact(nonce) }),
    certReq: true,
  });
  const answer = await fetch(authority, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query' },
    body: Buffer.from(request.toSchema().toBER(false)),
    signal: AbortSignal.timeout(20_000),
    redirect: 'error',
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const response = parse(pkijs.TimeStampResp, new Uint8Array(await answer.arrayBuffer()));
  if (response.status.status !== pkijs.PKIStatus.granted && response.status.status !== pkijs.PKIStatus.grantedWithMods)
    throw new Error(`refused (${response.status.status})`);
  if (!response.timeStampToken) throw new Error('no token');
  const token = Buffer.from(response.timeStampToken.toSchema().toBER(false)).toString('base64');
  const check = await checkTimeStamp(token, data, [], nonce);
  if (!check.ok) throw new Error(check.reason);
  return { authority, token };
}

/** Check a token offline: imprint of `data`, signature, the signer's purpose, optionally the nonce and the way to a trusted certificate (DER). */
export async function checkTimeStamp(
  token: string,
  data: Uint8Array,
  trusted: readonly Uint8Array[] = [],
  nonce: Uint8Array | null = null,
): Promise<TimeStampCheck> {
  try {
    const content = parse(pkijs.ContentInfo, Buffer.from(token, 'base64'));
    const signed = new pkijs.SignedData({ schema: content.content });
    const inner = signed.encapContentInfo;
    if (inner.eContentType !== tstInfoOid || !inner.eContent) return { ok: false, reason: 'not a time-stamp' };
    const info = parse(pkijs.TSTInfo, new Uint8Array(inner.eContent.getValue()));
    const { hashAlgorithm, hashedMessage } = info.messageImprint;
    const imprint = Buffer.from(hashedMessage.valueBlock.valueHexView);
    if (hashAlgorithm.algorithmId !== sha256Oid || !imprint.equals(createHash('sha256').update(data).digest())) return { ok: false, reason: 'imprint' };
    if (nonce && (!info.nonce || !Buffer.from(info.nonce.valueBlock.valueHexView).equals(nonce))) return { ok: false, reason: 'nonce' };
    const certificates = (signed.certificates ?? []).filter((c): c is pkijs.Certificate => c instanceof pkijs.Certificate);
    const signer = await verifySigner(signed, data);
    if (!signer) return { ok: false, reason: 'signature' };
    const usage = signer.extensions?.find(e => e.extnID === '2.5.29.37')?.parsedValue as pkijs.ExtKeyUsage | undefined;
    if (!usage?.keyPurposes.includes(timeStampingOid)) return { ok: false, reason: 'purpose' };
    const at = isoUtc(info.genTime.getTime() * 1000);
    const chain = trusted.length === 0 ? null : leadsTo(trusted, signer, certificates, info.genTime);
    if (chain === false) return { ok: false, reason: 'chain' };
    return { ok: true, at, signer: der(signer).subject.replaceAll('\n', ', '), chain };
  } catch {
    return { ok: false, reason: 'malformed' };
  }
}

async function verifySigner(signed: pkijs.SignedData, data: Uint8Array): Promise<pkijs.Certificate | null> {
  try {
    const result = await signed.verify({ signer: 0, data: exact(data), checkChain: false, extendedMode: true });
    return result.signatureVerified === true ? (result.signerCertificate ?? null) : null;
  } catch {
    return null;
  }
}

const der = (c: pkijs.Certificate): X509Certificate => new X509Certificate(Buffer.from(c.toSchema(true).toBER(false)));

/** Walk from the signer up by issuer and signature to one of the trusted certificates, each valid at the time of the stamp. */
function leadsTo(trusted: readonly Uint8Array[], signer: pkijs.Certificate, embedded: readonly pkijs.Certificate[], at: Date): boolean {
  const anchors = trusted.map(t => new X509Certificate(Buffer.from(t)));
  const pool = [...anchors, ...embedded.map(der)];
  let current = der(signer);
  for (let depth = 0; depth < 8; depth++) {
    if (Date.parse(current.validFrom) > at.getTime() || Date.parse(current.validTo) < at.getTime()) return false;
    if (anchors.some(a => a.fingerprint256 === current.fingerprint256)) return true;
    const issuer = pool.find(c => c.ca && current.checkIssued(c) && current.verify(c.publicKey));
    if (!issuer || issuer.fingerprint256 === current.fingerprint256) return false;
    current = issuer;
  }
  return false;
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

function parse<T>(type: new (parameters: { schema: asn1js.AsnType }) => T, bytes: Uint8Array): T {
  const result = asn1js.fromBER(exact(bytes));
  if (result.offset === -1) throw new Error('malformed answer');
  return new type({ schema: result.result });
}
