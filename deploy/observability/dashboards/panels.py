"""The few shapes of panel that both dashboards are made of, and the expressions that recur."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

from query_api.observing.names import Metric

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
CHOSEN = 'collection=~"$collection"'
RATE = "$__rate_interval"

Query = tuple[str, str]
"""An expression and the legend of its series."""


def newest(metric: Metric, *by: str, where: str = "") -> str:
    """Return the value that every process exports alike: the largest is the newest or equal."""
    grouped = f" by ({', '.join(by)})" if by else ""
    return f"max{grouped} ({metric.name}{{{where}}})" if where else f"max{grouped} ({metric.name})"


def total_rate(metric: Metric, *by: str, where: str = "") -> str:
    """Return how often something happens in all processes together, a second."""
    grouped = f" by ({', '.join(by)})" if by else ""
    chosen = f"{{{where}}}" if where else ""
    return f"sum{grouped} (rate({metric.name}{chosen}[{RATE}]))"


def percentile(metric: Metric, share: float, *by: str, where: str = "") -> str:
    """Return the value below which a share of a histogram's observations lies, of all processes together."""
    chosen = f"{{{where}}}" if where else ""
    grouped = ", ".join(("le", *by))
    return f"histogram_quantile({share}, sum by ({grouped}) (rate({metric.name}_bucket{chosen}[{RATE}])))"


def lines(title: str, unit: str, queries: Sequence[Query], *, about: str, width: int = 12) -> timeseries.Panel:
    """Return a panel of lines over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .min(0)
        .datasource(SOURCE)
        .height(8)
        .span(width)
        .fill_opacity(8)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003 - the builder's own form
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    for reference, (expression, legend) in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(
            prometheus.Dataquery().ref_id(reference).expr(expression).legend_format(legend).range().datasource(SOURCE)
        )
    return panel


def rates(title: str, unit: str, metric: Metric, *by: str, about: str, width: int = 12) -> timeseries.Panel:
    """Return a panel of how often something happens a second, a line for each value of the labels."""
    return lines(title, unit, [(total_rate(metric, *by), _legend(by, " "))], about=about, width=width)


def percentiles(title: str, share: float, metric: Metric, *by: str, about: str) -> timeseries.Panel:
    """Return a panel of the seconds below which a share of a histogram lies, a line for each value of the labels."""
    return lines(
        f"{title}, {100 * share:g} %",
        "s",
        [(percentile(metric, share, *by), _legend(by, " "))],
        about=about,
    )


def figures(title: str, unit: str, metric: Metric, *by: str, about: str, width: int = 12) -> timeseries.Panel:
    """Return a panel of a figure of the catalog for the collections that are chosen."""
    return lines(title, unit, [(newest(metric, *by, where=CHOSEN), _legend(by, "/"))], about=about, width=width)


def number(
    title: str, unit: str, expression: str, *, about: str, warn_at: float | None = None, bad_at: float | None = None
) -> stat.Panel:
    """Return a panel of one number, coloured from the values on at which somebody should look."""
    steps = [Threshold(value=None, color="green")]
    if warn_at is not None:
        steps.append(Threshold(value=warn_at, color="orange"))
    if bad_at is not None:
        steps.append(Threshold(value=bad_at, color="red"))
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .datasource(SOURCE)
        .height(4)
        .span(4)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .with_target(prometheus.Dataquery().ref_id("A").expr(expression).range().datasource(SOURCE))
    )


def board(title: str, uid: str, *, about: str, by_collection: Metric | None = None) -> dashboard.Dashboard:
    """Return an empty dashboard with a choice of the data source and, where given, of collections."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["rag-assets"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    if by_collection is None:
        return made
    return made.with_variable(
        dashboard.QueryVariable("collection")
        .label("Collection")
        .datasource(SOURCE)
        .query(f"label_values({by_collection.name}, collection)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)  # noqa: FBT003 - the builder's own form
        .include_all(True)  # noqa: FBT003 - the builder's own form
        .all_value(".*")
    )


def _legend(labels: Sequence[str], between: str) -> str:
    return between.join(f"{{{{{label}}}}}" for label in labels)
