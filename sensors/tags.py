"""The tags of the runs that sensors ask for, in one place for those who read them."""

from rag_core.planning import COLLECTION_TAG, PRIORITY_TAG
from resources.clients.catalog.values import CLAIM_TAG, LANE_TAG

__all__ = ["CLAIM_TAG", "COLLECTION_TAG", "LANE_TAG", "PRIORITY_TAG"]
