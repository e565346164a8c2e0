// What CloudFront does with each request before its cache, and with each answer on the way back: one CloudFront function for
// both events. It cleans up headers, gives each page one address, assigns visitors to the variants of experiments, and sends
// a share of them to the second origin.
//
// An experiment is a name with weights for its variants, {"checkout": {"long": 90, "short": 10}}, in the key-value store
// under the key "experiments"; `peakline edge` writes it. The visitor's id and the experiment's name decide the variant
// (weighted rendezvous hashing): the same visitor always gets the same one, and a weight that grows only draws visitors to
// its variant. The experiment "origin" has the variants "first" and "second", which are origins.
//
// The language is that of CloudFront's JavaScript runtime 2.0, which is less than a browser's:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
import cf from 'cloudfront';
import crypto from 'crypto';

// The stack writes here what it knows: domains, the canonical one first; dynamic, the path patterns that services answer;
// secondOrigin, the id of that origin if there is one.
const settings = {};

const visitorCookie = 'peakline_visitor';
const variantsCookie = 'peakline_variants'; // for scripts of the page: "checkout:short|search:new"
const variantsHeader = 'x-peakline-variants'; // the same for services
const month = 30 * 24 * 60 * 60;

// Headers that frameworks believe, and that only a proxy of ours may set.
const forbidden = ['forwarded', 'proxy', 'true-client-ip', 'x-client-ip', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-prefix',
    'x-forwarded-server', 'x-http-method-override', 'x-method-override', 'x-original-host', 'x-original-url', 'x-real-ip', 'x-rewrite-url'];

async function handler(event) {
    if (event.context.eventType === 'viewer-response') {
        const answer = await respond(event);
        return answer;
    }
    const request = event.request;
    cleanUp(request.headers);
    const dynamic = isDynamic(request.uri);
    if (!dynamic) {
        const redirect = canonical(request);
        if (redirect) {
            return redirect;
        }
        if (!isFile(request.uri)) {
            request.uri = '/index.html'; // the shop's pages are one application, which looks at the address itself
        }
        return request;
    }
    const experiments = await load();
    const variants = assign(visitorOf(event), experiments);
    if (Object.keys(variants).length > 0) {
        request.headers[variantsHeader] = { value: written(variants) };
    }
    if (settings.secondOrigin && variants.origin === 'second') {
        cf.selectRequestOriginById(settings.secondOrigin);
    }
    return request;
}

// respond tells a visitor who takes part in an experiment who they are and what they got. Nobody else gets a cookie.
async function respond(event) {
    const response = event.response;
    if (!isDynamic(event.request.uri) && isFile(event.request.uri)) {
        return response; // one that a shared cache may keep
    }
    const experiments = await load();
    const visitor = visitorOf(event);
    const variants = assign(visitor, experiments);
    if (Object.keys(variants).length === 0) {
        return response;
    }
    response.cookies[visitorCookie] = cookie(visitor, '; HttpOnly');
    if (valueOf(event.request.cookies, variantsCookie) !== written(variants)) {
        response.cookies[variantsCookie] = cookie(written(variants), '');
    }
    return response;
}

function cookie(value, more) {
    return { value: value, attributes: 'Path=/; Max-Age=' + 3 * month + '; Secure; SameSite=Lax' + more };
}

function cleanUp(headers) {
    Object.keys(headers).forEach((name) => {
        if (name.indexOf('x-peakline-') === 0 || forbidden.indexOf(name) >= 0) {
            delete headers[name];
        }
    });
}

// canonical is the redirect to the one address of a page, or nothing.
function canonical(request) {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
        return undefined;
    }
    const host = valueOf(request.headers, 'host');
    const home = settings.domains.concat(host)[0];
    let path = request.uri.replace(/[\\/]+/g, '/').replace(/\/index\.html$/, '/');
    if (path.length > 1) {
        path = path.replace(/\/$/, '');
    }
    if (!home || (path === request.uri && host === home)) {
        return undefined;
    }
    return {
        statusCode: 301,
        statusDescription: 'Moved Permanently',
        headers: {
            location: { value: 'https://' + home + path + queryOf(request.querystring) },
            'cache-control': { value: 'max-age=3600' }
        }
    };
}

// queryOf writes the query string as it came: CloudFront gives its parts undecoded.
function queryOf(querystring) {
    const parts = [];
    Object.keys(querystring).forEach((name) => {
        const parameter = querystring[name];
        (parameter.multiValue || [parameter]).forEach((one) => {
            parts.push(one.value === '' ? name : name + '=' + one.value);
        });
    });
    return parts.length > 0 ? '?' + parts.join('&') : '';
}

function isDynamic(uri) {
    return settings.dynamic.some((pattern) => {
        const stem = pattern.replace(/\*$/, '');
        return stem === pattern ? uri === pattern : uri.indexOf(stem) === 0;
    });
}

function isFile(uri) {
    return uri.lastIndexOf('.') > uri.lastIndexOf('/');
}

// visitorOf is who is asking: the cookie says so, or else the request's own id, which is the same for its answer.
function visitorOf(event) {
    const known = valueOf(event.request.cookies, visitorCookie);
    return known && /^[A-Za-z0-9_-]{8,128}={0,2}$/.test(known) ? known : event.context.requestId;
}

async function load() {
    try {
        const store = cf.kvs();
        const experiments = await store.get('experiments', { format: 'json' });
        return experiments && typeof experiments === 'object' ? experiments : {};
    } catch (missing) {
        return {}; // no experiment is running, or the store cannot be read: the shop goes on without
    }
}

// assign gives the variant of each experiment for a visitor. Weights are relative: they need not add up to anything. One that
// is no positive number is none.
function assign(visitor, experiments) {
    const variants = {};
    Object.keys(experiments).forEach((experiment) => {
        const weights = experiments[experiment] || {};
        let nearest = Infinity;
        Object.keys(weights).forEach((variant) => {
            const weight = weights[variant];
            if (typeof weight !== 'number' || !(weight > 0) || weight === Infinity) {
                return;
            }
            const distance = -Math.log(chance(visitor + ' ' + experiment + ' ' + variant)) / weight;
            if (distance < nearest) {
                nearest = distance;
                variants[experiment] = variant;
            }
        });
    });
    return variants;
}

// chance is a number between 0 and 1, always the same for the same text.
function chance(text) {
    const digest = crypto.createHash('sha256').update(text).digest('hex');
    return (parseInt(digest.substring(0, 12), 16) + 0.5) / 281474976710656;
}

function written(variants) {
    return Object.keys(variants).sort().map((experiment) => experiment + ':' + variants[experiment]).join('|');
}

function valueOf(parts, name) {
    return parts && parts[name] ? parts[name].value : undefined;
}
