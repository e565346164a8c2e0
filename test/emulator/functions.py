"""Runs Lambda functions for real, without Docker: the deployed bootstrap against a Runtime API.

Where this machine cannot run the binary (Lambda's processors are arm64, and Lambda is Linux), the
same Go package is built for this machine: a Go binary says which package it was built from.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from . import account, traffic

ROOT = Path(__file__).resolve().parents[2]

_ELF_MACHINES = {b"\x3e\x00": ("x86_64", "amd64"), b"\xb7\x00": ("aarch64", "arm64")}
"""The processor an ELF file is for, and what this machine calls it.
https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"""

_building = threading.Lock()


class CannotRun(Exception):
    """A function that this machine cannot run, and why."""


def install() -> None:
    """Puts this in place of moto's Docker, for every way a function is invoked."""
    LambdaFunction._invoke_lambda = _invoke  # type: ignore[method-assign]


def _invoke(function: Any, event: Any = None) -> tuple[str, bool, str]:
    """The answer, whether it is an error, and what the function wrote."""
    try:
        binary = _binary(function)
    except CannotRun as reason:
        print(f"peakline: {function.function_name}: {reason}", flush=True)
        answer = {"errorType": "CannotRun", "errorMessage": str(reason)}
        return json.dumps(answer), True, str(reason)
    runtime = _Runtime(event if isinstance(event, str) else json.dumps(event), function)
    with tempfile.TemporaryFile() as written:
        process = subprocess.Popen(
            [str(binary)],
            env=_environment(function, runtime.server_port),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + float(function.timeout)
        while not runtime.answered.wait(0.05):
            if process.poll() is not None:
                runtime.answer("the function ended without an answer", error=True)
            elif time.monotonic() > deadline:
                runtime.answer(f"Task timed out after {function.timeout}.00 seconds", error=True)
        process.kill()
        process.wait()
        runtime.shutdown()
        runtime.server_close()
        written.seek(0)
        logs = written.read().decode(errors="replace")
    for line in logs.splitlines():
        print(f"{function.function_name}: {line}", flush=True)
    return runtime.body, runtime.failed, logs


class _Runtime(ThreadingHTTPServer):
    """Lambda's side of one invocation: hands out the event and takes the answer."""

    daemon_threads = True

    def __init__(self, event: str, function: Any) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeHandler)
        self.pending: list[str] = [event]
        self.function_arn = function.function_arn
        self.deadline_ms = int((time.time() + float(function.timeout)) * 1000)
        self.answered = threading.Event()
        self.body, self.failed = "", False
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, body: str, error: bool) -> None:
        """Ends the invocation."""
        self.body, self.failed = body, error
        self.answered.set()


class _RuntimeHandler(BaseHTTPRequestHandler):
    server: _Runtime
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The next event; after the only one the function waits until it is ended."""
        if not self.server.pending:
            self.server.answered.wait()
            time.sleep(1)
            return
        event = self.server.pending.pop().encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
        self.send_header("Lambda-Runtime-Deadline-Ms", str(self.server.deadline_ms))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", self.server.function_arn)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        """The answer, or the error."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answer(body.decode(), error=self.path.endswith("/error"))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def log_message(self, *_: Any) -> None:
        """Keeps the emulator's log for what functions write."""


def _environment(function: Any, runtime_port: int) -> dict[str, str]:
    return {
        **function.environment_vars,
        "AWS_ACCESS_KEY_ID": "function",
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_port}",
        "AWS_REGION": function.region,
        "AWS_SECRET_ACCESS_KEY": "function",
        "AWS_SESSION_TOKEN": "function",
        "PATH": os.environ.get("PATH", ""),
        **(traffic.environment() if getattr(function, "vpc_config", None) else {}),
    }


def _binary(function: Any) -> Path:
    """The function's bootstrap as this machine can run it."""
    folder = ROOT / ".cache" / "emulator" / "functions" / re.sub(r"\W", "-", function.code_digest)
    deployed, native = folder / "bootstrap", folder / "native"
    with _building:
        if not deployed.exists():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                code = zipfile.ZipFile(io.BytesIO(function.code_bytes)).read("bootstrap")
            except (KeyError, zipfile.BadZipFile) as error:
                raise CannotRun(f"its code holds no bootstrap to run ({error})") from error
            deployed.write_bytes(code)
            deployed.chmod(0o755)
        if _runs_here(deployed):
            return deployed
        if not native.exists():
            _build(deployed, native)
        return native


def _runs_here(binary: Path) -> bool:
    head = binary.read_bytes()[:20]
    if head.startswith(b"#!"):
        return True
    machine = _ELF_MACHINES.get(head[18:20], ())
    return head.startswith(b"\x7fELF") and sys.platform == "linux" and platform.machine() in machine


def _build(deployed: Path, native: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise CannotRun("it is built for another processor, and Go is missing to build it for this")
    about = subprocess.run([go, "version", "-m", str(deployed)], capture_output=True, text=True)
    package = re.search(r"^\tpath\t(\S+)$", about.stdout, re.MULTILINE)
    if package is None:
        raise CannotRun("it is built for another processor, and is no Go program to build anew")
    built = subprocess.run(
        [go, "build", "-tags=lambda.norpc", "-o", str(native), package[1]],
        cwd=ROOT,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
    )
    if built.returncode:
        raise CannotRun(f"building {package[1]} for this machine failed: {built.stderr.strip()}")
