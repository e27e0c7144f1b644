// Sends good and bad messages with the partner of partners/node, and prints a line of JSON about each answer. For the tests.
//
//   node drive.mjs PARTNER_MODULE DEMO_FOLDER https://localhost:8443/server/rest
//
// Libraries do not write most of the bad ones: they are put together by hand here, under keys that are right unless the case says so.
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [module, demo, base] = process.argv.slice(2);
const { Partner } = await import(pathToFileURL(module));
const { CompactEncrypt, compactDecrypt, importJWK } = await import(pathToFileURL(createRequire(module).resolve('jose')));

const ORDER = Buffer.from('{"amount":"10.00"}');
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const b64 = (bytes) => Buffer.from(bytes).toString('base64url');
const tell = (name, { status, type, body }) => {
  const media = (body.length && type) || null;
  console.log(JSON.stringify({ case: name, status, type: media, body: Buffer.from(body).toString('latin1') }));
};

// --- good messages

async function good(service, partner) {
  const call = async (name, method, operation, body, type) => {
    tell(`${service}/${name}`, await partner.call(method, `${base}/${service}/${operation}`, body, type));
  };
  await call('json', 'POST', 'copy', ORDER);
  await call('json with its own type', 'POST', 'copy', ORDER, 'application/order+json');
  await call('xml', 'POST', 'copy', Buffer.from('<deed>é</deed>'), 'application/xml');
  await call('every byte', 'POST', 'copy', EVERY_BYTE, 'application/octet-stream');
  await call('no body', 'POST', 'copy');
  await call('get', 'GET', 'status');

  const url = `${base}/${service}/copy`;
  const sealed = (jti, claims) => partner.seal({ ...partner.claims('POST', url), ...claims, jti }, ORDER);

  // What the partner itself makes of answers that are not for it, not of now, or changed on the way.
  const asked = randomUUID();
  const answer = (await partner.send('POST', url, await sealed(asked))).body.toString();
  const refused = async (name, opening) => {
    const why = await opening.then(() => 'accepted', (error) => error.message);
    tell(`${service}/${name}`, { status: 0, body: /^the answer|^accepted/.test(why) ? why : 'refused by the library' });
  };
  await refused('the answer to another', partner.open(answer, 'another'));
  const clock = Date.now;
  for (const [name, days] of [['an old answer', 1], ['an answer of tomorrow', -1]]) {
    Date.now = () => clock() + days * 86400000;
    await refused(name, partner.open(answer, asked));
    Date.now = clock;
  }
  await refused('a changed answer', partner.open(flip(answer, 3), asked));
  await refused('the same answer', partner.open(answer, asked));

  const sent = async (name, message, jti, type) => {
    const answer = await partner.send('POST', url, message, type);
    if (answer.status >= 400) return tell(`${service}/${name}`, answer);
    const inner = await partner.open(answer.body.toString(), jti);
    return tell(`${service}/${name}`, { ...inner, status: answer.status, type: `${answer.type} around ${inner.type}` });
  };
  const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
  await sent('absolute target', await sealed(first, { htu: url }), first);
  await sent('under its own type', await sealed(second), second, 'application/json');
  // A message that came to the wrong place first is not used up by that.
  const detour = await sealed(third);
  tell(`${service}/detour`, await partner.send('POST', `${base}/${service}/elsewhere`, detour));
  await sent('after a detour', detour, third);
  await sent('replay', detour, third);
}

// --- bad messages

function pem(key) {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' });
}

