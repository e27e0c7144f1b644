// Writes jose.json (and keys.json, where it is missing) into the folder given: messages made with npm `jose`.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as jose from "jose";

const folder = process.argv[2] ?? ".";
const keysFile = join(folder, "keys.json");
if (!existsSync(keysFile)) {
  const keys = { warning: "TEST KEYS: public to everybody, never use them for anything else." };
  for (const [kid, alg, options] of [
    ["rsa", "RS256", { modulusLength: 2048 }],
    ["p256", "ES256", {}],
    ["ed25519", "EdDSA", { crv: "Ed25519" }],
  ]) {
    const { privateKey } = await jose.generateKeyPair(alg, { ...options, extractable: true });
    keys[kid] = { kid, ...(await jose.exportJWK(privateKey)) };
  }
  writeFileSync(keysFile, JSON.stringify(keys, null, 1) + "\n");
}
const keys = JSON.parse(readFileSync(keysFile));

const publicOf = ({ kty, crv, x, y, n, e }) => ({ kty, crv, x, y, n, e });
const own = async (kid, alg) => jose.importJWK(keys[kid], alg);
const theirs = async (kid, alg) => jose.importJWK(publicOf(keys[kid]), alg);

const payloads = ["", "{}", '{"name":"Zoë","amount":1.50}', "x".repeat(1000)];
const text = new TextEncoder();
const sign = async (kid, alg, payload, header = {}) =>
  new jose.CompactSign(text.encode(payload)).setProtectedHeader({ alg, kid, ...header }).sign(await own(kid, alg));
const encrypt = async (kid, alg, enc, payload, header = {}) =>
  new jose.CompactEncrypt(text.encode(payload)).setProtectedHeader({ alg, enc, kid, ...header }).encrypt(await theirs(kid, alg));

const signatures = [["rsa", "RS256"], ["rsa", "PS256"], ["p256", "ES256"], ["ed25519", "EdDSA"]];
const encryptions = [["rsa", "RSA-OAEP-256"], ["p256", "ECDH-ES+A256KW"]].flatMap(([kid, alg]) =>
  ["A128CBC-HS256", "A256GCM"].map((enc) => [kid, alg, enc]),
);
const messages = [];
for (const payload of payloads) {
  for (const [kid, alg] of signatures) {
    messages.push({ signature: alg, signer: kid, payload, compact: await sign(kid, alg, payload, { typ: "JOSE" }) });
  }
  for (const [kid, alg, enc] of encryptions) {
    messages.push({ encryption: [alg, enc], recipient: kid, payload, compact: await encrypt(kid, alg, enc, payload) });
  }
}
for (const [signer, alg] of signatures) {
  for (const [recipient, management, enc] of encryptions) {
    const payload = '{"iat":1700000000,"exp":1700000300,"jti":"1","body":{"amount":1.50}}';
    const compact = await encrypt(recipient, management, enc, await sign(signer, alg, payload), { cty: "JWT" });
    messages.push({ signature: alg, signer, encryption: [management, enc], recipient, payload, compact });
  }
}
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(require.resolve("jose").replace(/dist.*/, "package.json")));
writeFileSync(join(folder, "jose.json"), JSON.stringify({ library: `npm jose ${version}`, messages }, null, 1) + "\n");
