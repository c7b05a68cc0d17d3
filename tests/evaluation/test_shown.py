import pytest

from evaluation.evaluating import Report
from evaluation.scoring import MEASURES, Estimate
from local_stack.cli.eval_tables import show


def test_every_figure_keeps_its_interval_beside_it_on_a_narrow_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = {name: Estimate(mean=0.9939, low=0.982, high=1.0) for name in MEASURES}
    report = Report(
        collection="small",
        documents=4,
        chunks=4,
        rejected=("file:///x: nothing to read",),
        recorded=0,
        queries=2,
        modes={"dense": found, "hybrid": found},
        change={"dense": None, "hybrid": Estimate(mean=0.0, low=0.0, high=0.0)},
        before="2026-11-21T11:00:00+00:00",
        answers=None,
        ingest_s=1,
        seconds=2,
        values={},
    )
    show(report)
    said = capsys.readouterr().out
    assert said.count("0.9939 [0.982 1.000]") == 2 * len(MEASURES)
    assert "+0.0000 [+0.000 +0.000]" in said
    assert "not comparable" in said
    assert "nothing was new" in said
