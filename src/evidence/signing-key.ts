import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, sha256Hex } from '../base/index.ts';

/** Where the Ed25519 key of an output folder lies: PKCS #8 PEM, file mode 0600, made on first use. */
export const privateKeyPath = 'keys/signing-key.pem';
export const publicKeyPath = 'keys/signing-key.pub.pem';

export type Signature = { readonly algorithm: 'Ed25519'; readonly public_key: string; readonly value: string };

/** The key of this output folder; made when there is none. */
export function openSigningKey(outDir: string): KeyObject {
  const file = path.join(outDir, privateKeyPath);
  if (fs.existsSync(file)) {
    fs.chmodSync(file, 0o600);
    return createPrivateKey(fs.readFileSync(file));
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  fs.writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  fs.writeFileSync(path.join(outDir, publicKeyPath), publicKey.export({ type: 'spki', format: 'pem' }));
  return privateKey;
}

/** Sign the RFC 8785 form of a content. */
export function signContent(key: KeyObject, content: object): Signature {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    algorithm: 'Ed25519',
    public_key: spki.toString('base64'),
    value: sign(null, Buffer.from(canonicalJson(content)), key).toString('base64'),
  };
}

/** True when the signature is that of the content under the public key it names; never throws. */
export function checkSignature(content: object, signature: Signature): boolean {
  try {
    // What the signature does not cover must have exactly one form, or a changed byte could pass.
    if (signature.algorithm !== 'Ed25519' || Object.keys(signature).length !== 3) return false;
    if (Buffer.from(signature.value, 'base64').toString('base64') !== signature.value) return false;
    const key = createPublicKey({ key: Buffer.from(signature.public_key, 'base64'), type: 'spki', format: 'der' });
    return verify(null, Buffer.from(canonicalJson(content)), key, Buffer.from(signature.value, 'base64'));
  } catch {
    return false;
  }
}

/** A short name of a public key that people can write down and compare: SHA-256 of its SPKI bytes, first 16 bytes. */
export function keyFingerprint(publicKey: string): string {
  return sha256Hex(Buffer.from(publicKey, 'base64'))
    .slice(0, 32)
    .replace(/(.{4})(?=.)/g, '$1 ');
}
