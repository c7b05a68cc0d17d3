"""The project's history as one SVG: a small chart a figure, a point a run; quick runs are hollow."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, COLUMNS = 300, 150, 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 30, 26
_STYLE = """text{font:11px system-ui,sans-serif;fill:#333}.t{font-weight:600}.a{stroke:#ccc}
.l{fill:none;stroke:#2563eb;stroke-width:1.5}.p{fill:#2563eb;stroke:#2563eb}.q{fill:#fff;stroke:#2563eb}"""


def history_svg(runs: Sequence[Mapping[str, Any]], keys: Mapping[str, str]) -> str:
    """Return the chart of each key over the runs in their order; a key that no run measured says so."""
    rows = -(-len(keys) // COLUMNS)
    size = f'width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f"<style>{_STYLE}</style>"]
    parts += ['<rect width="100%" height="100%" fill="#fff"/>']
    for place, (key, meaning) in enumerate(keys.items()):
        across, down = place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({across} {down})"><title>{escape(meaning)}</title>')
        parts += _chart(key, [(index, run) for index, run in enumerate(runs) if run.get(key) is not None], len(runs))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(key: str, measured: Sequence[tuple[int, Mapping[str, Any]]], number: int) -> list[str]:
    parts = [f'<text class="t" x="{_LEFT}" y="18">{escape(key)}</text>']
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    parts.append(f'<path class="a" d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none"/>')
    if not measured:
        return [*parts, f'<text x="{_LEFT + 8}" y="{HEIGHT // 2}">not measured yet</text>']
    top = max(float(run[key]) for _, run in measured) * 1.1 or 1.0

    def at(index: int, value: float) -> tuple[float, float]:
        step = (right - _LEFT - 16) / max(1, number - 1)
        return round(_LEFT + 8 + index * step, 1), round(bottom - value / top * (bottom - _TOP), 1)

    places = [(at(index, float(run[key])), run) for index, run in measured]
    parts.append(f'<polyline class="l" points="{" ".join(f"{x},{y}" for (x, y), _ in places)}"/>')
    for (x, y), run in places:
        said = escape(f"{run['at'][:10]} {run['commit']}: {run[key]}")
        kind = "q" if run["quick"] else "p"
        parts.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="3"><title>{said}</title></circle>')
    parts += [
        f'<text x="{_LEFT - 5}" y="{at(0, value)[1] + 4}" text-anchor="end">{value:.3g}</text>'
        for value in (0.0, top / 1.1)
    ]
    first, last = measured[0][1], measured[-1][1]
    parts.append(f'<text x="{_LEFT}" y="{HEIGHT - 8}">{escape(str(first["at"])[:10])}</text>')
    latest = f"{last[key]:.4g}"
    return [*parts, f'<text x="{right}" y="18" text-anchor="end">{latest}</text>']
