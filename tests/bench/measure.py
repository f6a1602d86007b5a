"""One measurement: a server on its cores, wsload on others, and what the kernel counted meanwhile."""

import json
import os
import subprocess
import threading
import time

import servers
import system

RUN_TIMEOUT_S = 60  # of one run, on top of its seconds; opening connections is most of it
OPEN_TIMEOUT_S = 40
PROBE_S = 0.1
MANY_CONNECTIONS = 5000  # from here on the load comes from several addresses, as one has ports for 28,000
SOURCE_ADDRESSES = 4


class Bench:
    """Runs single measurements; `folder` is a temporary one."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.cores = sorted({*arguments.server_cores, *arguments.load_cores})
        self.certificate, self.key = servers.make_certificate(folder)

    def load_command(self, case, url):
        arguments = self.arguments
        sources = arguments.source_addresses or (SOURCE_ADDRESSES if case.connections >= MANY_CONNECTIONS else 0)
        return [str(arguments.wsload), "--json", "--url", url, *case.load_options(),
                "--threads", str(arguments.threads or len(arguments.load_cores)),
                "--seconds", str(arguments.seconds), "--warmup", str(arguments.warmup),
                "--open-timeout", str(OPEN_TIMEOUT_S), "--source-addresses", str(sources)]

    def _start_load(self, command):
        cores = self.arguments.load_cores
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def _probe(self, url, case):
        """Once there and back: the server works, and what it allocates once is allocated."""
        mode = ["handshake", "--reset"] if case.mode == "handshake" else ["idle"]
        command = [str(self.arguments.wsload), "--url", url, "--seconds", str(PROBE_S), "--mode", *mode]
        process = self._start_load(command)
        try:
            output, errors = process.communicate(timeout=RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise servers.Unavailable(f"no answer from {url}") from error
        if process.returncode != 0:
            last_line = (errors or output).strip().rpartition("\n")[2]
            raise servers.Unavailable(f"no answer from {url}: {last_line}")

    def _snapshot(self, pids):
        return {"time": time.monotonic(), "server": system.cpu_seconds(pids), "cores": system.busy_seconds(self.cores)}

    def _follow(self, process, pids):
        """Reads what the load prints and the server's state at each phase. Returns the events by name."""
        events = {}
        for line in process.stdout:
            event = json.loads(line)
            name = event["event"]
            if name != "result":
                event.update(self._snapshot(pids))
                if name == "measured" and pids:
                    event["memory"] = system.anonymous_bytes(pids)
                    event["kernel_memory"] = system.kernel_bytes()
            events[name] = event
        return events

    def measure(self, peer, case):
        """Starts the peer, loads it, stops it. Returns the figures; raises servers.Unavailable."""
        arguments = self.arguments
        settings = servers.Settings(arguments.server_cores, case.tls, self.folder, self.certificate, self.key)
        load_average = os.getloadavg()[0]
        with servers.running(peer, settings) as server:
            self._probe(server.url, case)
            pids = server.pids()
            before = (system.anonymous_bytes(pids), system.kernel_bytes()) if pids else None
            process = self._start_load(self.load_command(case, server.url))
            watchdog = threading.Timer(RUN_TIMEOUT_S + arguments.seconds + arguments.warmup, process.kill)
            watchdog.start()
            try:
                events = self._follow(process, pids)
                errors = process.stderr.read()
            finally:
                watchdog.cancel()
                process.kill()
                process.wait()
            version = server.read_version()
        if "result" not in events:
            raise servers.Unavailable(f"{peer.name}: the load failed: {errors.strip() or 'it took too long'}")
        run = summarize(events, before, len(arguments.server_cores), len(arguments.load_cores), len(self.cores))
        return {"version": version, "load_average": load_average, **run}


def summarize(events, before, server_cores, load_cores, cores):
    """The figures of one run; `before`: user and kernel memory before it, or None when the process is not known."""
    first, last, result = events["measuring"], events["measured"], events["result"]
    wall = last["time"] - first["time"]
    load_used = result["load_cpu_seconds"] / result["seconds"] if result["seconds"] else 0
    run = {key: result[key] for key in ("rate", "latency_us", "lag_us", "open", "overdue", "tls_version", "tls_cipher")}
    run["errors"] = sum(result["errors"].values()) + result["silent"]
    run["load_busy"] = load_used / load_cores
    if before is not None:
        used = (last["server"] - first["server"]) / wall
        run["server_busy"] = used / server_cores
        run["others_busy"] = max(0, (last["cores"] - first["cores"]) / wall - used - load_used) / cores
        run["cpu_us"] = used / result["rate"] * 1e6 if result["rate"] else None
        if result["mode"] == "idle" and last["open"]:
            run["bytes_per_connection"] = (last["memory"] - before[0]) / last["open"]
            run["kernel_per_connection"] = (last["kernel_memory"] - before[1]) / last["open"]
    if result["mode"] == "handshake" and result["handshakes"]:
        run["resumed"] = result["resumed"] / result["handshakes"]
    return run
