"""Starting and stopping, whatever state earlier runs left behind."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

from .. import control


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Control(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        patch = mock.patch.object(control, "STATE", Path(folder.name))
        patch.start()
        self.addCleanup(patch.stop)
        self.port = free_port()
        # The account outlives the command that starts it, on purpose.
        warnings.simplefilter("ignore", ResourceWarning)

    def said(self, command: str) -> str:
        """What a command prints."""
        with contextlib.redirect_stdout(io.StringIO()) as output:
            getattr(control, command)(self.port)
        return output.getvalue()

    def pid(self) -> int:
        return int((control.STATE / f"{self.port}.pid").read_text())

    def test_a_port_in_use_is_told_with_the_way_out(self) -> None:
        with socket.create_server(("127.0.0.1", self.port)):
            with self.assertRaisesRegex(control.Problem, f"Port {self.port}.*PEAKLINE_PORT"):
                control.start(self.port)

    def test_nothing_running_is_told(self) -> None:
        self.assertIn("No emulated account", self.said("stop"))
        with self.assertRaisesRegex(control.Problem, "make up"):
            control.status(self.port)

    def test_a_number_that_is_another_programs_by_now_is_left_alone(self) -> None:
        (control.STATE / f"{self.port}.pid").write_text(str(os.getppid()))
        self.assertIn("No emulated account", self.said("stop"))

    def test_a_running_account_is_reused_and_a_dead_one_replaced(self) -> None:
        self.said("start")
        self.addCleanup(lambda: self.said("stop"))
        first = self.pid()
        self.assertIn("is running", self.said("start"))
        self.assertEqual(self.pid(), first, "a healthy account was thrown away")
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        self.said("start")
        self.assertNotEqual(self.pid(), first)
        self.said("status")

    def test_the_summary_counts_what_watches(self) -> None:
        kinds = ["Dashboard", "Alarm", "Alarm", "CompositeAlarm", "AnomalyDetector"]
        resources = [{"type": "AWS::CloudWatch::" + kind, "kind": "created"} for kind in kinds]
        stack = {"name": "local-Observability", "status": "CREATE_COMPLETE", "resources": resources}
        found = {"databases": [], "caches": [], "shop": [], "stacks": [stack]}
        with mock.patch.object(control, "_inventory", return_value=found):
            self.assertIn("\n  dashboards: 1, alarms: 3\n", self.said("summarize"))

    def test_the_tools_see_neither_profile_nor_credentials_of_the_shell(self) -> None:
        shell = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "real", "CDK_DEBUG": "1"}
        with mock.patch.dict(os.environ, shell):
            environment = control.cdk_environment(self.port)
        self.assertFalse(shell.keys() & environment.keys())
        self.assertEqual(environment["AWS_ENDPOINT_URL"], f"http://localhost:{self.port}")


if __name__ == "__main__":
    unittest.main()
