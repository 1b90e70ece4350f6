// An exchange on Node's own HTTP server. It answers every request with the raw
// bytes that it received and with what it reads in them, and checks the
// signature of the gateway by the ten lines of package identity's documentation.
'use strict';
const crypto = require('node:crypto');
const http = require('node:http');

const fields = JSON.parse(process.argv[2]);
const secret = process.argv[3];

// value keeps apart what JSON itself would not: -0 and 0, infinity and null.
function value(v) {
  return typeof v === 'number' ? { n: String(v) } : { v };
}

function signed(request, body) {
  const said = (name) => request.headers[name] ?? '';
  const [, time, mac] = /^v1,t=(\d+),h=(.*)$/.exec(said('latchkey-signature')) ?? [];
  const target = request.url.slice(request.url.split('?')[0].lastIndexOf('/') + 1);
  const text = ['latchkey-identity', 'v1', time, request.method, target, said('latchkey-account'), said('latchkey-key'),
    said('latchkey-permissions'), said('latchkey-request-id'), crypto.createHash('sha256').update(body).digest('hex')].join('\n');
  return crypto.createHmac('sha256', secret).update(text).digest('base64') === mac;
}

const server = http.createServer((request, answer) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    const read = Object.create(null); // __proto__ is a name like any other
    if (body.length > 0) {
      const whole = JSON.parse(body.toString('utf8'));
      for (const name of fields) if (Object.hasOwn(whole, name)) read[name] = value(whole[name]);
    }
    answer.end(JSON.stringify({
      method: request.method, target: request.url, key: request.headers['latchkey-key'] ?? '', type: request.headers['content-type'] ?? '',
      signed: signed(request, body), body: body.toString('base64'), read,
    }));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit(0)); // with the test
