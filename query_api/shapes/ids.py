"""Ids as they stand in paths, with the examples that the OpenAPI document has.

The examples belong together: the document's id is that of its URI in ``handbook``, the job's that of its arrival 17.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Path

EXAMPLE_URI = "file:///srv/rag/inbox/handbook/uploads/local/report.pdf"
EXAMPLE_ARRIVAL = 17
EXAMPLE_DOCUMENT = "96f8d526-d964-5072-a81d-daf324758764"
EXAMPLE_JOB = "5fe54b6c-fc53-5b53-90b7-14aee2b6aa0e"
EXAMPLE_ANSWER = "019aa5b0-6c1e-7d30-9a57-3f6f0c2f4b11"
EXAMPLE_PROJECT = "019aa5b0-6c1e-7b21-8d45-5a1d8c0e7f02"
EXAMPLE_SESSION = "019aa5b0-6c1e-7a12-9c34-7b2e9d1f8a03"

DocumentId = Annotated[UUID, Path(examples=[EXAMPLE_DOCUMENT])]
JobId = Annotated[UUID, Path(examples=[EXAMPLE_JOB])]
AnswerId = Annotated[UUID, Path(examples=[EXAMPLE_ANSWER])]
ProjectId = Annotated[UUID, Path(examples=[EXAMPLE_PROJECT])]
SessionId = Annotated[UUID, Path(examples=[EXAMPLE_SESSION])]
ModelName = Annotated[str, Path(description="A collection.", examples=["handbook"])]
