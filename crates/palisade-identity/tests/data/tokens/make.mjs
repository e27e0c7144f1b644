// Writes jose.json into the folder given: tokens made with npm `jose`, and the public halves of the keys that signed them. The
// private halves are gone when the script ends.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as jose from "jose";

const claims = { sub: "alice", roles: ["clerk"], scope: "orders.read orders.write" };
const keys = [];
const tokens = [];

const sign = (key, header, more = {}, dates = {}) =>
  new jose.SignJWT({ ...claims, ...more })
    .setProtectedHeader(header)
    .setIssuer(dates.issuer ?? "https://issuer.example")
    .setAudience(dates.audience ?? "https://orders.example")
    .setIssuedAt(1_760_000_000)
    .setExpirationTime(dates.end ?? 4_102_444_800)
    .sign(key);

for (const [alg, options] of [
  ["RS256", { modulusLength: 2048 }],
  ["RS384", { modulusLength: 3072 }],
  ["RS512", { modulusLength: 2048 }],
  ["PS256", { modulusLength: 2048 }],
  ["PS384", { modulusLength: 2048 }],
  ["PS512", { modulusLength: 2048 }],
  ["ES256", {}],
  ["ES384", {}],
  ["EdDSA", { crv: "Ed25519" }],
  ["Ed25519", {}],
]) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, options);
  const kid = alg;
  keys.push({ kid, alg, use: "sig", ...(await jose.exportJWK(publicKey)) });
  tokens.push({ alg, accepted: true, token: await sign(privateKey, { alg, kid, typ: "at+jwt" }) });
  tokens.push({ alg, accepted: true, token: await sign(privateKey, { alg, kid }) });
  const refused = {
    audience: sign(privateKey, { alg, kid }, {}, { audience: "https://billing.example" }),
    issuer: sign(privateKey, { alg, kid }, {}, { issuer: "https://other.example" }),
    expired: sign(privateKey, { alg, kid }, {}, { end: 1_760_000_300 }),
    type: sign(privateKey, { alg, kid, typ: "logout+jwt" }),
    "proof of possession": sign(privateKey, { alg, kid }, { cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }),
    "another key": sign((await jose.generateKeyPair(alg, options)).privateKey, { alg, kid }),
  };
  for (const [why, token] of Object.entries(refused)) {
    tokens.push({ alg, accepted: false, why, token: await token });
  }
}
const encryption = await jose.generateKeyPair("RSA-OAEP-256", { modulusLength: 2048 });
keys.push({ kid: "encryption", use: "enc", ...(await jose.exportJWK(encryption.publicKey)) });

const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(require.resolve("jose").replace(/dist.*/, "package.json")));
const written = { library: `npm jose ${version}`, keys, tokens };
writeFileSync(join(process.argv[2] ?? ".", "jose.json"), JSON.stringify(written, null, 1) + "\n");
