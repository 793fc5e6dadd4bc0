#!/usr/bin/env python3
"""Scrape the same real targets with narthex and with Prometheus, and compare what both answer.

usage: side_by_side.py --narthex target/release/narthex [--prometheus prometheus] [--node-exporter prometheus-node-exporter]
                       [--seconds 180] [--port 19600]

Starts a node_exporter and a Prometheus that scrapes nothing as targets, then narthex and a Prometheus that scrape
both every second. After the given time both are asked the same queries at the same moment. Label sets must be equal;
values must be equal where the target's value does not move between two scrapes, and within scrape jitter for rates.
Needs only Python's standard library and Debian's packages prometheus and prometheus-node-exporter.
Only processes started here are stopped. Exit status 1 when an answer differs."""
import argparse, json, pathlib, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

# Query, and how far values may lie apart (relative); None compares label sets only.
QUERIES = [
    ("count by (job) (up)", 0.0),
    ("sum by (mode) (rate(node_cpu_seconds_total[1m]))", 0.25),
    ("topk(3, node_filesystem_size_bytes)", 0.0),
    ('sort_desc(count by (__name__, job) ({job!="", __name__!~"scrape_.*|prometheus_.*|go_.*|narthex_.*|process_.*"}))', 0.0),
    # No matcher that refuses the empty text: an error, and the same one.
    ('sort_desc(count by (__name__, job) ({__name__!~"scrape_.*|prometheus_.*|go_.*|narthex_.*|process_.*"}))', 0.0),
]


def ask(port, query, at):
    form = urllib.parse.urlencode({"query": query, "time": at}).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query", form, timeout=30) as answer:
            result = json.loads(answer.read())["data"]["result"]
    except urllib.error.HTTPError as error:
        return {f"{error.code} {json.loads(error.read())['error']}": 0.0}
    return {json.dumps(r["metric"], sort_keys=True): float(r["value"][1]) for r in result}


def wait_ready(port, limit=30):
    until = time.monotonic() + limit
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing is ready on port {port}")


def compare(query, tolerance, ours, theirs):
    """Differences between the two answers, as lines."""
    lines = [f"only narthex has {k}" for k in ours.keys() - theirs.keys()]
    lines += [f"only Prometheus has {k}" for k in theirs.keys() - ours.keys()]
    for key in sorted(ours.keys() & theirs.keys()):
        a, b = ours[key], theirs[key]
        if abs(a - b) > tolerance * max(abs(a), abs(b), 0.02):
            lines.append(f"{key}: narthex {a}, Prometheus {b}")
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--narthex", required=True)
    parser.add_argument("--prometheus", default="prometheus")
    parser.add_argument("--node-exporter", default="prometheus-node-exporter")
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--port", type=int, default=19600)
    args = parser.parse_args()
    node, target, ours, theirs = (args.port + i for i in range(4))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="side-by-side-"))
    (folder / "empty.yml").write_text("global: {scrape_interval: 1h}\n")
    (folder / "scrape.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: node, static_configs: [{{targets: ['127.0.0.1:{node}']}}]}}\n"
        f"  - {{job_name: prometheus, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n")
    started = []

    def start(name, *command):
        log = open(folder / f"{name}.log", "wb")
        started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder))

    def server(name, binary, config, port):
        start(name, binary, f"--config.file={folder / config}", f"--storage.tsdb.path={folder / name}",
              f"--web.listen-address=127.0.0.1:{port}")

    try:
        start("node", args.node_exporter, f"--web.listen-address=127.0.0.1:{node}")
        server("target", args.prometheus, "empty.yml", target)
        server("narthex", str(pathlib.Path(args.narthex).resolve()), "scrape.yml", ours)
        server("prometheus", args.prometheus, "scrape.yml", theirs)
        for port in (target, ours, theirs):
            wait_ready(port)
        print(f"scraping for {args.seconds} s; logs in {folder}", flush=True)
        time.sleep(args.seconds)
        at = f"{time.time() - 2:.3f}"
        failed = 0
        for query, tolerance in QUERIES:
            a, b = ask(ours, query, at), ask(theirs, query, at)
            lines = compare(query, tolerance, a, b)
            if not a:
                lines.append("narthex answered nothing")
            failed += bool(lines)
            print(f"{'DIFFERS' if lines else 'equal  '} {len(a):5} series  {query}")
            for line in lines[:10]:
                print(f"        {line}")
        print(f"{len(QUERIES) - failed} passed, {failed} failed")
        return 1 if failed else 0
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


sys.exit(main())
