"""The emulated account as a server: `python3 -m emulator.server --port 4566`."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import account, api, aurora, cbor, domain, functions, releases, traffic
from .resources import custom

INVENTORY_PATH = "/peakline/inventory"
"""Answers with the stacks and their resources as JSON; also the health check."""


RELEASES_PATH = "/peakline/releases"
"""Answers with what happened in releases, and how to be a visitor; takes the time and what images do."""


class _Quiet(WSGIRequestHandler):
    """Connections stay open between requests, and the log keeps only what went wrong."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if str(code).startswith("5"):
            super().log_request(code, size)


def serve(port: int, create_seconds: float = aurora.DEFAULT_CREATE_SECONDS) -> BaseWSGIServer:
    """A server on localhost, listening but not yet answering; port 0 takes a free one."""
    api.install()
    aurora.install(create_seconds)
    functions.install()
    releases.install()
    server = make_server("localhost", port, _dispatch, threaded=True, request_handler=_Quiet)
    account.endpoint = f"http://localhost:{server.server_port}"
    domain.install()
    return server


def _dispatch(environ: dict[str, Any], start_response: Any) -> Any:
    path = environ.get("PATH_INFO", "")
    if path == INVENTORY_PATH:
        return _answer(start_response, json.dumps(api.inventory()))
    if path == RELEASES_PATH:
        if sent := environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)):
            releases.change(json.loads(sent))
        return _answer(
            start_response, json.dumps({**releases.state(), "visitor": traffic.environment()})
        )
    if path.startswith(custom.ANSWERS_PATH):
        custom.receive(path, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        return _answer(start_response, "{}")
    if cbor.speaks(environ):
        return cbor.answer(environ, start_response)
    return account.application(environ, start_response)


def _answer(start_response: Any, text: str) -> list[bytes]:
    body = text.encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description="An AWS account on this machine.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PEAKLINE_PORT") or 4566))
    parser.add_argument(
        "--create-seconds",
        type=float,
        default=aurora.DEFAULT_CREATE_SECONDS,
        help="how long a new database instance stays in `creating` (default: %(default)s)",
    )
    options = parser.parse_args()
    serve(options.port, options.create_seconds).serve_forever()


if __name__ == "__main__":
    main()
