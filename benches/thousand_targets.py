#!/usr/bin/env python3
"""What scraping a fleet costs: memory of the process's own, CPU seconds, missed scrapes.

  thousand_targets.py TSBENCH narthex=PATH [prometheus=PATH ...] [--targets 1000] [--seconds 600]

TSBENCH is the built `tsbench`: its `expose` serves the targets, 500 series each, at 10 s. The servers run one after the
other, each with a new store. Memory is what /proc says of anonymous pages, since mapped files can be dropped at any time:
the highest of every second, and the last. A scrape is missed where `up` is 0, or where a target has fewer samples of `up`
than the time has intervals. The CPU's share of the first 20 s is shown apart: there every series is met for the first time.
Standard library only; Linux."""
import argparse, json, os, pathlib, signal, socket, subprocess, tempfile, time, urllib.parse, urllib.request

INTERVAL = 10


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def anonymous(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(port, query):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=120) as answer:
        found = json.load(answer)["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()


def watch(pid, seconds):
    """Highest and last anonymous bytes, and CPU seconds after 20 s and at the end."""
    began, peak, early = time.monotonic(), 0, None
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(1)
        peak = max(peak, anonymous(pid))
        if early is None and passed >= 20:
            early = cpu_seconds(pid)
    return peak, anonymous(pid), early or 0.0, cpu_seconds(pid)


def measure(tsbench, name, binary, targets, seconds):
    with tempfile.TemporaryDirectory() as folder:
        config, port = pathlib.Path(folder, "prometheus.yml"), free_port()
        fleet = [tsbench, "expose", f"--listen=127.0.0.1:{free_port()}", f"--instances={targets}"]
        fleet = subprocess.Popen([*fleet, f"--config={config}", f"--interval={INTERVAL}s"], stderr=subprocess.DEVNULL)
        processes = [fleet]
        try:
            while not config.exists() or config.stat().st_size == 0:
                time.sleep(0.2)
            time.sleep(2)
            flags = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
            with open(f"{folder}/log", "w") as log:
                server = subprocess.Popen([binary, *flags, f"--web.listen-address=127.0.0.1:{port}"], stderr=log)
            processes.insert(0, server)
            peak, rest, early, cpu = watch(server.pid, seconds)
            scrapes = f"up[{seconds}s]"
            failed = ask(port, f"sum(count_over_time({scrapes}) - sum_over_time({scrapes}))")
            due = seconds // INTERVAL - 1  # the first of each target falls anywhere within the first interval
            late = ask(port, f"sum(clamp_min({due} - count_over_time({scrapes}), 0))")
            series = ask(port, "count({job='fleet'})")
        finally:
            for process in processes:
                stop(process)
    print(
        f"{name:12} {series:9.0f} series  peak {peak / 1e6:7.1f} MB  rest {rest / 1e6:7.1f} MB  "
        f"CPU {cpu:6.1f} s (first 20 s: {early:.1f})  missed {failed + late:.0f}",
        flush=True,
    )
    return peak, rest, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tsbench")
    parser.add_argument("servers", nargs="+", metavar="NAME=PATH")
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    results = []
    for server in given.servers:
        name, _, binary = server.partition("=")
        results.append((name, measure(given.tsbench, name, binary, given.targets, given.seconds)))
    first, figures = results[0]
    for name, others in results[1:]:
        peak, rest, cpu = (a / b for a, b in zip(figures, others))
        print(f"{first} / {name}: peak {peak:.3f}, rest {rest:.3f}, CPU {cpu:.3f}")


main()
