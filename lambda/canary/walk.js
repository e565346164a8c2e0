// The walk of a customer through the shop, from outside: one request after the other, until one is answered wrongly. It signs
// nobody in and sends no body, so that no order is ever placed. CloudWatch Synthetics runs `handler` on Node.js 22, without a browser
// and without its library; `walk` alone runs anywhere.
'use strict';

const userAgent = 'Peakline-Canary/1.0';

// Any answer below 500 will do where a step names no status.
const fits = (step, status) => (step.status && step.status.length ? step.status.includes(status) : status < 500);

exports.walk = async (settings, request = fetch, log = console.log, now = Date.now) => {
    for (const step of settings.steps) {
        const began = now();
        const answer = await request(settings.url + step.path, {
            method: step.method,
            headers: { 'user-agent': userAgent, 'x-peakline-canary': settings.environment, accept: 'application/json, text/html' },
            redirect: 'manual', // a way to the sign-in pages is an answer, and no failure
            signal: AbortSignal.timeout(settings.stepSeconds * 1000),
        }).catch((error) => {
            throw new Error(`${step.name}: no answer to ${step.method} ${step.path}: ${error.cause ? error.cause.message : error.message}`);
        });
        await answer.arrayBuffer(); // until the last byte, as a visitor waits
        const milliseconds = now() - began;
        log(JSON.stringify({ step: step.name, status: answer.status, milliseconds }));
        if (!fits(step, answer.status)) {
            const wanted = step.status && step.status.length ? step.status.join(' or ') : 'anything below 500';
            throw new Error(`${step.name}: ${step.method} ${step.path} was answered with ${answer.status}, want ${wanted}`);
        }
    }
};

exports.handler = () => exports.walk(JSON.parse(process.env.WALK));
