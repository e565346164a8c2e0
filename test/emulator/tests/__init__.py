"""Tests of the emulated account, against its real API in process: no server, no network."""
