// Serves web/ as CloudFront would: with the functions at the edge, the headers of pages and the sorry page. The folder
// EDGE_FUNCTIONS has the functions beside a stand-in for CloudFront's module (browser_test.go). A path below /account is a page of
// a service that is down, one below /api an answer for programs. Each request is told on a line of its own.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const load = async (name) => (await import(pathToFileURL(`${process.env.EDGE_FUNCTIONS}/${name}.mjs`))).handler;
const viewer = await load('viewer');
const sorry = await load('sorry');
globalThis.cloudfront = { get: async () => JSON.parse(process.env.EXPERIMENTS), select: () => {} };

const types = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript' };
const parts = (list) => Object.fromEntries(list.map(([name, value]) => [name, { value }]));
const file = async (path) => ({ status: 200, type: types[path.split('.').pop()], body: await readFile(`${process.env.WEB}${path}`) });
let requests = 0;

const origin = async (uri) => {
    if (uri.startsWith('/api')) return { status: 503, type: 'application/json', body: '{"error":"unavailable"}' };
    if (!uri.startsWith('/account')) return file(`/site${uri}`);
    const asked = sorry({ context: { eventType: 'viewer-request' }, request: { uri } });
    const page = await file(`/sorry${asked.uri}`);
    const answer = sorry({ context: { eventType: 'viewer-response' }, response: { statusCode: 200, headers: {} } });
    return { ...page, status: answer.statusCode };
};

const server = createServer(async (incoming, outgoing) => {
    const { pathname } = new URL(incoming.url, 'http://localhost');
    const cookies = (incoming.headers.cookie ?? '').split('; ').filter(Boolean).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
    const event = (eventType) => ({
        context: { eventType, requestId: `request-${requests}` },
        request: { method: incoming.method, uri: pathname, querystring: {}, headers: parts(Object.entries(incoming.headers)), cookies: parts(cookies) },
        response: { statusCode: 200, headers: {}, cookies: {} },
    });
    requests += 1;
    const asked = await viewer(event('viewer-request'));
    if (asked.statusCode) return outgoing.writeHead(asked.statusCode, { location: asked.headers.location.value }).end();
    const answer = await origin(asked.uri).catch(() => ({ status: 403, type: 'text/plain', body: '' }));
    const told = answer.status < 400 ? (await viewer(event('viewer-response'))).cookies : {}; // not run for errors
    console.log(JSON.stringify({ path: pathname, status: answer.status, cookies: Object.fromEntries(cookies) }));
    outgoing.writeHead(answer.status, {
        'content-type': answer.type,
        'content-security-policy': process.env.CONTENT_SECURITY_POLICY,
        'set-cookie': Object.entries(told).map(([name, { value, attributes }]) => `${name}=${value}; ${attributes}`),
    }).end(answer.body);
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
