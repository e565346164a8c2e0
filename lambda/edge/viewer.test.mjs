// Runs the function as it is shipped: EDGE_FUNCTIONS is a folder with its text, once with domains and a second origin and once
// without, beside a stand-in for CloudFront's module. `go test ./lambda/edge` prepares it.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const load = async (name) => (await import(pathToFileURL(`${process.env.EDGE_FUNCTIONS}/${name}.mjs`))).handler;
const viewer = await load('viewer');
const bare = await load('bare');
const sorry = await load('sorry');

let store, selected;
beforeEach(() => {
    store = {};
    selected = [];
    globalThis.cloudfront = {
        get: async (key, options) => {
            assert.equal(options.format, 'json');
            if (!(key in store)) throw new Error('KeyNotFound');
            return store[key];
        },
        select: (id) => selected.push(id),
    };
});

const request = (uri, more = {}) => ({
    context: { eventType: 'viewer-request', requestId: 'request-1' },
    request: { method: 'GET', uri, querystring: {}, headers: { host: { value: 'shop.example.com' } }, cookies: {}, ...more },
});
const response = (uri, more = {}, id = 'request-1') => ({
    context: { eventType: 'viewer-response', requestId: id },
    request: request(uri, more).request,
    response: { statusCode: 200, headers: {}, cookies: {} },
});

test('a visitor cannot set what only a proxy may', async () => {
    const headers = { host: { value: 'shop.example.com' }, 'x-forwarded-host': { value: 'evil.example' }, 'x-original-url': { value: '/admin' },
        'x-peakline-origin': { value: 'guess' }, 'x-peakline-variants': { value: 'checkout:short' }, accept: { value: '*/*' } };
    const passed = await viewer(request('/api/cart', { headers }));
    assert.deepEqual(Object.keys(passed.headers).sort(), ['accept', 'host']);
});

for (const [uri, query, want] of [
    ['/', {}, null],
    ['/products/1', {}, null],
    ['/products/1/', {}, 'https://shop.example.com/products/1'],
    ['/index.html', {}, 'https://shop.example.com/'],
    ['/products/index.html', {}, 'https://shop.example.com/products'],
    ['//evil.example/', {}, 'https://shop.example.com/evil.example'],
    ['/\\evil.example/', {}, 'https://shop.example.com/evil.example'],
    ['/a//b', { q: { value: 'x%20y' }, empty: { value: '' }, many: { value: '1', multiValue: [{ value: '1' }, { value: '2' }] } },
        'https://shop.example.com/a/b?q=x%20y&empty&many=1&many=2'],
]) {
    test(`${uri} has one address`, async () => {
        const answer = await viewer(request(uri, { querystring: query }));
        if (want) {
            assert.equal(answer.statusCode, 301);
            assert.equal(answer.headers.location.value, want);
        } else {
            assert.equal(answer.uri, '/index.html');
        }
    });
}

test('other names lead to the first', async () => {
    const answer = await viewer(request('/a', { headers: { host: { value: 'www.example.com' } } }));
    assert.equal(answer.headers.location.value, 'https://shop.example.com/a');
});

test('without domains every name is the right one', async () => {
    assert.equal((await bare(request('/a', { headers: { host: { value: 'd1.cloudfront.net' } } }))).uri, '/index.html');
    assert.equal((await bare(request('/a/', { headers: { host: { value: 'd1.cloudfront.net' } } }))).headers.location.value, 'https://d1.cloudfront.net/a');
    assert.equal((await bare(request('/a/', { headers: {} }))).uri, '/index.html');
});

test('a file is a file, and what is not read is not redirected', async () => {
    assert.equal((await viewer(request('/app.js'))).uri, '/app.js');
    assert.equal((await viewer(request('/a/', { method: 'POST' }))).uri, '/index.html');
    assert.equal((await viewer(request('/a/', { method: 'HEAD' }))).statusCode, 301);
});

test('what services answer is left alone', async () => {
    for (const uri of ['/api/cart', '/api/cart/1/', '/ws/erp']) {
        assert.equal((await viewer(request(uri, { headers: { host: { value: 'www.example.com' } } }))).uri, uri);
    }
    assert.equal((await viewer(request('/ws/erp/other'))).uri, '/index.html');
});

test('without an experiment nobody gets a cookie or a header', async () => {
    assert.equal((await viewer(request('/api/cart'))).headers['x-peakline-variants'], undefined);
    assert.deepEqual((await viewer(response('/'))).cookies, {});
    for (const nothing of [null, 7, {}, { checkout: null }, { checkout: {} }, { checkout: { a: 0, b: -1, c: 'x', d: NaN, e: Infinity } }]) {
        store.experiments = nothing;
        assert.deepEqual((await viewer(response('/'))).cookies, {}, JSON.stringify(nothing));
    }
});

