// What the sorry page's own distribution does: every address is the page, and its answer says that it is an error.
function handler(event) {
    if (event.context.eventType === 'viewer-request') {
        event.request.uri = '/index.html';
        return event.request;
    }
    const response = event.response;
    response.statusCode = 503;
    response.statusDescription = 'Service Unavailable';
    response.headers['retry-after'] = { value: '30' };
    response.headers['cache-control'] = { value: 'no-store' };
    return response;
}
