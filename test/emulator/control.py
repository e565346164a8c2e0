"""Starts, stops and fills the emulated account: `python3 test/emulator/control.py --help`.

Uses nothing outside the standard library, since it is what brings the rest. Every command may be
repeated, and may be interrupted at any point and run again. What goes wrong is told in one
sentence with its remedy.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cache" / "emulator"
VENV = ROOT / ".venv"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")

ACCOUNT = "123456789012"
REGION = "us-east-1"
ENVIRONMENT = "local"
BUSY_SECONDS = 30
STAGES = (ENVIRONMENT, "delivery")
PIPELINES = "test/emulator/delivery.yaml"

OLDEST_PYTHON = (3, 10)
"""moto 5.2 runs on nothing older."""

PROGRESS = ("deploying...", "✅", "❌")
"""What marks the lines of the CDK that tell how far it is; all of them go to a file."""

CDK_LAST_LINES = 60
"""How many of the CDK's lines are shown when it fails."""

START_SECONDS = 60.0
STOP_SECONDS = 10.0


class Problem(Exception):
    """What went wrong and what to do about it, in one sentence."""


def prepare() -> None:
    """Makes the virtual environment, and installs only what is not there yet."""
    if sys.version_info < OLDEST_PYTHON:
        raise Problem(
            f"Python {sys.version_info.major}.{sys.version_info.minor} is too old: install "
            f"Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer and run this again."
        )
    stamp = VENV / "peakline.stamp"
    wanted = hashlib.sha256(f"{sys.version}{REQUIREMENTS.read_text()}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted and _python().exists():
        stamp.touch()  # make compares times
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Problem(
            "Python's venv module is incomplete: install it (`sudo apt-get install python3-venv` "
            "on Debian and Ubuntu) and run this again."
        )
    say("Preparing the Python virtual environment .venv ...")
    stamp.unlink(missing_ok=True)
    make = [sys.executable, "-m", "venv", "--clear", "--system-site-packages", str(VENV)]
    if subprocess.run(make, stdout=subprocess.DEVNULL).returncode:
        raise Problem(f"`{' '.join(make)}` failed: see its message above.")
    install = [str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*install, "--requirement", str(REQUIREMENTS)]).returncode:
        raise Problem(
            f"pip could not install {REQUIREMENTS.relative_to(ROOT)}: connect to the network (or "
            f"install these packages some other way) and run this again."
        )
    stamp.write_text(wanted)


def start(port: int) -> None:
    """Leaves a healthy emulator on the port, the running one when there is one."""
    with _locked():
        found = _awaited_inventory(port)
        if found is not None and found.get("sources") == _sources():
            say(f"The emulated account is running at {endpoint(port)}.")
            return
        if found is not None:
            say("The emulator's own code has changed: starting it anew, with an empty account.")
        elif _pid(port) is not None:
            say("The emulated account does not answer any more: starting it anew.")
        _stop(port)
        if _listening(port):
            raise Problem(
                f"Port {port} is in use by another program: stop that program, or choose another "
                f"port (PEAKLINE_PORT=4600 make up)."
            )
        _launch(port)


def stop(port: int) -> None:
    """Leaves no emulator of this folder on the port."""
    with _locked():
        if _stop(port):
            say(f"The emulated account at {endpoint(port)} is stopped, and with it all it held.")
        elif _inventory(port) is not None:
            raise Problem(
                f"The emulated account at {endpoint(port)} was started from another folder: run "
                f"`make down` there."
            )
        else:
            say(f"No emulated account is running at {endpoint(port)}.")


def status(port: int) -> None:
    """Says whether the emulator is healthy."""
    if _inventory(port) is None:
        raise Problem(f"No emulated account answers at {endpoint(port)}: start it with `make up`.")
    say(f"The emulated account is running at {endpoint(port)}.")


