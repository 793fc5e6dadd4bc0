#!/usr/bin/env python3
"""How cost grows with series and with history.

  growth.py TSBENCH NARTHEX [--cases 20x1,200x1,2000x1,...] [--interval 15]

TSBENCH is the built `tsbench`: its fleet has 514 series an instance. A case is INSTANCESxHOURS. Each starts a server on an
empty folder, writes the fleet's history, lets it settle, then asks as a dashboard would (the least of five times each, no
answer from the cache of results), ends the server with SIGKILL and starts it again. Memory is what /proc says of anonymous
pages. Prints one row a case.
Standard library only; Linux."""
import argparse, json, os, pathlib, socket, subprocess, tempfile, threading, time, urllib.parse, urllib.request

# Name, expression, and whether it is asked over the whole history at 360 steps; else at its end.
QUERIES = [
    ("up of one", 'up{instance="10.0.0.7:9100"}', False),
    ("one graph", 'node_load1{instance="10.0.0.7:9100"}', True),
    ("sum now", "sum by (mode) (rate(node_cpu_seconds_total[5m]))", False),
    ("sum", "sum by (mode) (rate(node_cpu_seconds_total[5m]))", True),
    ("quantile", "histogram_quantile(0.99, sum by (le) (rate(hubble_http_request_duration_seconds_bucket[5m])))", True),
    ("names", "count by (__name__) ({job=\"fleet\"})", False),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def anonymous(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def get(port, path, **parameters):
    url = f"http://127.0.0.1:{port}{path}" + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
    with urllib.request.urlopen(url, timeout=600) as answer:
        return answer.read()


class Server:
    def __init__(self, binary, folder):
        config = folder / "prometheus.yml"
        config.write_text("global: {}\n")
        self.words = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                      "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y", "--query.cache-bytes=0"]
        self.start()

    def start(self):
        self.port, began = free_port(), time.monotonic()
        self.process = subprocess.Popen([*map(str, self.words), f"--web.listen-address=127.0.0.1:{self.port}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                get(self.port, "/-/ready")
                return time.monotonic() - began
            except OSError:
                if self.process.poll() is not None or time.monotonic() - began > 300:
                    raise SystemExit(f"{self.words[0]} did not become ready")
                time.sleep(0.005)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def settle(self):
        """Until a second passes without work, as merges go on behind."""
        while True:
            before = cpu_seconds(self.process.pid)
            time.sleep(2)
            if cpu_seconds(self.process.pid) - before < 0.05:
                return


def timed(server, expression, at, span):
    least = float("inf")
    for _ in range(5):
        began = time.monotonic()
        if span:
            get(server.port, "/api/v1/query_range", query=expression, start=at - span, end=at, step=max(15, span // 360))
        else:
            get(server.port, "/api/v1/query", query=expression, time=at)
        least = min(least, time.monotonic() - began)
    return least * 1000


def measure(a, folder, instances, hours):
    server = Server(a.narthex, folder)
    peak = [0]

    def watch(pid):
        try:
            while True:
                peak[0] = max(peak[0], anonymous(pid))
                time.sleep(0.1)
        except OSError:
            pass

    threading.Thread(target=watch, args=(server.process.pid,), daemon=True).start()
    end = int(time.time()) // 60 * 60
    load = subprocess.run([a.tsbench, "write", "--url", f"http://127.0.0.1:{server.port}/api/v1/write", "--instances",
                           str(instances), "--span", str(hours * 3600), "--interval", str(a.interval), "--end", str(end),
                           "--connections", "2"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    load = json.loads(load.stdout)
    spent, series, samples = cpu_seconds(server.process.pid), load["series"], load["samples"]
    server.settle()
    rest = anonymous(server.process.pid)
    disk = sum(f.stat().st_size for f in (folder / "data").rglob("*") if f.is_file())
    # Off the grid of samples, so that windows hold the same samples whether they are open or closed.
    times = [timed(server, text, end - a.interval + 7, hours * 3600 if whole else 0) for _, text, whole in QUERIES]
    server.kill()
    ready = server.start()
    server.kill()
    return [f"{series:,}", f"{hours} h", f"{samples / 1e6:.0f} M", f"{spent / samples * 1e6:.2f}", f"{rest / series:.0f}",
            f"{peak[0] / series:.0f}", f"{disk / samples:.3f}", f"{ready:.2f}", *(f"{t:.1f}" for t in times)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tsbench")
    p.add_argument("narthex")
    p.add_argument("--cases", default="20x1,200x1,2000x1,20x6,200x6,20x24,200x24")
    p.add_argument("--interval", type=int, default=15)
    a = p.parse_args()
    heads = ["series", "history", "samples", "us of CPU a sample", "B a series at rest", "at most", "B a sample on disk",
             "ready again s", *(f"{name} ms" for name, *_ in QUERIES)]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    for case in a.cases.split(","):
        instances, hours = map(int, case.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            row = measure(a, pathlib.Path(folder), instances, hours)
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
