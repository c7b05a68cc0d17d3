"""Answers: what is asked, how long it takes and where, what fails, and how full the chat model and the queue are."""

from grafana_foundation_sdk.builders import dashboard

from deploy.observability.dashboards.panels import (
    board,
    lines,
    newest,
    number,
    percentile,
    percentiles,
    rates,
    total_rate,
)
from query_api.observing import names
from query_api.observing.requests import QUIET

_NO_PROBES = f'route!~"{"|".join(sorted(QUIET))}"'
_OURS = f"and on (job, instance) {names.MODEL_PLACES.name}"
"""Every process of ours exports it, whatever the name of its job."""


def answers() -> dashboard.Dashboard:
    """Return the dashboard of the query API and its workers."""
    made = board("RAG: answers", "rag-answers", about="The query API, its workers and the way to the chat model.")
    for part in (_at_a_glance, _requests, _stages, _answered, _queue, _processes):
        made = part(made)
    return made


def _at_a_glance(made: dashboard.Dashboard) -> dashboard.Dashboard:
    asked = total_rate(names.REQUESTS, where=_NO_PROBES)
    failed = total_rate(names.REQUESTS, where=f'status=~"5..", {_NO_PROBES}')
    return (
        made.with_row(dashboard.Row("At a glance"))
        .with_panel(number("Requests", "reqps", asked, about="All routes but probes and /metrics, all processes."))
        .with_panel(
            number(
                "Failed",
                "percentunit",
                f"({failed} or vector(0)) / ({asked} > 0)",
                about="Status 500 and more, of all requests but probes and /metrics.",
                warn_at=0.01,
                bad_at=0.05,
            )
        )
        .with_panel(
            number(
                "Search, 95 %",
                "s",
                percentile(names.REQUEST_SECONDS, 0.95, where='route="/v1/search"'),
                about="Within this time nineteen of twenty searches are answered.",
                warn_at=0.5,
                bad_at=1,
            )
        )
        .with_panel(
            number(
                "Places taken at the model",
                "percentunit",
                f"max(({names.MODEL_WRITING.name} + {names.MODEL_WAITING.name}) / ({names.MODEL_PLACES.name} > 0))"
                " or vector(0)",
                about="Writing and waiting, of the fullest process.",
                warn_at=0.8,
                bad_at=1,
            )
        )
        .with_panel(
            number(
                "Questions that wait",
                "short",
                newest(names.QUEUED_ANSWERS, where='state="queued"'),
                about="Asynchronous ones.",
            )
        )
        .with_panel(
            number(
                "Catalog and index",
                "short",
                f"min({names.CATALOG_UP.name}) + min({names.INDEX_UP.name})",
                about="2: both answer every process.",
            )
        )
    )


def _requests(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("Requests"))
        .with_panel(
            rates("By route", "reqps", names.REQUESTS, "method", "route", about="Probes and /metrics are shown, too.")
        )
        .with_panel(
            lines(
                "By status",
                "reqps",
                [(total_rate(names.REQUESTS, "status", where=_NO_PROBES), "{{status}}")],
                about="Answered, without probes and /metrics.",
            )
        )
        .with_panel(
            percentiles(
                "Time of a request",
                0.95,
                names.REQUEST_SECONDS,
                "route",
                about="Until the last byte, streams included.",
            )
        )
        .with_panel(
            lines(
                "In progress, and refused for their rate",
                "short",
                [
                    (f"sum({names.IN_PROGRESS.name})", "in progress"),
                    (total_rate(names.RATE_LIMITED), "refused a second"),
                ],
                about="Refused: 429, the key was above its rate.",
            )
        )
    )


def _stages(made: dashboard.Dashboard) -> dashboard.Dashboard:
    seconds = f"{names.STAGE_SECONDS.name}_sum"
    return (
        made.with_row(dashboard.Row("Where the time goes"))
        .with_panel(
            lines(
                "Seconds spent a second",
                "short",
                [(f"sum by (stage) (rate({seconds}[$__rate_interval]))", "{{stage}}")],
                about="Of all questions together, by stage.",
            )
        )
        .with_panel(percentiles("Time of a stage", 0.95, names.STAGE_SECONDS, "stage", about="Of one question."))
    )


def _answered(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("Answers"))
        .with_panel(
            rates(
                "Answered, by whom",
                "ops",
                names.ANSWERS,
                "mode",
                about="By the chat model or by quotation; abstentions are among them.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Not answered, and quoted instead",
                "ops",
                [
                    (total_rate(names.ABSTENTIONS, "reason"), "abstained: {{reason}}"),
                    (total_rate(names.FALLBACKS, "because"), "quoted: {{because}}"),
                ],
                about="Why there was no answer, and why the model wrote none.",
                width=8,
            )
        )
        .with_panel(rates("Tokens", "short", names.TOKENS, "kind", about="Of the chat model, a second.", width=8))
    )


def _queue(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("Queues"))
        .with_panel(
            lines(
                "The way to the chat model",
                "short",
                [
                    (f"sum({names.MODEL_WRITING.name})", "writing"),
                    (f"sum({names.MODEL_WAITING.name})", "waiting"),
                    (f"sum({names.MODEL_PLACES.name})", "places"),
                    (total_rate(names.MODEL_REFUSALS), "refused a second"),
                ],
                about="Beyond the places questions are refused or answered by quotation.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Asynchronous questions",
                "short",
                [
                    (newest(names.QUEUED_ANSWERS, "state"), "{{state}}"),
                    (newest(names.ANSWER_PLACES), "places"),
                    (newest(names.WEBHOOKS_WAITING), "notifications"),
                ],
                about="Not answered yet; notifications that are not delivered.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Oldest asynchronous question",
                "s",
                [(newest(names.QUEUED_OLDEST), "waits")],
                about="Of those that wait.",
                width=8,
            )
        )
    )


def _processes(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("Processes"))
        .with_panel(
            lines(
                "Memory",
                "bytes",
                [(f"process_resident_memory_bytes {_OURS}", "{{instance}}")],
                about="Resident.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Cores",
                "short",
                [(f"rate(process_cpu_seconds_total[$__rate_interval]) {_OURS}", "{{instance}}")],
                about="CPU seconds a second.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Age of the catalog's figures",
                "s",
                [(names.CATALOG_AGE.name, "{{instance}}")],
                about="They are kept for some seconds, longer where they cost much.",
                width=8,
            )
        )
    )