def deploy(port: int) -> None:
    """Bootstraps the account unless it is, deploys the environment and sums up."""
    began = time.monotonic()
    found = _inventory(port)
    if found is None:
        raise Problem(f"No emulated account answers at {endpoint(port)}: start it with `make up`.")
    if not _is_bootstrapped(found):
        say("Bootstrapping the account for the CDK ...")
        _cdk(port, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
    for stage in STAGES:
        say(f"Deploying {stage} with the CDK ...")
        _cdk(
            port,
            "deploy",
            f"{stage}/*",
            *("--context", f"env={stage}", "--context", f"delivery={PIPELINES}", "--no-lookups"),
            *("--require-approval", "never", "--concurrency", "4"),
        )
    summarize(port, time.monotonic() - began)


def summarize(port: int, seconds: float | None = None) -> None:
    """Prints what the account holds and what to try next."""
    found = _inventory(port)
    if found is None:
        raise Problem(f"No emulated account answers at {endpoint(port)}: start it with `make up`.")
    took = "" if seconds is None else f" in {seconds:.0f} s"
    say(f"\nThe environment {ENVIRONMENT} is up at {endpoint(port)}{took}.\n")
    stacks = [s for s in found["stacks"] if s["name"].startswith(tuple(f"{s}-" for s in STAGES))]
    kinds: Counter[str] = Counter()
    width = max([len(stack["name"]) for stack in stacks] or [0])
    for stack in stacks:
        here = Counter(resource["kind"] for resource in stack["resources"])
        kinds += here
        say(f"  {stack['name']:<{width}}  {sum(here.values()):>4} resources  {stack['status']}")
    say(
        f"\n  {kinds['created']} resources created behind their AWS API, {kinds['recorded']} "
        f"recorded only (validated, no API in the emulator), {kinds['nothing']} with nothing to do."
    )
    for database in found["databases"]:
        say(f"\n  writer  {database['writer']}\n  readers {database['reader']}")
        for member in database["members"]:
            say(f"    {member['role']:<6}  {member['zone']}  {member['class']}  {member['id']}")
    for cache in found["caches"]:
        say(f"  cache   {cache['address']}\n    {cache['nodes']} x {cache['type']}  {cache['id']}")
    deployed = {stack["name"] for stack in stacks}
    shop: dict[str, list[Any]] = {}
    for part in found["shop"]:
        if part["stack"] in deployed:
            for kind, entries in part["holds"].items():
                shop.setdefault(kind, []).extend(entries)
    if shop:
        _tell(shop)
    watching = Counter(resource["type"] for stack in stacks for resource in stack["resources"])
    dashboards = watching["AWS::CloudWatch::Dashboard"]
    alarms = watching["AWS::CloudWatch::Alarm"] + watching["AWS::CloudWatch::CompositeAlarm"]
    say(f"\n  dashboards: {dashboards}, alarms: {alarms}")
    at = f"--endpoint-url {endpoint(port)} --region {REGION}"
    say(
        f"""
Try next (any credentials will do):
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  aws rds describe-db-clusters {at}
  aws ec2 describe-vpcs {at}
  aws ecs list-clusters {at}
  aws elbv2 describe-load-balancers {at} --query 'LoadBalancers[].[Scheme,DNSName]'
  aws cloudfront list-distributions {at}
  aws wafv2 list-web-acls --scope CLOUDFRONT {at}
  aws cloudwatch list-dashboards {at}
  aws cloudwatch describe-alarms {at} --query 'MetricAlarms[].AlarmName' --output table
  aws codepipeline list-pipelines {at}
  aws cognito-idp list-user-pools --max-results 10 {at}
  aws s3 ls {at}
  aws events list-rules --event-bus-name peakline-{ENVIRONMENT} {at}
  aws scheduler list-schedules {at}
  AWS_ENDPOINT_URL={endpoint(port)} AWS_REGION={REGION} npx cdk diff '{ENVIRONMENT}/*' -c delivery={PIPELINES}
  make down"""
    )


def _tell(shop: dict[str, list[Any]]) -> None:
    """Prints what visitors meet and what works behind it."""
    for distribution in shop["distributions"]:
        say(f"\n  distribution {distribution['id']}  {distribution['address']}")
        say(f"    {' '.join(distribution['names']) or distribution['comment']}")
    say("")
    for firewall in shop["firewalls"]:
        say(f"  firewall {firewall['name']}, {firewall['scope']}, rules: {firewall['rules']}")
    for pool in shop["pools"]:
        say(f"\n  user pool {pool['id']}  {pool['name']}")
        width = max([len(client["name"]) for client in pool["clients"]] or [0])
        for client in pool["clients"]:
            say(f"    {client['name']:<{width}}  {client['id']}  {' '.join(client['back'])}")
    say("")
    for bucket in shop["buckets"]:
        say(f"  bucket {bucket['name']}{', versioned' if bucket['versioned'] else ''}")
    for balancer in shop["balancers"]:
        kind = {"internet-facing": "public"}.get(balancer["scheme"], balancer["scheme"])
        say(f"\n  {kind:<8} load balancer  {balancer['address']}")
    if shop["services"]:
        width = max(len(service["name"]) for service in shop["services"])
        say("")
        for service in shop["services"]:
            say(f"    {service['name']:<{width}}  {' '.join(service['paths'])}")
            for pool in service["pools"]:
                say(f"    {'':<{width}}    pooler: {pool}")
    for bus in shop["buses"]:
        say(f"\n  event bus {bus['name']}, {bus['subscriptions']} subscriptions")
    for schedule in shop["schedules"]:
        say(f"\n  schedule: {schedule['description']}, {schedule['expression']}")
    for pipeline in shop["pipelines"]:
        say(f"\n  pipeline {pipeline['name']}: {' > '.join(pipeline['stages'])}")


def endpoint(port: int) -> str:
    """Where the account answers. The name matters: SDKs address buckets by path on it."""
    return f"http://localhost:{port}"


def cdk_environment(port: int) -> dict[str, str]:
    """The variables under which AWS tools reach the emulated account and nothing else.

    Whatever profile, region or credentials this shell or ~/.aws hold must neither be used nor
    get in the way.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "localhost"]))
    return kept | {
        "AWS_ENDPOINT_URL": endpoint(port),
        "AWS_ACCESS_KEY_ID": "peakline",
        "AWS_SECRET_ACCESS_KEY": "peakline",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "NO_PROXY": direct,
        "no_proxy": direct,
        # The pinned Node.js comes first, so that the CDK does not depend on the machine's.
        "PATH": os.pathsep.join([str(ROOT / "node_modules" / ".bin"), os.environ.get("PATH", "")]),
    }


def say(message: str) -> None:
    """Prints at once, so that lines keep their place among those of other programs."""
    print(message, flush=True)


def _cdk(port: int, *arguments: str) -> None:
    environment = cdk_environment(port)
    command = shutil.which("cdk", path=environment["PATH"])
    if command is None:
        raise Problem("The CDK command is missing: run `make up`.")
    whole = STATE / f"{port}.cdk.log"
    lines: list[str] = []
    with whole.open("w") as log:
        with subprocess.Popen(
            [command, *arguments, "--no-notices", "--no-color"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                lines.append(line)
                if any(sign in line for sign in PROGRESS):
                    say(f"  {line.strip()}")
    if process.returncode:
        say("".join(lines[-CDK_LAST_LINES:]))
        raise Problem(
            f"`cdk {arguments[0]}` failed: see its last messages above, all of them in {whole}, "
            f"and the emulator's own in {_log(port)}."
        )


def _is_bootstrapped(inventory: dict[str, Any]) -> bool:
    return any(
        stack["name"] == "CDKToolkit"
        and stack["region"] == REGION
        and stack["status"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        for stack in inventory["stacks"]
    )


def _launch(port: int) -> None:
    say(f"Starting the emulated account at {endpoint(port)} ...")
    python = _python()
    if not python.exists():
        raise Problem("The virtual environment .venv is missing: run `make up`.")
    with _log(port).open("w") as log:
        process = subprocess.Popen(
            [str(python), "-m", "emulator.server", "--port", str(port)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _pid_file(port).write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _inventory(port) is not None:
            return
        if process.poll() is not None:
            last = (_log(port).read_text().strip().splitlines() or ["no message"])[-1]
            raise Problem(f"The emulated account ended at once ({last}): see {_log(port)}.")
        time.sleep(0.1)
    _stop(port)
    raise Problem(
        f"The emulated account did not answer in {START_SECONDS:.0f} s: see {_log(port)}."
    )


def _stop(port: int) -> bool:
    pid = _pid(port)
    _pid_file(port).unlink(missing_ok=True)
    if pid is None:
        return False
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            # A process that ends loses its name before its port.
            if not _is_emulator(pid) and not _listening(port):
                return True
            time.sleep(0.05)
    return True


def _pid(port: int) -> int | None:
    """The process started from here, unless it is gone or the number is somebody else's by now."""
    try:
        pid = int(_pid_file(port).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _is_emulator(pid) else None


def _is_emulator(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True
    ).stdout.strip()
    return "emulator.server" in state and not state.startswith("Z")


def _inventory(port: int) -> dict[str, Any] | None:
    """What an emulated account on the port holds; None when there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint(port)}/peakline/inventory", timeout=5) as answer:
            found = json.load(answer)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "stacks" in found else None


def _awaited_inventory(port: int) -> dict[str, Any] | None:
    """The inventory of an account that may be busy: one that is alive has half a minute to answer."""
    deadline = time.monotonic() + BUSY_SECONDS
    told = False
    while (found := _inventory(port)) is None and _pid(port) is not None and _listening(port):
        if time.monotonic() > deadline:
            break
        if not told:
            say("The emulated account is busy: waiting for its answer ...")
            told = True
        time.sleep(0.5)
    return found


def _listening(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), timeout=2):
            return True
    except OSError:
        return False


def _sources() -> str:
    """A fingerprint of the code a running emulator was started from."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from emulator.sources import fingerprint

    return fingerprint()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Lets only one command at a time start or stop the emulator."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _python() -> Path:
    return VENV / "bin" / "python"


def _pid_file(port: int) -> Path:
    return STATE / f"{port}.pid"


def _log(port: int) -> Path:
    return STATE / f"{port}.log"


def main() -> int:
    """Runs the command; 1 with one sentence when it cannot be done."""
    commands = {
        "prepare": (lambda _: prepare(), prepare),
        "up": (start, start),
        "down": (stop, stop),
        "status": (status, status),
        "deploy": (deploy, deploy),
        "summary": (summarize, summarize),
    }
    listing = "\n".join(
        f"  {name:<8} {(documented.__doc__ or '').splitlines()[0]}"
        for name, (_, documented) in commands.items()
    )
    parser = argparse.ArgumentParser(
        description="The emulated AWS account.",
        epilog=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=commands, metavar="command", help="one of those below")
    parser.add_argument(
        "--port",
        default=os.environ.get("PEAKLINE_PORT") or "4566",
        help="where it listens (default: PEAKLINE_PORT or 4566)",
    )
    options = parser.parse_args()
    try:
        if not options.port.isdecimal() or not 0 < int(options.port) < 65536:
            raise Problem(f"The port {options.port} is not a number from 1 to 65535: correct it.")
        commands[options.command][0](int(options.port))
    except Problem as problem:
        print(f"peakline: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\npeakline: interrupted; run the same command again to continue.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
