#!/usr/bin/python3
"""What checking a message costs, beside what parsing it costs, and beside npm's ajv in the same run.

    tests/bench/validate.py [--bench FILE] [--node-modules DIR] [--rounds N] [--seconds S] [--output DIR]

Both sides are measured in turns, one case after the other, in processor time; figures are the medians of the rounds.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import validate_cases

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OURS = ("bounds", "check", "parse", "parse_and_free", "whole")
AJVS = ("parse", "check", "whole")


class Worker:
    """A process that measures the case that it is told, when it is told."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | (environment or {}))

    def measure(self, index, milliseconds):
        self.process.stdin.write(f"{index} {milliseconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def parse_arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, default=ROOT / "build/bin/validate_bench", metavar="FILE")
    parser.add_argument("--node-modules", type=Path, metavar="DIR",
                        help="in whose node_modules ajv and ajv-formats are; without it, ajv is left out")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of one side, one case, one round")
    parser.add_argument("--only", metavar="CASE", help="this case alone")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench", metavar="DIR")
    arguments = parser.parse_args(words)
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds are more than 0")
    return arguments


def start_workers(arguments, rows):
    arguments.output.mkdir(parents=True, exist_ok=True)
    cases = arguments.output / "validate-cases.json"
    cases.write_text(json.dumps(rows))
    workers = {"portcullis": Worker([str(arguments.bench), str(cases)])}
    if arguments.node_modules:
        workers["ajv"] = Worker(["node", str(HERE / "peers/ajv_check.mjs"), str(cases)],
                                {"MODULES": str(arguments.node_modules)})
    return workers


def measure_all(arguments, rows, workers):
    """Nanoseconds by (side, case, piece), a list of one each round."""
    figures = {}
    for round_number in range(arguments.rounds):
        for index, row in enumerate(rows):
            sides = list(workers.items())
            for side, worker in sides if round_number % 2 == 0 else reversed(sides):
                for piece, took in worker.measure(index, arguments.seconds * 1000).items():
                    figures.setdefault((side, row["name"], piece), []).append(took)
    return figures


def medians_of(figures):
    return {key: statistics.median(values) for key, values in figures.items()}


def print_tables(rows, medians, sides):
    print("| case | bytes | bounds | check | together | json_loadb | ratio | and freed | ratio | all of it |")
    print("| --- |" + " ---: |" * 9)
    for row in rows:
        bounds, check, parse, freed, whole = (medians["portcullis", row["name"], piece] for piece in OURS)
        ours = bounds + check
        size = len(row["text"].encode())
        print(f"| {row['name']} | {size:,} | {bounds:,.0f} | {check:,.0f} | {ours:,.0f} | {parse:,.0f} | {ours / parse:.2f} | "
              f"{freed:,.0f} | {ours / freed:.2f} | {whole:,.0f} |")
    if "ajv" in sides:
        print("\n| case | ajv: JSON.parse | check | all of it | against ours: check | all of it |")
        print("| --- |" + " ---: |" * 5)
        for row in rows:
            parse, check, whole = (medians["ajv", row["name"], piece] for piece in AJVS)
            print(f"| {row['name']} | {parse:,.0f} | {check:,.0f} | {whole:,.0f} | "
                  f"{check / medians['portcullis', row['name'], 'check']:.2f} | "
                  f"{whole / medians['portcullis', row['name'], 'whole']:.2f} |")


def write_csv(path, figures):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["side", "case", "piece", "median_ns", "least_ns", "most_ns", "rounds"])
        for (side, case, piece), values in figures.items():
            writer.writerow([side, case, piece, f"{statistics.median(values):.1f}", f"{min(values):.1f}",
                             f"{max(values):.1f}", len(values)])


def main():
    arguments = parse_arguments()
    rows = [row for row in validate_cases.make_rows() if arguments.only in (None, row["name"])]
    workers = start_workers(arguments, rows)
    figures = measure_all(arguments, rows, workers)
    for worker in workers.values():
        worker.close()
    print_tables(rows, medians_of(figures), workers)
    write_csv(arguments.output / "validate.csv", figures)


if __name__ == "__main__":
    main()
