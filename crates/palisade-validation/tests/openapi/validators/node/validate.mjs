// Says what express-openapi-validator makes of requests: a real server with it, and real requests to that.
//
//   node validate.mjs DOCUMENT PACKAGES <REQUESTS
//
// Writes the document as JSON in one line, and then a line for each line of input: {"method","target","headers","body"} gives
// {"accepted"} or {"refused"} with the status and the reasons.
import http from 'node:http';
import fs from 'node:fs';
import readline from 'node:readline';
import { createRequire } from 'node:module';

const [path, packages] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const express = require('express');
const validator = require('express-openapi-validator');
const yaml = require('js-yaml');

const document = yaml.load(fs.readFileSync(path, 'utf8'));
console.log(JSON.stringify(document));

const app = express();
app.use(express.json({ type: ['application/json', 'application/*+json'], strict: false }));
app.use(express.text({ type: 'text/*' }));
app.use(express.raw({ type: ['image/*', 'application/octet-stream'] }));
app.use(express.urlencoded({ extended: false }));
app.use((request, _, next) => {
  // What cookie-parser does.
  request.cookies = Object.fromEntries((request.headers.cookie ?? '').split('; ').filter(Boolean).map((pair) => {
    const [name, ...rest] = pair.split('=');
    return [name, decodeURIComponent(rest.join('='))];
  }));
  next();
});
// Texts of forms become numbers with `coerceTypes` alone, which would take them for numbers in JSON too.
const settings = { apiSpec: path, validateSecurity: false };
const [strict, coercing] = [settings, { ...settings, validateRequests: { coerceTypes: 'array' } }].map((settings) =>
  express.Router().use(validator.middleware(settings)));
const isForm = /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i;
app.use((request, response, next) =>
  (isForm.test(request.headers['content-type'] ?? '') ? coercing : strict)(request, response, next));
// In a field, since answers to HEAD have no body.
const answer = (response, verdict) => response.set('X-Verdict', encodeURIComponent(JSON.stringify(verdict))).end();
app.use((_, response) => answer(response, { accepted: true }));
app.use((error, _, response, next) => answer(response, { refused: `${error.status ?? 500} ${error.message}` }));

const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const agent = new http.Agent({ keepAlive: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(await verdict(JSON.parse(line), port, agent));
  }
  server.close();
  agent.destroy();
});

function verdict({ method, target, headers, body }, port, agent) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, agent, method, path: target }, (response) => {
      const verdict = response.headers['x-verdict'];
      resolve(verdict ? decodeURIComponent(verdict) : JSON.stringify({ refused: `${response.statusCode}` }));
      response.resume();
    });
    const names = new Set(headers.map(([name]) => name));
    for (const name of names) request.setHeader(name, headers.filter(([other]) => other === name).map(([, value]) => value));
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}
