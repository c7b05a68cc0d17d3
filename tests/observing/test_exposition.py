"""``/metrics`` as Prometheus' own tool reads it: every name, kind and help text as its rules for metrics want them."""

import subprocess

from fastapi.testclient import TestClient

from tests.observability.promtool import prometheus_program


def test_prometheus_finds_no_fault_with_the_metrics(api: TestClient) -> None:
    program = prometheus_program("promtool")
    said = subprocess.run(
        [program, "check", "metrics"], input=api.get("/metrics").content, capture_output=True, timeout=60, check=False
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, b"")
