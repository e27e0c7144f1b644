// Writes jose.json and refused.json into this folder: whole messages made with npm `jose`, as a partner would make them.
//
//     npm install jose
//     node make.mjs
//
// The keys are ../interop/keys.json: TEST KEYS, public to everybody. Never use them for anything else.
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as jose from "jose";

const here = new URL(".", import.meta.url);
const keys = JSON.parse(readFileSync(new URL("../interop/keys.json", here)));
const { cases } = JSON.parse(readFileSync(new URL("cases.json", here)));
const { version } = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("jose").replace(/dist.*/, "package.json")));
const library = `npm jose ${version}`;

const publicOf = ({ kty, crv, x, y, n, e }) => ({ kty, crv, x, y, n, e });
const algorithms = { rsa: ["RS256", "RSA-OAEP-256"], p256: ["ES256", "ECDH-ES+A256KW"], ed25519: ["EdDSA"] };
const base64url = (text) => Buffer.from(text).toString("base64url");
const options = ({ crit }) => crit && { crit: Object.fromEntries(crit.map((name) => [name, true])) };

async function sign(kid, payload, header = {}, alg = algorithms[kid][0]) {
  const key = await jose.importJWK(keys[kid], alg);
  const message = new jose.CompactSign(Buffer.from(payload)).setProtectedHeader({ alg, kid, ...header });
  return message.sign(key, options(header));
}

async function encrypt(kid, payload, header = {}, alg = algorithms[kid][1]) {
  const key = await jose.importJWK(publicOf(keys[kid]), alg);
  const message = new jose.CompactEncrypt(Buffer.from(payload));
  return message.setProtectedHeader({ alg, enc: "A128CBC-HS256", kid, ...header }).encrypt(key, options(header));
}

// `jwt`: the body stands in the claims set; JSON as it is written, anything else as base64url with its type beside it.
function jwt(claims, type, body) {
  if (body === "") return JSON.stringify(claims);
  if (type === "application/json") return `${JSON.stringify(claims).slice(0, -1)},"body":${body}}`;
  return JSON.stringify({ ...claims, cty: type, body: base64url(body) });
}

// `raw`: the payload is the body, the claims are header parameters, which `crit` lists.
const raw = (claims, type) => ({ ...(type && { cty: type }), crit: Object.keys(claims), ...claims });

async function write({ format, claims, body, ...message }) {
  const type = message["content-type"];
  let payload = format === "jwt" ? jwt(claims, type, body) : body;
  let header = format === "jwt" ? {} : raw(claims, type);
  if (message["signed-by"]) {
    payload = await sign(message["signed-by"], payload, header);
    header = { cty: format === "jwt" ? "JWT" : "jose" };
  }
  return message["encrypted-to"] ? encrypt(message["encrypted-to"], payload, header) : payload;
}

const messages = {};
for (const message of cases) messages[message.name] = await write(message);
writeFileSync(new URL("jose.json", here), JSON.stringify({ library, messages }, null, 1) + "\n");

// What has to be refused: signed by p256 and encrypted to rsa is what is asked for, in the format jwt.
const good = cases.find(({ name }) => name === "jwt-both-json");
const refused = [];
const refuse = (name, step, code, message, because) => refused.push({ name, step, code, ...(because && { because }), message });
const FAILED = "message-security-failed";
const failed = (name, step, message, because) => refuse(name, step, FAILED, message, because);

const payload = (claims = {}) => jwt({ ...good.claims, ...claims }, "application/json", good.body);
const nested = (jws) => encrypt("rsa", jws, { cty: "JWT" });
const claiming = async (claims) => nested(await sign("p256", payload(claims)));
const forged = (header, signature = "AA") => `${base64url(header)}.${base64url(payload())}.${signature}`;

refuse("empty", "compact", "message-not-secured", "");
refuse("in the clear", "compact", "message-not-secured", good.body);
refuse("signed alone", "compact", "message-not-secured", await sign("p256", payload()));
refuse("a line break behind it", "compact", "message-not-secured", (await claiming({})) + "\n");

failed("rsa-oaep with sha-1", "decryption", await encrypt("rsa", await sign("p256", payload()), {}, "RSA-OAEP"), "is not what the key does");
failed("another content encryption", "decryption", await encrypt("rsa", await sign("p256", payload()), { enc: "A256GCM" }), "is not what the key does");
failed("to a kid that nobody has", "decryption", await encrypt("rsa", await sign("p256", payload()), { kid: "nobody" }), "no key fits kid nobody");
const segments = (await claiming({})).split(".");
const altered = (index, change) => segments.map((text, at) => (at === index ? change(text) : text)).join(".");
const flip = (text) => (text[0] === "A" ? "B" : "A") + text.slice(1);
for (const [index, name] of ["header", "encrypted key", "vector", "ciphertext", "tag"].entries()) {
  failed(`another ${name}`, "decryption", altered(index, flip));
}
failed("a tag of one byte", "decryption", altered(4, (text) => Buffer.from(text, "base64url").subarray(0, 1).toString("base64url")), "made with another key, or altered");
failed("no vector", "decryption", altered(2, () => ""), "made with another key, or altered");
const zipped = { alg: "RSA-OAEP-256", enc: "A128CBC-HS256", kid: "rsa", zip: "DEF" };
failed("zip", "decryption", altered(0, () => base64url(JSON.stringify(zipped))), "`zip` in the header is not accepted");