// A JWS put together by hand: its header is text, so that it can say anything, twice too.
function hand(header, payload, jwk) {
  const input = `${b64(header)}.${b64(payload)}`;
  const key = { key: createPrivateKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  return `${input}.${b64(sign('sha256', Buffer.from(input), key))}`;
}

function flip(message, segment) {
  const segments = message.split('.');
  const text = segments[segment];
  const middle = text.length >> 1;
  segments[segment] = text.slice(0, middle) + (text[middle] === 'A' ? 'B' : 'A') + text.slice(middle + 1);
  return segments.join('.');
}

function replaced(message, segment, text) {
  return message.split('.').map((old, position) => (position === segment ? text : old)).join('.');
}

async function bad(service, partner, others) {
  const url = `${base}/${service}/copy`;
  const raw = partner.format === 'raw';
  const mine = partner.own.find((jwk) => jwk.use === 'sig');
  const theirs = partner.bank.find((jwk) => jwk.use === 'enc');
  const now = Math.floor(Date.now() / 1000);
  const rsa = mine.kty === 'RSA';
  const stranger = generateKeyPairSync(rsa ? 'rsa' : 'ec', rsa ? { modulusLength: 2048 } : { namedCurve: 'P-256' });
  const strange = { ...stranger.privateKey.export({ format: 'jwk' }), kid: mine.kid, alg: mine.alg };
  const strangeJwk = stranger.publicKey.export({ format: 'jwk' });
  const claims = (changes = {}) => {
    const all = { ...partner.claims('POST', url), ...changes };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  };
  const cty = raw ? 'jose' : 'JWT';
  // The header and payload of a good JWS, to be changed.
  const parts = (changes) => {
    const set = claims(changes);
    if (raw) return { header: { alg: mine.alg, kid: mine.kid, ...set, crit: Object.keys(set) }, payload: ORDER };
    const payload = Buffer.from(`${JSON.stringify(set).slice(0, -1)},"body":${ORDER}}`);
    return { header: { alg: mine.alg, kid: mine.kid }, payload };
  };
  const inner = (header = {}, { changes, key = mine } = {}) => {
    const part = parts(changes);
    return hand(JSON.stringify({ ...part.header, ...header }), part.payload, key);
  };
  const sealed = async (header, more) => partner.encrypt(inner(header, more), cty);
  const outer = async (header, options = {}) => {
    const alg = header.alg ?? theirs.alg;
    const jwe = new CompactEncrypt(Buffer.from(options.text ?? inner()));
    const enc = partner.format === 'raw' && !rsa ? 'A256GCM' : 'A128CBC-HS256';
    jwe.setProtectedHeader({ alg: theirs.alg, enc, kid: theirs.kid, cty, ...header });
    return jwe.encrypt(await importJWK({ ...(options.key ?? theirs), alg }, alg), options);
  };
  const stamped = (changes) => sealed({}, { changes });
  const post = async (name, message, { to = url, method = 'POST', type } = {}) => {
    tell(`${service}/${name}`, await partner.send(method, to, await message, type));
  };

  // The driver's own way of writing is right: without a change, it is accepted.
  tell(`${service}/by hand`, { ...(await partner.send('POST', url, await sealed())), body: '' });
  tell(`${service}/by hand, outside`, { ...(await partner.send('POST', url, await outer({}))), body: '' });

  // Times, and what the message is for.
  await post('expired', stamped({ iat: now - 400, exp: now - 301 }));
  await post('future', stamped({ iat: now + 400, exp: now + 460 }));
  await post('long life', stamped({ exp: now + 400 }));
  await post('ten years', stamped({ exp: now + 315360000 }));
  await post('no iat', stamped({ iat: undefined }));
  await post('no exp', stamped({ exp: undefined }));
  await post('no jti', stamped({ jti: undefined }));
  await post('long jti', stamped({ jti: 'x'.repeat(257) }));
  await post('times as text', stamped({ iat: `${now}`, exp: `${now + 60}` }));
  await post('other method', stamped({ htm: 'PUT' }));
  await post('other path', stamped({ htu: `/server/rest/${service}/order` }));
  await post('target with query', stamped({ htu: `${new URL(url).pathname}?x` }));
  await post('other host', stamped({ htu: `https://elsewhere.example${new URL(url).pathname}` }));
  await post('no target', stamped({ htm: undefined, htu: undefined }));
  await post('for somebody else', stamped({ aud: 'somebody' }));
  await post('an answer', stamped({ 'in-reply-to': 'x' }));

  // Signatures.
  await post('wrong key', sealed({}, { key: strange }));
  await post('foreign kid', sealed({ kid: 'somebody' }));
  await post('kid of the bank', sealed({ kid: partner.bank.find((jwk) => jwk.use === 'sig').kid }));
  await post('embedded jwk', sealed({ jwk: strangeJwk }, { key: strange }));
  await post('embedded jwk alone', sealed({ jwk: strangeJwk, kid: undefined }, { key: strange }));
  await post('jku', sealed({ jku: 'https://elsewhere.example/keys' }));
  await post('x5u', sealed({ x5u: 'https://elsewhere.example/keys' }));
  await post('alg none, signed', sealed({ alg: 'none' }));
  await post('other alg', sealed({ alg: rsa ? 'RS384' : 'ES384' }));
  await post('alg in lower case', sealed({ alg: mine.alg.toLowerCase() }));
  await post('unknown crit', sealed({ exotic: 1, crit: ['exotic'] }));
  await post('empty crit', sealed({ crit: [] }));
  await post('crit of nothing', sealed({ crit: ['aud'] }));
  await post('crit of alg', sealed({ crit: ['alg'] }));
  await post('b64', sealed({ b64: false, crit: ['b64'] }));
  await post('zip inside', sealed({ zip: 'DEF' }));
  const { header, payload } = parts();
  const text = JSON.stringify(header);
  await post('alg twice', partner.encrypt(hand(`{"alg":"none",${text.slice(1)}`, payload, mine), cty));
  await post('kid twice', partner.encrypt(hand(`${text.slice(0, -1)},"kid":"somebody"}`, payload, mine), cty));
  const twice = raw
    ? hand(`${text.slice(0, -1)},"exp":${now + 100}}`, payload, mine)
    : hand(text, `${payload.toString().slice(0, -1)},"exp":${now + 100}}`, mine);
  await post('exp twice', partner.encrypt(twice, cty));
  await post('no signature', partner.encrypt(replaced(inner(), 2, ''), cty));
  const bare = { ...header, alg: 'none' };
  await post('alg none', partner.encrypt(`${b64(JSON.stringify(bare))}.${b64(payload)}.`, cty));
  for (const secret of [pem({ key: mine, format: 'jwk' }), pem({ key: mine, format: 'jwk' }).trim(), mine.n ?? mine.x]) {
    const input = `${b64(JSON.stringify({ ...header, alg: 'HS256' }))}.${b64(payload)}`;
    const mac = createHmac('sha256', secret).update(input).digest('base64url');
    await post('rs/hs confusion', partner.encrypt(`${input}.${mac}`, cty));
  }
  for (const segment of [0, 1, 2]) {
    await post(`flip in segment ${segment} of the JWS`, partner.encrypt(flip(inner(), segment), cty));
  }
  const unsigned = raw ? outer({ ...claims(), crit: undefined }, { text: ORDER }) : outer({}, { text: payload });
  await post('not signed', unsigned);
  const answer = await partner.send('POST', url, await partner.seal(partner.claims('POST', url), ORDER));
  const key = ({ kid }) => importJWK(partner.own.find((jwk) => jwk.kid === kid));
  const { plaintext } = await compactDecrypt(answer.body.toString(), key);
  await post('the answer as a request', partner.encrypt(plaintext, cty));
  await post('the answer as it is', answer.body.toString());

  // Encryption.
  const message = await sealed();
  for (const segment of [0, 1, 2, 3, 4]) {
    await post(`flip in segment ${segment}`, flip(message, segment));
  }
  for (const segment of [0, 1, 2, 3, 4]) {
    await post(`empty segment ${segment}`, replaced(message, segment, ''));
  }
  await post('nothing but dots', '....');
  const tag = Buffer.from(message.split('.')[4], 'base64url');
  await post('short tag', replaced(message, 4, b64(tag.subarray(0, 12))));
  await post('tag of a byte', replaced(message, 4, b64(tag.subarray(0, 1))));
  const [first] = message.split('.');
  const cut = JSON.stringify(JSON.parse(Buffer.from(first, 'base64url'))).slice(1);
  await post('header twice', replaced(message, 0, b64(`{"alg":"dir",${cut}`)));
  await post('another recipient', outer({}, { key: { ...strangeJwk } }));
  await post('foreign kid outside', outer({ kid: 'somebody' }));
  await post('other content', outer({ enc: 'A128GCM' }));
  await post('other wrapping', outer({ alg: rsa ? 'RSA-OAEP' : 'ECDH-ES+A128KW' }));
  await post('crit outside', outer({ exotic: 1, crit: ['exotic'] }, { crit: { exotic: true } }));
  await post('jku outside', outer({ jku: 'https://elsewhere.example/keys' }));

  // Not secured at all.
  await post('only signed', inner());
  await post('in the clear', ORDER.toString());
  await post('in the clear, as json', ORDER.toString(), { type: 'application/json' });
  await post('empty', '');
  await post('six segments', `${message}.`);
  await post('line break', `${message}\n`);
  await post('get without a message', '', { to: `${base}/${service}/status`, method: 'GET' });
  const get = { htm: 'GET', htu: new URL(`${base}/${service}/status`).pathname };
  const stripped = replaced(inner({}, { changes: get }), 2, '');
  await post('get without a signature', partner.encrypt(stripped, cty), { to: `${base}/${service}/status`, method: 'GET' });

  // Sent on to somebody else.
  for (const other of others) await post('sent on', sealed(), { to: `${base}/${other}/copy` });
}

const partners = {
  payments: new Partner(`${demo}/acme`, 'jwt'),
  documents: new Partner(`${demo}/acme`, 'raw'),
  trades: new Partner(`${demo}/acme-ec`, 'raw'),
};
for (const [service, partner] of Object.entries(partners)) {
  await good(service, partner);
  await bad(service, partner, Object.keys(partners).filter((other) => other !== service));
}
tell('accounts/statement', await partners.payments.call('GET', `${base}/accounts/statement`));
const nobody = new Partner(`${demo}/acme`, 'jwt');
delete nobody.agent.options.cert;
delete nobody.agent.options.key;
tell('accounts/without a certificate', await nobody.call('GET', `${base}/accounts/statement`));
