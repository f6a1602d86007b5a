"""Draws the medians of a comparison as SVG: bars with a whisker from the smallest to the largest round, and curves of
latency over percentiles."""

import math
from html import escape

COLOURS = ("#2f6f9f", "#c8743c", "#5b8c5a", "#8a6bab", "#a8484d", "#6b7680")
BAR_HEIGHT = 18
BAR_WIDTH = 420
LABEL_WIDTH = 110
TITLE_HEIGHT = 30
GROUP_GAP = 10
MARGIN = 10
VALUE_WIDTH = 110  # for the number beside the longest bar
CURVE_HEIGHT = 200
PERCENTILES = (("p50", "50 %"), ("p90", "90 %"), ("p99", "99 %"), ("p999", "99.9 %"), ("max", "max"))
STYLE = ("text { font: 12px sans-serif; } .title { font-weight: bold; } .name { text-anchor: end; } "
         ".mark { text-anchor: middle; } .axis { stroke: #ccc; } .whisker { stroke: #222; } "
         ".curve { fill: none; stroke-width: 2; }")


def drawings(outcome):
    """The plots by name; those with nothing to show are left out."""
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(outcome["servers"])}
    cases = [case for case in outcome["cases"] if case["medians"]]
    plans = {
        "echo-rate": ("echo", "rate", "messages/s", "{:,.0f}"),
        "echo-cpu": ("echo", "cpu_us", "server CPU µs a message (less is better)", "{:.2f}"),
        "idle-memory": ("idle", "bytes_per_connection", "bytes a connection (less is better)", "{:,.0f}"),
        "handshake-rate": ("handshake", "rate", "handshakes/s", "{:,.0f}"),
    }
    found = {}
    for file, (mode, key, unit, form) in plans.items():
        groups = [(f"{case['title']} – {unit}", bars_of(case, key)) for case in cases if case["mode"] == mode]
        groups = [(title, bars) for title, bars in groups if bars]
        if groups:
            found[file] = bar_chart(groups, form, colours)
    paced = [case for case in cases if case["mode"] == "paced"]
    if paced:
        found["paced-latency"] = curve_chart(paced, colours)
    return found


def bars_of(case, key):
    """(name, value, low, high) of each server that has the figure."""
    figure = "bytes_per_connection" if case["mode"] == "idle" else "rate"
    bars = []
    for name, medians in case["medians"].items():
        if medians[key] is not None:
            low, high = (medians["low"], medians["high"]) if key == figure else (None, None)
            bars.append((name, medians[key], low, high))
    return bars


def document(width, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>{STYLE}</style>", f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>"]) + "\n"


def bar_chart(groups, form, colours):
    """Groups of horizontal bars, each group with a scale of its own."""
    parts, y = [], 0
    for title, bars in groups:
        parts.append(f'<text x="{MARGIN}" y="{y + 20}" class="title">{escape(title)}</text>')
        y += TITLE_HEIGHT
        largest = max(max(value, high or 0) for _, value, _, high in bars)
        scale = BAR_WIDTH / largest if largest > 0 else 0
        for name, value, low, high in bars:
            width = max(1, scale * value)
            end = max(width, scale * (high or 0))
            parts.append(f'<text x="{LABEL_WIDTH - 6}" y="{y + 13}" class="name">{escape(name)}</text>')
            parts.append(f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT - 4}" '
                         f'fill="{colours[name]}"/>')
            if low is not None and high > low:
                middle = y + (BAR_HEIGHT - 4) / 2
                parts.append(f'<line x1="{LABEL_WIDTH + scale * low:.1f}" y1="{middle}" '
                             f'x2="{LABEL_WIDTH + scale * high:.1f}" y2="{middle}" class="whisker"/>')
            parts.append(f'<text x="{LABEL_WIDTH + end + 6:.1f}" y="{y + 12}">{form.format(value)}</text>')
            y += BAR_HEIGHT
        y += GROUP_GAP
    return document(LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, y + MARGIN, parts)


def curve_chart(cases, colours):
    """Latency over percentiles on a logarithmic scale, one panel a case."""
    parts, y = [], 0
    for case in cases:
        parts.append(f'<text x="{MARGIN}" y="{y + 20}" class="title">{escape(case["title"])} – latency, µs</text>')
        parts += panel(case["medians"], y + TITLE_HEIGHT, colours)
        y += TITLE_HEIGHT + CURVE_HEIGHT + TITLE_HEIGHT + GROUP_GAP
    return document(LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, y, parts)


def panel(medians, top, colours):
    """The axes, the curves and, beside their ends, the names, which are moved apart."""
    values = [max(1, row[key]) for row in medians.values() for key, _ in PERCENTILES]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    step = BAR_WIDTH / (len(PERCENTILES) - 1)

    def height_of(value):
        return top + CURVE_HEIGHT * (high - math.log10(max(1, value))) / (high - low)

    parts = []
    for power in range(low, high + 1):
        y = height_of(10 ** power)
        parts.append(f'<line x1="{LABEL_WIDTH}" y1="{y:.1f}" x2="{LABEL_WIDTH + BAR_WIDTH}" y2="{y:.1f}" '
                     'class="axis"/>')
        parts.append(f'<text x="{LABEL_WIDTH - 6}" y="{y + 4:.1f}" class="name">{10 ** power:,}</text>')
    for i, (_, label) in enumerate(PERCENTILES):
        x = LABEL_WIDTH + i * step
        parts.append(f'<text x="{x:.1f}" y="{top + CURVE_HEIGHT + 18}" class="mark">{label}</text>')
    label_y = top - BAR_HEIGHT
    for name, row in sorted(medians.items(), key=lambda item: -item[1]["max"]):
        points = " ".join(f"{LABEL_WIDTH + i * step:.1f},{height_of(row[key]):.1f}"
                          for i, (key, _) in enumerate(PERCENTILES))
        parts.append(f'<polyline points="{points}" class="curve" stroke="{colours[name]}"/>')
        label_y = max(label_y + BAR_HEIGHT - 4, height_of(row["max"]) + 4)
        parts.append(f'<text x="{LABEL_WIDTH + BAR_WIDTH + 6}" y="{label_y:.1f}" fill="{colours[name]}">'
                     f"{escape(name)}</text>")
    return parts
