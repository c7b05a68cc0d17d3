"""What ``rag audit`` prints of a collection that it could not compare: that, and no number of differences."""

import pytest

from local_stack.cli.audit_commands import show_audit
from recovery.auditing_all import Audited
from recovery.told import CollectionAudit


@pytest.mark.parametrize(
    ("unlooked", "unfinished", "said"),
    [
        (("source inbox: away",), 0, "notes: not all could be looked at."),
        (("source inbox: away",), 3, "notes: not all could be looked at; the repair's work goes on."),
        ((), 3, "notes: the repair's work goes on."),
    ],
)
def test_an_audit_without_a_difference_counts_none(
    unlooked: tuple[str, ...], unfinished: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = CollectionAudit(
        collection="notes",
        differences=(),
        documents=1,
        vectors=1,
        objects=0,
        due=0,
        not_looked_at=unlooked,
        seconds=0.1,
    )
    show_audit(Audited(audit=audit, unfinished=unfinished))
    shown = capsys.readouterr().out
    assert said in " ".join(shown.split())
    assert "0 kinds" not in shown
