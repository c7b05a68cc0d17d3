import subprocess
from pathlib import Path

from bench.provenance import commit


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)  # noqa: S607 - as bench does


def test_only_files_that_a_run_does_not_write_itself_make_the_commit_another_one(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""
    (tmp_path / "bench").mkdir()
    result, code = tmp_path / "bench" / "results.json", tmp_path / "bench" / "ticks.py"
    for path in (result, code):
        path.write_text("1")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = commit(tmp_path)
    assert len(clean) == 12
    result.write_text("2")
    assert commit(tmp_path) == clean
    code.write_text("2")
    assert commit(tmp_path) == f"{clean}+"
