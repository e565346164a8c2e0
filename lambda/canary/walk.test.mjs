// Runs the walk as it is shipped against a shop on this machine. `go test ./lambda/canary` starts it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { createRequire } from 'node:module';

const { walk, handler } = createRequire(import.meta.url)('./walk.js');

let shop, url, seen, answers;
before(async () => {
    shop = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += chunk));
        request.on('end', () => {
            seen.push({ method: request.method, path: request.url, headers: request.headers, body });
            const status = answers[`${request.method} ${request.url}`] ?? 404;
            if (status === 'hang') return;
            response.writeHead(status, status === 302 ? { location: 'https://elsewhere.example.com/' } : {});
            response.end('{}');
        });
    });
    await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${shop.address().port}`;
});
after(() => shop.closeAllConnections() ?? shop.close());
beforeEach(() => {
    seen = [];
    answers = { 'GET /api/catalog': 200, 'GET /api/cart': 401, 'POST /api/orders': 401 };
});

const steps = [
    { name: 'browse', method: 'GET', path: '/api/catalog', status: [200] },
    { name: 'cart', method: 'GET', path: '/api/cart' },
    { name: 'checkout', method: 'POST', path: '/api/orders' },
];
const settings = (more = {}) => ({ url, environment: 'prod', stepSeconds: 1, steps, ...more });
const lines = [];
const go = (more) => walk(settings(more), fetch, (line) => lines.push(JSON.parse(line)));

test('it walks from browsing to the checkout, and says how each step went', async () => {
    lines.length = 0;
    await go();
    assert.deepEqual(seen.map(({ method, path }) => `${method} ${path}`), ['GET /api/catalog', 'GET /api/cart', 'POST /api/orders']);
    assert.deepEqual(lines.map(({ step, status }) => [step, status]), [['browse', 200], ['cart', 401], ['checkout', 401]]);
    assert.ok(lines.every(({ milliseconds }) => milliseconds >= 0));
});

test('services know it, and it orders nothing', async () => {
    await go();
    for (const { headers, body } of seen) {
        assert.match(headers['user-agent'], /^Peakline-Canary\//);
        assert.equal(headers['x-peakline-canary'], 'prod');
        assert.equal(headers.authorization, undefined);
        assert.equal(headers.cookie, undefined);
        assert.equal(body, '');
    }
});

test('it fails at the first step that is answered wrongly, and says how', async () => {
    answers['GET /api/cart'] = 503;
    await assert.rejects(go(), { message: 'cart: GET /api/cart was answered with 503, want anything below 500' });
    assert.equal(seen.length, 2);
    answers['GET /api/catalog'] = 404;
    await assert.rejects(go(), { message: 'browse: GET /api/catalog was answered with 404, want 200' });
});

test('a way elsewhere is an answer, and is not followed', async () => {
    answers['GET /api/cart'] = 302;
    await go();
    assert.equal(seen.length, 3);
});

test('no answer is a failure, and not waited for', async () => {
    answers['GET /api/cart'] = 'hang';
    await assert.rejects(go(), /^Error: cart: no answer to GET \/api\/cart: /);
    await assert.rejects(go({ url: 'http://127.0.0.1:9' }), /^Error: browse: no answer to GET \/api\/catalog: /);
});

test('Synthetics hands the walk over in a variable', async () => {
    process.env.WALK = JSON.stringify(settings());
    await handler();
    assert.equal(seen.length, 3);
});
