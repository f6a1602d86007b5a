"""Turns the runs of a comparison into results.json, results.md and results.svg."""

import json
import statistics
from html import escape

BAR_HEIGHT = 18
BAR_WIDTH = 420
LABEL_WIDTH = 110
TITLE_HEIGHT = 30
NOTES = """*Server busy* is the server's CPU time over that of its cores: near 100 % the server is what limits. *Load
busy* is wsload's, in cores; where it is the higher one, compare the server's CPU time of each message instead of the
rate. *Others* is what neither of them took of the cores of both: where it is not near 0, the machine was shared and the
row is worth little. The load is a closed loop: a slow server is sent less, and its latency is that of the number of
messages in flight over its rate. Memory is the server's anonymous user memory; socket buffers in the kernel are not in
it."""
COLOURS = ("#2f6f9f", "#c8743c", "#5b8c5a", "#8a6bab", "#a8484d", "#6b7680")


def median(runs, *path):
    """The median over rounds of a figure, or None where it was not measured."""
    values = []
    for run in runs:
        value = run
        for key in path:
            value = value.get(key) if value is not None else None
        if value is not None:
            values.append(value)
    return statistics.median(values) if values else None


def text(value, form="{:,.0f}"):
    return "–" if value is None else form.format(value)


def share(value):
    return text(None if value is None else 100 * value, "{:.0f} %")


def figure_of(mode):
    """What a mode is about: the key of the figure, its unit, and whether more is better."""
    if mode == "idle":
        return "bytes_per_connection", "bytes a connection", False
    return "rate", "messages/s" if mode == "echo" else "handshakes/s", True


def headline(mode, run):
    key, unit, _ = figure_of(mode)
    return f"{text(run.get(key)):>12} {unit}"


def add_medians(outcome):
    for case in outcome["cases"]:
        figure, _, _ = figure_of(case["mode"])
        case["medians"] = {}
        for name, runs in case["runs"].items():
            medians = {key: median(runs, key) for key in ("rate", "cpu_us", "server_busy", "others_busy", "load_busy",
                                                          "bytes_per_connection", "resumed")}
            medians.update({key: median(runs, "latency_us", key) for key in ("p50", "p99", "p999")})
            medians["errors"] = sum(run["errors"] for run in runs)
            values = [run[figure] for run in runs if run.get(figure) is not None]
            medians["spread"] = (max(values) - min(values)) / medians[figure] if medians[figure] else None
            case["medians"][name] = medians
        base = case["medians"].get(outcome["baseline"], {}).get(figure)
        for medians in case["medians"].values():
            value = medians[figure]
            medians["ratio"] = value / base if base and value is not None else None


def case_table(case):
    """The rows of one case, in markdown."""
    figure, unit, _ = figure_of(case["mode"])
    columns = ["server", unit, "spread", "ratio", "p50 µs", "p99 µs", "p99.9 µs"]
    if case["mode"] == "idle":
        columns += ["errors"]
    else:
        columns += ["server CPU µs each", "server busy", "load busy", "others", "errors"]
    if case["resume"]:
        columns += ["resumed"]
    rows = []
    for name, medians in case["medians"].items():
        row = [name, text(medians[figure]), share(medians["spread"]), text(medians["ratio"], "{:.2f}"),
               text(medians["p50"]), text(medians["p99"]), text(medians["p999"])]
        if case["mode"] != "idle":
            row += [text(medians["cpu_us"], "{:.2f}"), share(medians["server_busy"]), share(medians["load_busy"]),
                    share(medians["others_busy"])]
        row += [text(medians["errors"])]
        if case["resume"]:
            row += [share(medians["resumed"])]
        rows.append(row)
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown(outcome):
    machine = outcome["machine"]
    versions = {name: runs[0]["version"] for case in outcome["cases"] for name, runs in case["runs"].items()}
    lines = ["# Benchmark", "",
             f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; commit {machine['commit']}. "
             f"Servers on cores {outcome['server_cores']}, load on cores {outcome['load_cores']}. "
             f"Medians of {outcome['rounds']} rounds of {outcome['seconds']:g} s; ratio to {outcome['baseline']}; "
             "spread: largest less smallest round, over the median.", "", NOTES, ""]
    lines += [f"- {name}: {version}" for name, version in versions.items() if version]
    for case in outcome["cases"]:
        if case["medians"]:
            lines += ["", f"## {case['title']}", ""] + case_table(case)
    return "\n".join(lines) + "\n"


def case_bars(case, top, colours):
    """One group of bars; returns the elements and the height."""
    figure, unit, more_is_better = figure_of(case["mode"])
    values = {name: medians[figure] for name, medians in case["medians"].items() if medians[figure] is not None}
    largest = max(values.values(), default=0)
    hint = "" if more_is_better else " (less is better)"
    parts = [f'<text x="10" y="{top + 20}" class="title">{escape(case["title"])} – {unit}{hint}</text>']
    y = top + TITLE_HEIGHT
    for name, value in values.items():
        width = max(1, BAR_WIDTH * max(0, value) / largest) if largest > 0 else 1
        parts.append(f'<text x="{LABEL_WIDTH - 6}" y="{y + 13}" class="name">{escape(name)}</text>')
        parts.append(f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT - 4}" '
                     f'fill="{colours[name]}"/>')
        parts.append(f'<text x="{LABEL_WIDTH + width + 6:.1f}" y="{y + 12}">{text(value)}</text>')
        y += BAR_HEIGHT
    return parts, y - top


def svg(outcome):
    names = list(dict.fromkeys(name for case in outcome["cases"] for name in case["medians"]))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    parts, top = [], 0
    for case in outcome["cases"]:
        if case["medians"]:
            elements, height = case_bars(case, top, colours)
            parts += elements
            top += height + 10
    width = LABEL_WIDTH + BAR_WIDTH + 110
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + 10}" '
        f'viewBox="0 0 {width} {top + 10}">',
        "<style>text { font: 12px sans-serif; } .title { font-weight: bold; } .name { text-anchor: end; }</style>",
        f'<rect width="{width}" height="{top + 10}" fill="white"/>', *parts, "</svg>"]) + "\n"


def write(outcome, folder):
    add_medians(outcome)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(outcome), encoding="utf-8")
    (folder / "results.svg").write_text(svg(outcome), encoding="utf-8")