test('a visitor is told who they are and what they got, and keeps it', async () => {
    store.experiments = { checkout: { long: 1, short: 1 }, search: { old: 0, new: 3 } };
    const told = (await viewer(response('/'))).cookies;
    assert.equal(told.peakline_visitor.value, 'request-1');
    assert.match(told.peakline_visitor.attributes, /^Path=\/; Max-Age=7776000; Secure; SameSite=Lax; HttpOnly$/);
    assert.match(told.peakline_variants.value, /^checkout:(long|short)\|search:new$/);
    assert.doesNotMatch(told.peakline_variants.attributes, /HttpOnly/);
    const cookies = { peakline_visitor: { value: told.peakline_visitor.value }, peakline_variants: { value: told.peakline_variants.value } };
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
        const again = response('/api/cart', { cookies }, id);
        const kept = (await viewer(again)).cookies;
        assert.equal(kept.peakline_visitor.value, 'request-1');
        assert.equal(kept.peakline_variants, undefined); // the browser has it already
        const asked = request('/api/cart', { cookies });
        asked.context.requestId = id;
        assert.equal((await viewer(asked)).headers['x-peakline-variants'].value, told.peakline_variants.value);
    }
});

test('a file that a shared cache may keep gets no cookie', async () => {
    store.experiments = { checkout: { short: 1 } };
    assert.deepEqual((await viewer(response('/app.js'))).cookies, {});
    assert.notDeepEqual((await viewer(response('/api/cart/export.csv'))).cookies, {});
});

test('a malformed cookie is as good as none', async () => {
    store.experiments = { checkout: { short: 1 } };
    for (const value of ['', 'x', 'a'.repeat(200), '"; drop', '<script>alert(1)</script>', '../../etc', 'abc def ghi', '%00%00%00%00', 'äöüäöüäöü']) {
        const told = (await viewer(response('/', { cookies: { peakline_visitor: { value } } }))).cookies;
        assert.equal(told.peakline_visitor.value, 'request-1', value);
    }
    const told = await viewer(response('/', { cookies: undefined }));
    assert.equal(told.cookies.peakline_visitor.value, 'request-1');
});

test('a share of the visitors is sent to the second origin, if there is one', async () => {
    store.experiments = { origin: { first: 0, second: 1 } };
    await viewer(request('/api/cart'));
    await viewer(request('/products'));
    assert.deepEqual(selected, ['Second']);
    await bare(request('/api/cart'));
    store.experiments = { origin: { first: 1 } };
    await viewer(request('/api/cart'));
    assert.deepEqual(selected, ['Second']);
});

const share = async (weights, visitors = 100000) => {
    store.experiments = { checkout: weights };
    const by = new Map();
    for (let n = 0; n < visitors; n++) {
        const asked = request('/api/cart', { cookies: { peakline_visitor: { value: `visitor-${n}` } } });
        const header = (await viewer(asked)).headers['x-peakline-variants'];
        by.set(n, header.value.slice('checkout:'.length));
    }
    return by;
};
const count = (by, variant) => [...by.values()].filter((got) => got === variant).length;

test('a hundred thousand visitors are divided as the weights say, and a weight that grows only draws to its variant', async () => {
    const before = await share({ long: 90, short: 10 });
    // Four standard deviations of a binomial of 100,000 at 10 %.
    assert.ok(Math.abs(count(before, 'short') - 10000) < 4 * Math.sqrt(100000 * 0.1 * 0.9), `${count(before, 'short')} of 100000`);
    const after = await share({ long: 90, short: 90 });
    assert.ok(Math.abs(count(after, 'short') - 50000) < 4 * Math.sqrt(100000 * 0.25), `${count(after, 'short')} of 100000`);
    for (const [visitor, variant] of before) {
        assert.ok(variant === 'long' || after.get(visitor) === 'short', `visitor ${visitor} lost ${variant}`);
    }
});

test('weights need not add up', async () => {
    const by = await share({ a: 0.1, b: 0.2, c: 0.1, d: -5, e: '100' }, 20000);
    assert.ok(Math.abs(count(by, 'b') - 10000) < 4 * Math.sqrt(20000 * 0.25));
    assert.equal(count(by, 'd') + count(by, 'e'), 0);
});

test('every address of the sorry page is the page, and an error', () => {
    assert.equal(sorry(request('/products/1')).uri, '/index.html');
    const answer = sorry(response('/products/1'));
    assert.equal(answer.statusCode, 503);
    assert.equal(answer.headers['cache-control'].value, 'no-store');
    assert.equal(answer.headers['retry-after'].value, '30');
});
