"""What the kernel tells about processes, cores and the machine."""

import os
import platform
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PPID, UTIME, CSTIME = 1, 11, 14  # fields of /proc/PID/stat behind the name


def _stat_fields(pid):
    """The fields behind the process name, which may hold anything; None when the process has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def process_tree(root):
    """A process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat_fields(entry)
            if fields:
                children.setdefault(int(fields[PPID]), []).append(int(entry))
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, []))
    return tree


def cpu_seconds(pids):
    """User and system time of processes, with those of their children that have ended."""
    ticks = 0
    for pid in pids:
        fields = _stat_fields(pid)
        if fields:
            ticks += sum(int(field) for field in fields[UTIME:CSTIME + 1])
    return ticks / TICKS


def anonymous_bytes(pids):
    """User memory: anonymous pages, shared ones by their share. Kernel memory such as socket buffers is not in it."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                total += int(line.split()[1]) * 1024
    return total


def kernel_bytes():
    """What the kernel holds for sockets and in its slabs, of all processes: only differences tell something."""
    total = 0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            total += int(line.split()[1]) * 1024
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        name, *words = line.split()
        if name == "TCP:":
            total += int(words[words.index("mem") + 1]) * PAGE
    return total


def busy_seconds(cores):
    """How long cores were not idle, whoever used them."""
    names = {f"cpu{core}" for core in cores}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in names:
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks / TICKS


def describe(root):
    """The machine and the version measured, for the report."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    commit = subprocess.run(["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            check=False).stdout.strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "commit": commit or "unknown",
    }
