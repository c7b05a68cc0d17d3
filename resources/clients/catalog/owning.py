"""By what a statement knows that an arrival is in the hands of the run that asks."""

from typing import Any

from resources.clients.catalog.values import Claim

OURS = " collection = :collection AND state = 'processing' AND run_id = :run_id AND claim = :claim "


def block_of(claim: Claim) -> dict[str, Any]:
    """Return the parameters that name a claim's block."""
    return {"collection": claim.collection, "partition": claim.partition}


def owned(claim: Claim) -> dict[str, Any]:
    """Return the parameters of ``OURS``, and the block's."""
    return {**block_of(claim), "claim": claim.number, "run_id": claim.run_id}
