import { createHash, webcrypto } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

pkijs.setEngine('test', new pkijs.CryptoEngine({ name: 'test', crypto: webcrypto as never }));

/** How the authority misbehaves. */
export type Mischief = 'none' | 'other-imprint' | 'other-nonce' | 'bad-signature' | 'refuse' | 'wrong-purpose' | 'garbage' | 'http-500';
type Keys = { privateKey: CryptoKey; publicKey: CryptoKey };
type CryptoKey = webcrypto.CryptoKey;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const makeKeys = async (): Promise<Keys> => (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as Keys;

async function certificate(
  serial: number,
  subject: string,
  issuer: string,
  keys: Keys,
  signer: Keys,
  ca: boolean,
  purpose: string | null,
): Promise<pkijs.Certificate> {
  const c = new pkijs.Certificate();
  c.version = 2;
  c.serialNumber = new asn1js.Integer({ value: serial });
  const name = (value: string) => new pkijs.AttributeTypeAndValue({ type: '2.5.4.3', value: new asn1js.Utf8String({ value }) });
  c.subject.typesAndValues.push(name(subject));
  c.issuer.typesAndValues.push(name(issuer));
  c.notBefore.value = new Date('2020-01-01T00:00:00Z');
  c.notAfter.value = new Date('2049-01-01T00:00:00Z');
  const extension = (extnID: string, critical: boolean, value: { toSchema(): asn1js.BaseBlock }) =>
    new pkijs.Extension({ extnID, critical, extnValue: value.toSchema().toBER(false) });
  c.extensions = [extension('2.5.29.19', true, new pkijs.BasicConstraints({ cA: ca }))];
  if (purpose) c.extensions.push(extension('2.5.29.37', true, new pkijs.ExtKeyUsage({ keyPurposes: [purpose] })));
  await c.subjectPublicKeyInfo.importKey(keys.publicKey as never);
  await c.sign(signer.privateKey as never, 'SHA-256');
  return c;
}

const der = (c: pkijs.Certificate): Uint8Array => new Uint8Array(c.toSchema(true).toBER(false));

/** A certificate authority and a time-stamp authority of our own, answering on loopback. */
export async function startAuthority(): Promise<{
  url: string;
  ca: Uint8Array;
  tsa: Uint8Array;
  mischief: (m: Mischief) => void;
  seen: Buffer[];
  stop: () => Promise<void>;
}> {
  const [caKeys, tsaKeys] = [await makeKeys(), await makeKeys()];
  const ca = await certificate(1, 'Test CA', 'Test CA', caKeys, caKeys, true, null);
  const good = await certificate(2, 'Test TSA', 'Test CA', tsaKeys, caKeys, false, '1.3.6.1.5.5.7.3.8');
  const wrong = await certificate(3, 'Test web server', 'Test CA', tsaKeys, caKeys, false, '1.3.6.1.5.5.7.3.1');
  let mode: Mischief = 'none';
  const seen: Buffer[] = [];
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', d => parts.push(d as Buffer));
    request.on('end', async () => {
      seen.push(Buffer.concat(parts));
      if (mode === 'http-500') return response.writeHead(500).end();
      response.setHeader('content-type', 'application/timestamp-reply');
      response.end(
        mode === 'garbage' ? Buffer.from([0x30, 0x03, 1, 2]) : await answer(Buffer.concat(parts), mode === 'wrong-purpose' ? wrong : good, tsaKeys, mode),
      );
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ca: der(ca),
    tsa: der(good),
    seen,
    mischief: m => {
      mode = m;
    },
    stop: () => new Promise(resolve => server.close(() => resolve())),
  };
}

async function answer(bytes: Buffer, certificateOf: pkijs.Certificate, keys: Keys, mode: Mischief): Promise<Buffer> {
  const request = pkijs.TimeStampReq.fromBER(new Uint8Array(bytes));
  if (mode === 'refuse')
    return Buffer.from(new pkijs.TimeStampResp({ status: new pkijs.PKIStatusInfo({ status: pkijs.PKIStatus.rejection }) }).toSchema().toBER(false));
  const info = new pkijs.TSTInfo({
    version: 1,
    policy: '1.3.6.1.4.1.99999.1',
    serialNumber: new asn1js.Integer({ value: 7 }),
    genTime: new Date('2026-01-02T03:04:05Z'),
    messageImprint:
      mode === 'other-imprint'
        ? new pkijs.MessageImprint({
            hashAlgorithm: request.messageImprint.hashAlgorithm,
            hashedMessage: new asn1js.OctetString({ valueHex: new Uint8Array(32).buffer }),
          })
        : request.messageImprint,
    nonce: mode === 'other-nonce' ? new asn1js.Integer({ value: 5 }) : request.nonce!,
  });
  const content = info.toSchema().toBER(false);
  const signed = new pkijs.SignedData({
    version: 3,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({
      eContentType: '1.2.840.113549.1.9.16.1.4',
      eContent: new asn1js.OctetString({ valueHex: content }),
    }),
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: new pkijs.IssuerAndSerialNumber({ issuer: certificateOf.issuer, serialNumber: certificateOf.serialNumber }),
      }),
    ],
    certificates: [certificateOf],
  });
  const digest = createHash('sha256').update(new Uint8Array(content)).digest();
  const certHash = createHash('sha1').update(der(certificateOf)).digest();
  const signingCertificate = new asn1js.Sequence({
    value: [
      new asn1js.Sequence({
        value: [new asn1js.Sequence({ value: [new asn1js.OctetString({ valueHex: new Uint8Array(certHash).buffer })] })],
      }),
    ],
  });
  signed.signerInfos[0]!.signedAttrs = new pkijs.SignedAndUnsignedAttributes({
    type: 0,
    attributes: [
      new pkijs.Attribute({
        type: '1.2.840.113549.1.9.3',
        values: [new asn1js.ObjectIdentifier({ value: '1.2.840.113549.1.9.16.1.4' })],
      }),
      new pkijs.Attribute({
        type: '1.2.840.113549.1.9.4',
        values: [new asn1js.OctetString({ valueHex: new Uint8Array(digest).buffer })],
      }),
      new pkijs.Attribute({ type: '1.2.840.113549.1.9.16.2.12', values: [signingCertificate] }),
    ],
  });
  await signed.sign(keys.privateKey as never, 0, 'SHA-256');
  if (mode === 'bad-signature') {
    const view = signed.signerInfos[0]!.signature.valueBlock.valueHexView;
    view[view.length - 1]! ^= 1;
  }
  const token = new pkijs.ContentInfo({ contentType: '1.2.840.113549.1.7.2', content: signed.toSchema(true) });
  return Buffer.from(
    new pkijs.TimeStampResp({ status: new pkijs.PKIStatusInfo({ status: pkijs.PKIStatus.granted }), timeStampToken: token }).toSchema().toBER(false),
  );
}
