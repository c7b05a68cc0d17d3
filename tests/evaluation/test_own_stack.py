from pathlib import Path

import pytest

from evaluation.own_stack import OwnStack


class Interrupted(OwnStack):
    """A stack whose start is interrupted."""

    ended = 0

    def up(self) -> None:
        raise SystemExit(143)

    def down(self) -> None:
        self.ended += 1


def test_a_stack_whose_start_is_interrupted_is_ended(tmp_path: Path) -> None:
    stack = Interrupted(tmp_path)
    with pytest.raises(SystemExit), stack:
        pass
    assert stack.ended == 1
