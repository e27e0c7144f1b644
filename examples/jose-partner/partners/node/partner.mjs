// A partner of the bank: sends signed and encrypted messages, and opens the answers. Node 18 or later, and npm's jose.
//
//   npm ci
//   node partner.mjs --keys FOLDER --format jwt POST https://bank.example/server/rest/payments/order '{"amount":"10.00"}'
//
// FOLDER has keys.jwks (our private keys), bank.jwks (the bank's public keys), tls.pem (our client certificate with its key) and
// ca.pem (who issues the bank's certificate).
import { randomUUID, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CompactEncrypt, CompactSign, base64url, compactDecrypt, compactVerify, importJWK } from 'jose';

globalThis.crypto ??= webcrypto; // Node 18 has it under this name only

const ENC = { 'RSA-OAEP-256': 'A128CBC-HS256', 'ECDH-ES+A256KW': 'A256GCM' }; // what is agreed for each kind of key
const CRIT = { iat: true, exp: true, jti: true, htm: true, htu: true, 'in-reply-to': true };
const LIFE = 60, SKEW = 300; // seconds

export class Partner {
  constructor(folder, format = 'jwt') {
    const read = (name) => readFileSync(`${folder}/${name}`, 'utf8');
    this.format = format;
    this.own = JSON.parse(read('keys.jwks')).keys;
    this.bank = JSON.parse(read('bank.jwks')).keys;
    this.agent = new Agent({ keepAlive: true, ca: read('ca.pem'), cert: read('tls.pem'), key: read('tls.pem') });
  }

  // What the message says about itself: when it was made, its name, and the request it is made for.
  claims(method, url) {
    const iat = Math.floor(Date.now() / 1000);
    return { iat, exp: iat + LIFE, jti: randomUUID(), htm: method, htu: new URL(url).pathname };
  }

  // Signs, then encrypts.
  async seal(claims, body = Buffer.alloc(0), type = 'application/json') {
    const cty = body.length ? { cty: type } : {};
    if (this.format === 'raw') {
      return this.encrypt(await this.sign(body, { ...claims, ...cty, crit: Object.keys(claims) }), 'jose');
    }
    const json = type === 'application/json';
    let text = JSON.stringify(json ? claims : { ...claims, ...cty });
    if (body.length) text = `${text.slice(0, -1)},"body":${json ? body : JSON.stringify(base64url.encode(body))}}`;
    return this.encrypt(await this.sign(Buffer.from(text), {}), 'JWT');
  }

  async sign(payload, header) {
    const jwk = this.own.find((key) => key.use === 'sig');
    const jws = new CompactSign(payload).setProtectedHeader({ alg: jwk.alg, kid: jwk.kid, ...header });
    return jws.sign(await importJWK(jwk), { crit: CRIT });
  }

  async encrypt(jws, cty) {
    const jwk = this.bank.find((key) => key.use === 'enc');
    const jwe = new CompactEncrypt(Buffer.from(jws));
    return jwe.setProtectedHeader({ alg: jwk.alg, enc: ENC[jwk.alg], kid: jwk.kid, cty }).encrypt(await importJWK(jwk));
  }

  // Decrypts, verifies, and checks that this answers our request, now.
  async open(message, jti) {
    const key = (keys, use) => ({ kid }) => importJWK(keys.find((jwk) => jwk.kid === kid && jwk.use === use));
    const outer = { keyManagementAlgorithms: Object.keys(ENC), contentEncryptionAlgorithms: Object.values(ENC) };
    const { plaintext } = await compactDecrypt(message, key(this.own, 'enc'), outer);
    const inner = { algorithms: this.bank.filter((jwk) => jwk.use === 'sig').map((jwk) => jwk.alg), crit: CRIT };
    const { payload, protectedHeader } = await compactVerify(plaintext, key(this.bank, 'sig'), inner);
    const claims = this.format === 'raw' ? protectedHeader : JSON.parse(Buffer.from(payload));
    const now = Date.now() / 1000;
    if (claims['in-reply-to'] !== jti) throw new Error('the answer is to another request');
    if (!(claims.iat - SKEW <= now && now <= claims.exp + SKEW)) throw new Error('the answer is not of now');
    if (this.format === 'raw') return { body: Buffer.from(payload), type: claims.cty };
    if (claims.cty && typeof claims.body === 'string') return { body: base64url.decode(claims.body), type: claims.cty };
    return { body: Buffer.from(JSON.stringify(claims.body) ?? ''), type: claims.cty ?? 'application/json' };
  }

  send(method, url, message, type = 'application/jose') {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(message) };
    return new Promise((resolve, reject) => {
      request(url, { method, headers, agent: this.agent }, async (response) => {
        const body = Buffer.concat(await response.toArray());
        resolve({ status: response.statusCode, type: response.headers['content-type'], body });
      }).on('error', reject).end(message);
    });
  }

  async call(method, url, body, type) {
    const claims = this.claims(method, url);
    const answer = await this.send(method, url, await this.seal(claims, body, type));
    if (answer.status === 204 || answer.status >= 400) return answer; // refusals come in the clear
    return { status: answer.status, ...(await this.open(answer.body.toString(), claims.jti)) };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = { keys: { type: 'string' }, format: { type: 'string' }, type: { type: 'string' } };
  const { values, positionals: [method, url, body = ''] } = parseArgs({ options, allowPositionals: true });
  const answer = await new Partner(values.keys, values.format).call(method, url, Buffer.from(body), values.type);
  console.log(answer.status, answer.type ?? '');
  console.log(Buffer.from(answer.body).toString());
}
