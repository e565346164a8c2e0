"""The way of a request into the account: name, load balancer, listener rule, target group, image.

A proxy on this machine stands for the network. Functions inside a VPC are given it, and so call
the address that their template names, with TLS; tests are visitors through it. Each request goes
where the listener rules of the moment say, in the shares of their weights.
"""

from __future__ import annotations

import datetime
import fnmatch
import functools
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import releases
from .account import Account

REGION = "us-east-1"
SECONDS = 10.0

Answer = tuple[int, dict[str, str], bytes]

_passed: Counter[str] = Counter()


def environment() -> dict[str, str]:
    """What makes a program's requests go this way, and trust it. Those to this machine do not."""
    return {
        "HTTPS_PROXY": f"http://127.0.0.1:{_proxy().server_port}",
        "SSL_CERT_FILE": str(_authority().certificate),
    }


def answer(host: str, port: int, method: str, path: str) -> Answer:
    """What a request is answered."""
    account = Account(REGION)
    balancer = _named(account, host)
    if balancer is None:
        return 502, {}, f"no load balancer is called {host}".encode()
    listener = _listener(account, balancer["LoadBalancerArn"], port)
    if listener is not None and balancer["Type"] == "network":
        target = account.call(
            "elbv2",
            "describe_target_health",
            TargetGroupArn=listener["DefaultActions"][0]["TargetGroupArn"],
        )["TargetHealthDescriptions"][0]["Target"]
        listener = _listener(account, target["Id"], target["Port"])
    if listener is None:
        return 502, {}, f"nothing listens on port {port} of {host}".encode()
    for rule in _rules(account, listener["ListenerArn"]):
        if rule["IsDefault"] or _matches(rule, path.partition("?")[0]):
            return _act(account, rule, method, path)
    return 502, {}, b"no rule"


def _named(account: Account, host: str) -> dict[str, Any] | None:
    """The load balancer that a name leads to, inside a VPC first."""
    zones = account.call("route53", "list_hosted_zones")["HostedZones"]
    for zone in sorted(zones, key=lambda z: not z["Config"]["PrivateZone"]):
        for record in account.pages(
            "route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"]
        ):
            if record["Name"].rstrip(".") != host or "AliasTarget" not in record:
                continue
            address = record["AliasTarget"]["DNSName"].rstrip(".").lower()
            for balancer in account.pages("elbv2", "describe_load_balancers", "LoadBalancers"):
                if address.endswith(balancer["DNSName"].lower()):
                    return balancer
    return None


def _listener(account: Account, balancer: str, port: int) -> dict[str, Any] | None:
    found = account.call("elbv2", "describe_listeners", LoadBalancerArn=balancer)["Listeners"]
    return next((listener for listener in found if listener["Port"] == port), None)


def _rules(account: Account, listener: str) -> list[dict[str, Any]]:
    found = account.call("elbv2", "describe_rules", ListenerArn=listener)["Rules"]
    return sorted(found, key=lambda r: float("inf") if r["IsDefault"] else int(r["Priority"]))


def _matches(rule: dict[str, Any], path: str) -> bool:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html"""
    for condition in rule["Conditions"]:
        if condition["Field"] != "path-pattern":
            return False
        patterns = condition.get("PathPatternConfig", condition).get("Values", [])
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns):
            return False
    return True


def _act(account: Account, rule: dict[str, Any], method: str, path: str) -> Answer:
    action = rule["Actions"][-1]
    if action["Type"] == "fixed-response":
        fixed = action["FixedResponseConfig"]
        return int(fixed["StatusCode"]), {}, fixed.get("MessageBody", "").encode()
    groups = action["ForwardConfig"]["TargetGroups"]
    group = _share(rule["RuleArn"], {g["TargetGroupArn"]: g.get("Weight", 1) for g in groups})
    revision = releases.serving.get(group)
    if revision is None:
        return 503, {}, b"the target group has no tasks"
    container = releases.container(account, revision)
    url = releases.images.get(container["image"], releases.Image()).url
    if not url:
        # Nobody answers for the image: it says what a placeholder says, which passes as a release.
        told = [a.partition("=")[2] for a in container.get("command", []) if a.startswith("-text=")]
        return 200, {}, (told or [releases.PLACEHOLDER])[0].encode()
    request = urllib.request.Request(url + path, method=method)
    try:
        with _direct.open(request, timeout=SECONDS) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read()
    except OSError as gone:
        return 502, {}, str(gone).encode()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A load balancer hands redirects on."""


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def _share(rule: str, weights: dict[str, int]) -> str:
    """The group whose turn it is: of any ten requests in a row each has its share."""
    total = sum(weights.values())
    ten, turn = divmod(_passed[rule], 10)
    _passed[rule] += 1
    turn = (turn * total // 10 + ten) % total if total else 0
    for group, weight in weights.items():
        turn -= weight
        if turn < 0:
            return group
    return next(iter(weights))


class _Visit(BaseHTTPRequestHandler):
    """Requests of one connection, after the proxy has let it through."""

    protocol_version = "HTTP/1.1"
    host, port = "", 443

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, body = answer(self.host, self.port, self.command, self.path)
        self.send_response(status)
        for name in ("Location", "Content-Type"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        """The emulator's log is for what went wrong."""


class _Connect(_Visit):
    def do_CONNECT(self) -> None:
        """Answers in the place of the host that is asked for, under a certificate of ours."""
        host, _, port = self.path.rpartition(":")
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            with _authority().speak_for(host).wrap_socket(self.connection, server_side=True) as tls:
                visit = type("Visit", (_Visit,), {"host": host, "port": int(port)})
                visit(tls, self.client_address, self.server)
        except OSError as error:
            print(f"peakline: a visitor of {host} went away: {error}", flush=True)


@functools.cache
def _proxy() -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Connect)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Authority:
    """Vouches for every name, to whoever reads its certificate."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "authority.pem"
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The emulated account")])
        made = self._build(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @functools.cache  # noqa: B019 - there is one authority
    def speak_for(self, host: str) -> ssl.SSLContext:
        """A server's side of TLS, as that host."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".pem") as both:
            both.write(self._build(subject, key, names).public_bytes(serialization.Encoding.PEM))
            both.write(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            both.flush()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(both.name)
        return context


@functools.cache
def _authority() -> _Authority:
    return _Authority(Path(tempfile.mkdtemp(prefix="peakline-")))
