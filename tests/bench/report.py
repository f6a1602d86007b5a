"""Turns the runs of a comparison into tables: results.json, results.csv, results.md, summary.md, and the plots."""

import csv
import json
import statistics

import plot

BUSY = 0.9  # of a core: what works so much is what limits
SHARED = 0.1  # of all cores, used by others: a row is worth little then
FIGURES = ("rate", "cpu_us", "server_busy", "others_busy", "load_busy", "bytes_per_connection", "kernel_per_connection",
           "resumed", "load_average")
LATENCIES = ("p50", "p90", "p99", "p999", "max")
NOTES = """*Bound by* says what kept a rate from being higher: the **server**, whose cores were at least 90 % busy; else
**others** when other processes took more than 10 % of the cores (such a row is worth little); else the **load**
generator (compare the CPU time of a message then, not the rate); or the **round trip**: nobody was busy, the
messages were under way. *CPU µs* is the server's CPU time for each message or handshake, user and kernel.
*Server busy* and *load busy* are shares of their cores.

*Echo* is a closed loop: the next message leaves when a reply is complete, so a slow server is sent less, and its
latency is that of the messages in flight over the rate. *Echo at N messages/s* sends at a fixed rate whatever the
server does, and latency counts from when a message was due, so a stall counts for all messages that it kept
waiting; *load late* is how much of that (p99) was the load generator's own. *Handshakes* go from connect() to the
101, then the connection is reset; nginx is a stub that answers a constant 101. A full TLS handshake costs a client
more than a server, so it is often the load that limits; *per CPU second* is what one busy core of the server would
do. *Memory* is the server's anonymous user memory before and with the connections, each of which was still served
at the end; *kernel* is what sockets and slabs grew by on the whole machine, thus for both ends of each connection."""


def figure_of(mode):
    """What a mode is about: the key of the figure, its unit, and whether more is better."""
    if mode == "idle":
        return "bytes_per_connection", "bytes a connection", False
    return "rate", "handshakes/s" if mode == "handshake" else "messages/s", True


def text(value, form="{:,.0f}"):
    return "–" if value is None else form.format(value)


def share(value):
    return text(None if value is None else 100 * value, "{:.0f} %")


def headline(mode, run):
    """One run in a few words, for the terminal."""
    key, unit, _ = figure_of(mode)
    words = f"{text(run.get(key)):>10} {unit}"
    if mode == "paced":
        words += f", p99 {text(run['latency_us']['p99'])} µs"
    elif mode != "idle":
        words += f", CPU {text(run.get('cpu_us'), '{:.2f}')} µs"
    return words + (f", {run['errors']} errors" if run["errors"] else "")


def present(values):
    return [value for value in values if value is not None]


def median(values):
    """Of those that are known; None when none is."""
    known = present(values)
    return statistics.median(known) if known else None


def bound_by(mode, medians):
    """What kept the rate of a closed loop from being higher; "" where that is not asked or not known."""
    if mode not in ("echo", "handshake") or medians["server_busy"] is None:
        return ""
    if medians["server_busy"] >= BUSY:
        return "server"
    if medians["others_busy"] > SHARED:
        return "others"
    return "load" if medians["load_busy"] >= BUSY else "round trip"


def medians_of(mode, runs):
    """The figures of all rounds in one."""
    figure, _, _ = figure_of(mode)
    values = present(run.get(figure) for run in runs)
    medians = {key: median(run.get(key) for run in runs) for key in FIGURES}
    medians.update({key: median(run["latency_us"][key] for run in runs) for key in LATENCIES})
    medians["max"] = max(run["latency_us"]["max"] for run in runs)
    medians["lag_p99"] = median(run["lag_us"]["p99"] for run in runs) if mode == "paced" else None
    medians["low"], medians["high"] = (min(values), max(values)) if values else (None, None)
    medians["errors"] = sum(run["errors"] for run in runs)
    medians["overdue"] = sum(run["overdue"] for run in runs)
    medians["tls_agreed"] = " ".join(present([runs[0]["tls_version"], runs[0]["tls_cipher"]])).strip()
    medians["rounds"] = len(runs)
    medians["bound_by"] = bound_by(mode, medians)
    return medians


def ratio(value, base):
    return value / base if base and value is not None else None


def add_medians(outcome):
    """Adds `medians` to each case: by server, with the ratios to the reference."""
    for case in outcome["cases"]:
        figure, _, _ = figure_of(case["mode"])
        names = [name for name in outcome["servers"] if case["runs"].get(name)]
        case["medians"] = {name: medians_of(case["mode"], case["runs"][name]) for name in names}
        base = case["medians"].get(outcome["reference"], {})
        for medians in case["medians"].values():
            medians["ratio"] = ratio(medians[figure], base.get(figure))
            medians["cpu_ratio"] = ratio(medians["cpu_us"], base.get("cpu_us"))


def latency_columns(medians):
    names = {"p50": "p50 µs", "p90": "p90 µs", "p99": "p99 µs", "p999": "p99.9 µs", "max": "max µs"}
    return {title: text(medians[key]) for key, title in names.items()}


def load_columns(medians):
    return {"CPU µs": text(medians["cpu_us"], "{:.2f}"), "CPU ratio": text(medians["cpu_ratio"], "{:.2f}"),
            "server busy": share(medians["server_busy"]), "load busy": share(medians["load_busy"]),
            "others": share(medians["others_busy"])}


