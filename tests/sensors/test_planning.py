"""What the due-work sensor answers is a pure function of claims and partitions."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from rag_core.planning import PRIORITIES, plan_runs, runs_to_request


@dataclass(frozen=True)
class _Claim:
    partition: int
    lane: str
    collection: str = "notes"
    tags: dict[str, str] = field(default_factory=lambda: {"rag/claim": "1"})

    @property
    def run_key(self) -> str:
        return f"notes/{self.partition}/1"


_claims = st.lists(
    st.builds(_Claim, partition=st.integers(0, 2000), lane=st.sampled_from(sorted(PRIORITIES))),
    max_size=20,
    unique_by=lambda claim: claim.partition,
)


@given(claims=_claims, existing=st.sets(st.integers(0, 2000).map("{:06d}".format)))
def test_each_claim_is_one_run_over_a_partition_that_exists_by_then(claims: list[_Claim], existing: set[str]) -> None:
    plan = plan_runs(claims, partition_exists=existing.__contains__)
    assert sorted(run.run_key for run in plan.runs) == sorted(claim.run_key for claim in claims)
    assert {run.partition_key for run in plan.runs} <= existing | set(plan.new_partitions)
    assert not existing & set(plan.new_partitions)
    assert list(plan.new_partitions) == sorted(plan.new_partitions)
    priorities = [int(run.tags["dagster/priority"]) for run in plan.runs]
    assert priorities == sorted(priorities, reverse=True)
    assert plan == plan_runs(list(reversed(claims)), partition_exists=existing.__contains__)


def test_no_more_is_asked_for_than_the_queue_takes() -> None:
    assert [runs_to_request(waiting=waiting, most_waiting=4) for waiting in (0, 3, 4, 9)] == [4, 1, 0, 0]
