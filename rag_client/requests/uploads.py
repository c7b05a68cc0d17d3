"""Uploads, and the jobs that say what becomes of them."""

from collections.abc import Iterable
from uuid import uuid4

import httpx

from rag_client.calls import Call, given
from rag_client.connecting import Connecting
from rag_client.decoding import decode
from rag_client.errors import StreamBroken
from rag_client.files import Progress, UploadFile, form_of
from rag_client.requests.waiting import until
from rag_client.requests.words import Id
from rag_client.shapes.jobs import Job, Upload
from rag_client.sse import EventReader
from rag_client.steps import Flow, Give, Pause, Read, Steps, as_json, once, opened


def upload(
    files: UploadFile | Iterable[UploadFile],
    *,
    collection: str | None = None,
    idempotency_key: str | None = None,
    progress: Progress | None = None,
) -> Flow[Upload]:
    """Send a file or several: paths, which are read while they are sent, or pairs of name and bytes.

    ``collection`` may be left out where only one takes uploads. ``progress`` is told how many bytes went, and of how
    many. The same ``idempotency_key`` with the same files is stored once; without one each call has its own, so that
    sending it again after a broken connection is safe, too.
    """
    return once(
        Call(
            method="POST",
            path="/v1/documents",
            query=given(collection=collection),
            form=form_of(files, progress),
            headers={"Idempotency-Key": idempotency_key or uuid4().hex},
            shape=Upload,
            is_repeatable=True,
        )
    )


def job(job_id: Id | Job) -> Flow[Job]:
    """Show where an uploaded file stands."""
    return once(_shown(job_id))


def wait_for_job(job_id: Id | Job, *, timeout_s: float | None = 300.0) -> Flow[Job]:
    """Wait until an uploaded file is searchable or has failed; outages of the server are waited out.

    Raises ``WaitedTooLong`` after ``timeout_s``; the job goes on.
    """
    return until(_shown(job_id), lambda shown: shown.is_over, timeout_s=timeout_s, what="the job")


def job_events(job_id: Id | Job) -> Flow[Job]:
    """Follow a job: its state now and each change, until a final one; a stream that breaks is opened again.

    Raises ``StreamBroken`` when it breaks as often as a request is tried, without anything new in between.
    """
    call = Call(
        method="GET",
        path="/v1/jobs/{job_id}/events",
        at={"job_id": _id(job_id)},
        shape=Job,
        is_repeatable=True,
        is_streamed=True,
    )

    def steps(connecting: Connecting) -> Steps[None]:
        shown: Job | None = None
        broken = 0
        while True:
            reader, cause = EventReader(), None
            yield from opened(call, connecting)
            try:
                while piece := (yield Read()):
                    for event in reader.feed(piece):
                        if event.name != "job":
                            continue
                        seen = decode(Job, as_json(event.data))
                        if seen != shown:
                            shown, broken = seen, 0
                            yield Give(seen)
                        if seen.is_over:
                            return
            except httpx.HTTPError as error:
                cause = error
            broken += 1
            if broken >= connecting.retries.attempts:
                raise StreamBroken("The job's events broke off, again and again.") from cause
            yield Pause(connecting.retries.delay_s(broken) if reader.retry_s is None else reader.retry_s)

    return Flow(steps)


def _shown(job_id: Id | Job) -> Call[Job]:
    return Call(method="GET", path="/v1/jobs/{job_id}", at={"job_id": _id(job_id)}, shape=Job, is_repeatable=True)


def _id(job_id: Id | Job) -> str:
    return job_id.job_id if isinstance(job_id, Job) else str(job_id)