def row_of(case, medians):
    """A row of a case's table: the columns' titles with the cells."""
    mode = case["mode"]
    figure, unit, _ = figure_of(mode)
    row = {unit: text(medians[figure]), "min–max": f"{text(medians['low'])}–{text(medians['high'])}"}
    if mode == "paced":
        row.update(latency_columns(medians))
        row.update(load_columns(medians))
        row.update({"load late µs": text(medians["lag_p99"]), "no reply in time": text(medians["overdue"])})
    elif mode == "idle":
        row.update({"ratio": text(medians["ratio"], "{:.2f}"), "kernel bytes": text(medians["kernel_per_connection"])})
    else:
        row["ratio"] = text(medians["ratio"], "{:.2f}")
        row.update(load_columns(medians))
        row["bound by"] = medians["bound_by"] or "–"
        row.update(latency_columns(medians))
        if mode == "handshake":
            row["per CPU second"] = text(ratio(1e6, medians["cpu_us"]))
        if mode == "handshake" and case["tls"]:
            row["resumed"] = share(medians["resumed"])
    if case["tls"]:
        row["TLS"] = medians["tls_agreed"]
    row["errors"] = text(medians["errors"])
    return row


def table(first, rows):
    """Rows by name, in markdown; `first`: the title of the column of names."""
    titles = list(next(iter(rows.values())))
    lines = ["| " + " | ".join([first, *titles]) + " |", "| --- |" + " ---: |" * len(titles)]
    return lines + ["| " + " | ".join([name, *row.values()]) + " |" for name, row in rows.items()]


def versions(outcome):
    """By server, as far as they are known."""
    return {name: run["version"] for case in outcome["cases"] for name, runs in case["runs"].items() for run in runs
            if run["version"]}


def header(outcome):
    machine = outcome["machine"]
    loads = [run["load_average"] for case in outcome["cases"] for runs in case["runs"].values() for run in runs]
    known = versions(outcome)
    lines = [f"{outcome['date']}, {outcome['minutes']} minutes; {machine['cpu']}, {machine['cores']} cores, Linux "
             f"{machine['kernel']}; commit {machine['commit']}. Servers on cores {outcome['server_cores']}, load on "
             f"cores {outcome['load_cores']}; load average {min(loads):.1f} to {max(loads):.1f}. Medians of up to "
             f"{outcome['rounds']} alternating rounds of {outcome['seconds']:g} s; ratios to {outcome['reference']}.",
             "", f"    {outcome['command']}", ""]
    if outcome["is_cut"]:
        lines += ["**The time limit cut it short**: some cases have fewer rounds, or none.", ""]
    return lines + [f"- {name}: {known.get(name, 'version not known')} (`{command}`)"
                    for name, command in outcome["servers"].items()
            if any(name in case["runs"] for case in outcome["cases"])]


def markdown(outcome):
    lines = ["# Benchmark", "", *header(outcome), "", NOTES]
    for case in outcome["cases"]:
        if case["medians"]:
            rows = {name: row_of(case, medians) for name, medians in case["medians"].items()}
            lines += ["", f"## {case['title']}", "", *table("server", rows)]
        for name, why in case["failures"].items():
            lines += ["", f"{case['title']}: {name} failed: {why}"]
    return "\n".join(lines) + "\n"


def summary_tables(outcome, key, form):
    """One figure of the echo cases: a table for each transport and size, a column for each number of connections."""
    lines = []
    groups = {}
    for case in outcome["cases"]:
        if case["mode"] == "echo" and case["medians"]:
            groups.setdefault((case["tls"], case["size"], case["pipeline"]), []).append(case)
    for (tls, size, pipeline), members in groups.items():
        names = [name for name in outcome["servers"] if any(name in case["medians"] for case in members)]
        rows = {name: {f"{case['connections']:,}": text(case["medians"].get(name, {}).get(key), form)
                       for case in members} for name in names}
        flight = f", {pipeline} in flight" if pipeline > 1 else ""
        lines += ["", *table(f"{'wss' if tls else 'ws'}, {size:,} bytes{flight}", rows)]
    return lines


def summary(outcome):
    """What a README may quote."""
    lines = ["# Summary", "", *header(outcome), "", "## Echo: messages a second, by connections",
             *summary_tables(outcome, "rate", "{:,.0f}"), "", "## Echo: server's CPU µs a message, by connections",
             *summary_tables(outcome, "cpu_us", "{:.2f}")]
    columns = {"paced": ("## Latency at a fixed rate: p50 / p99 / p99.9 µs",
                         lambda m: " / ".join(text(m[key]) for key in ("p50", "p99", "p999"))),
               "idle": ("## User memory of an idle connection, bytes", lambda m: text(m["bytes_per_connection"])),
               "handshake": ("## Handshakes a second / per CPU second of the server",
                             lambda m: f"{text(m['rate'])} / {text(ratio(1e6, m['cpu_us']))}")}
    for mode, (title, cell) in columns.items():
        members = [case for case in outcome["cases"] if case["mode"] == mode and case["medians"]]
        if members:
            names = [name for name in outcome["servers"] if any(name in case["medians"] for case in members)]
            rows = {name: {case["title"].partition(", ")[2] if mode != "paced" else case["title"]:
                           cell(case["medians"][name]) if name in case["medians"] else "–" for case in members}
                    for name in names}
            lines += ["", title, "", *table("server", rows)]
    return "\n".join(lines) + "\n"


def csv_rows(outcome):
    """One row for each case and server."""
    case_keys = ("mode", "tls", "connections", "size", "pipeline", "rate", "resume")
    for case in outcome["cases"]:
        for name, medians in case["medians"].items():
            row = {("target_rate" if key == "rate" else key): case[key] for key in case_keys}
            yield {"server": name, **row, **medians}


def write(outcome, folder):
    """Writes all files of the report into the folder."""
    add_medians(outcome)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(outcome), encoding="utf-8")
    (folder / "summary.md").write_text(summary(outcome), encoding="utf-8")
    rows = list(csv_rows(outcome))
    with open(folder / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for name, drawing in plot.drawings(outcome).items():
        (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