failed("encrypted alone", "signature", await encrypt("rsa", payload()), "no compact JWS");
failed("none", "signature", await nested(forged('{"alg":"none"}', "")), "`none` is not what the key does");
const confused = forged('{"alg":"HS256","kid":"p256"}').replace(/\.[^.]*$/, "");
const secret = JSON.stringify(publicOf(keys.p256));
const mac = createHmac("sha256", secret).update(confused).digest("base64url");
failed("hmac with the public key", "signature", await nested(`${confused}.${mac}`), "`HS256` is not what the key does");
failed("signed by somebody else", "signature", await nested(await sign("ed25519", payload(), { kid: "p256" })), "`EdDSA` is not what the key does");
const stranger = await jose.generateKeyPair("ES256");
const strange = new jose.CompactSign(Buffer.from(payload())).setProtectedHeader({ alg: "ES256", kid: "p256" });
failed("signed with another key", "signature", await nested(await strange.sign(stranger.privateKey)), "made with another key, or altered");
failed("a kid that nobody has", "signature", await nested(await sign("p256", payload(), { kid: "nobody" })), "no key fits kid nobody");
const jwk = publicOf(keys.p256);
failed("a key in the header", "signature", await nested(await sign("p256", payload(), { jwk })), "`jwk` in the header is not accepted");
failed("jku", "signature", await nested(await sign("p256", payload(), { jku: "https://evil.example/keys" })), "`jku` in the header is not accepted");
failed("crit of something unknown", "signature", await nested(await sign("p256", payload(), { crit: ["x"], x: 1 })), "demands `x`, which is not understood");
failed("a name twice in the header", "signature", await nested(forged('{"alg":"ES256","kid":"p256","kid":"p256"}')), "a name stands in it twice");
const [head, , signature] = (await sign("p256", payload())).split(".");
failed("another payload", "signature", await nested(`${head}.${base64url(payload({ aud: "shop" }))}.${signature}`), "made with another key, or altered");

const signed = async (text) => nested(await sign("p256", text));
failed("no claims set", "format", await signed(good.body.slice(1)), "not a JSON object");
failed("a list", "format", await signed("[]"), "not a JSON object");
failed("a claim twice", "format", await signed(payload().replace("{", '{"exp":1800000299,')), "distinct names");
failed("base64url with padding", "format", await signed(JSON.stringify({ ...good.claims, cty: "text/plain", body: "YQ==" })), "not base64url");
failed("text under a type that is none", "format", await signed(JSON.stringify({ ...good.claims, cty: "plain", body: "YQ" })), "not of a media type");
failed("xml that is no base64url", "format", await signed(JSON.stringify({ ...good.claims, cty: "text/xml", body: {} })), "not base64url");
failed("iat as text", "format", await claiming({ iat: "1800000000" }), "the claim iat");
failed("a jti of 257 bytes", "format", await claiming({ jti: "j".repeat(257) }), "the claim jti");

failed("another method", "binding", await claiming({ htm: "DELETE" }), "another method");
failed("another path", "binding", await claiming({ htu: "/server/rest/Payments/Delete" }), "another target");
failed("another host", "binding", await claiming({ htu: "https://shop.example/server/rest/Payments/Create" }), "another target");
failed("a target with a query", "binding", await claiming({ htu: "/server/rest/Payments/Create?x=1" }), "another target");
failed("a response", "binding", await claiming({ "in-reply-to": "another-1" }), "in-reply-to");
failed("another audience", "audience", await claiming({ aud: "shop" }), "somebody else");

refuse("expired", "times", "message-expired", await claiming({ iat: 1799999404, exp: 1799999704 }));
refuse("made in the future", "times", "message-not-yet-valid", await claiming({ iat: 1800000306, exp: 1800000400 }));
refuse("not before later", "times", "message-not-yet-valid", await claiming({ nbf: 1800000306 }));
refuse("a life of 301 seconds", "times", "message-ttl-too-long", await claiming({ exp: 1800000301 }));
failed("no exp", "times", await claiming({ exp: undefined }), "when it was made");
failed("no iat", "times", await claiming({ iat: undefined }), "when it was made");
failed("exp before iat", "times", await claiming({ exp: 1799999999 }), "when it was made");
failed("no jti", "replay", await claiming({ jti: undefined }));
writeFileSync(new URL("refused.json", here), JSON.stringify({ library, messages: refused }, null, 1) + "\n");
