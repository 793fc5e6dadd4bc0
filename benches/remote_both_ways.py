#!/usr/bin/env python3
"""Remote write and read, both ways, with Debian's Prometheus and VictoriaMetrics, through kills and an outage.

usage: remote_both_ways.py --narthex target/release/narthex [--prometheus prometheus]
                           [--victoria-metrics victoria-metrics] [--port 21300] [--message prometheus.WriteRequest]

In: a Prometheus scrapes itself every second and remote-writes into narthex; another one with an empty store reads
them back from narthex by remote_read. Both are asked the same: the same series and the same counts.
Out: narthex is pushed an hour of data with times of its own and remote-writes it to a Prometheus and a
VictoriaMetrics. For half of that hour both are away and narthex is killed (SIGKILL); in the rest Prometheus is killed
and started again five times, VictoriaMetrics is stopped (SIGTERM) and started again, and narthex is killed once more.
At the end every sample is at both ends exactly once.
VictoriaMetrics keeps what it gets twice unless told otherwise, so it runs with -dedup.minScrapeInterval=1ms: delivery
is at least once over a kill. Needs only Python's standard library and Debian's packages prometheus and
victoria-metrics. Only processes started here are stopped. Exit status 1 when a check fails."""
import argparse, json, pathlib, shutil, signal, struct, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

SERIES = 40
STEP = 15
# Scrapes before the outage, in it, and after it: ten, thirty and twenty minutes of data.
BEFORE, OUTAGE, AFTER = 40, 120, 80


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def message(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


def snappy(plain):
    """The block form, without compressing."""
    out = varint(len(plain))
    for at in range(0, len(plain), 65536):
        part = plain[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return out


def write_request(time_ms, number):
    out = b""
    for i in range(SERIES):
        labels = {"__name__": f"shows_{i % 4}", "instance": f"i{i}", "job": "shows"}
        pairs = b"".join(message(1, message(1, k.encode()) + message(2, v.encode())) for k, v in sorted(labels.items()))
        sample = b"\x09" + struct.pack("<d", number * 1.25 + i) + b"\x10" + varint(time_ms)
        out += message(1, pairs + message(2, sample))
    return snappy(out)


class Server:
    """A process that can be killed and started again; it answers on a port."""

    def __init__(self, folder, name, port, command, ready):
        self.name, self.port, self.command, self.ready = name, port, command, ready
        self.folder, self.process, self.starts = folder, None, 0

    def start(self):
        self.starts += 1
        log = open(self.folder / f"{self.name}.{self.starts}.log", "wb")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.ready}", timeout=5) as answer:
                    answer.read()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{self.name} ended with {self.process.returncode}; logs in {self.folder}")
                time.sleep(0.1)
        raise SystemExit(f"{self.name} is not ready on port {self.port}; logs in {self.folder}")

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None


def ask(port, query, at):
    form = urllib.parse.urlencode({"query": query, "time": f"{at:.3f}", "nocache": "1"}).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query", form, timeout=60) as answer:
            result = json.loads(answer.read())["data"]["result"]
    except urllib.error.HTTPError as error:
        raise OSError(f"port {port} answers {query} with {error.code}: {error.read(1000).decode()}") from error
    found = {json.dumps(r["metric"], sort_keys=True): r["values"] if "values" in r else float(r["value"][1]) for r in result}
    if len(found) != len(result):
        raise SystemExit(f"port {port} answers {query} with a series twice")
    return found


def number(port, query, at):
    try:
        return next(iter(ask(port, query, at).values()), 0.0)
    except (OSError, ValueError):
        return None


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, holds, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        print(f"{'passed' if holds else 'FAILED'}  {what}{'' if holds and not detail else ': ' + detail}", flush=True)


def prometheus(args, folder, name, port, config, *flags):
    (folder / f"{name}.yml").write_text(config)
    return Server(folder, name, port, [
        args.prometheus, f"--config.file={folder / name}.yml", f"--storage.tsdb.path={folder / name}",
        f"--web.listen-address=127.0.0.1:{port}", *flags], "/-/ready")


def narthex(args, folder, name, port, config):
    (folder / f"{name}.yml").write_text(config)
    return Server(folder, name, port, [
        str(pathlib.Path(args.narthex).resolve()), f"--config.file={folder / name}.yml",
        f"--storage.tsdb.path={folder / name}", f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver"], "/-/ready")


def inward(args, folder, checks, servers):
    port, source, reader = args.port, args.port + 1, args.port + 2
    ours = narthex(args, folder, "in", port, "global: {scrape_interval: 1h}\n")
    theirs = prometheus(args, folder, "source", source,
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{source}']}}]}}]\n"
        f"remote_write: [{{url: 'http://127.0.0.1:{port}/api/v1/write', queue_config: {{batch_send_deadline: 500ms}}}}]\n")
    back = prometheus(args, folder, "reader", reader,
        "global: {scrape_interval: 1h}\n"
        f"remote_read: [{{url: 'http://127.0.0.1:{port}/api/v1/read', read_recent: true}}]\n")
    servers += [ours, theirs, back]
    for server in (ours, theirs, back):
        server.start()
    time.sleep(30)
    at = time.time() - 8
    query = '{job="self"}[10s]'
    local, read = ask(source, query, at), ask(reader, query, at)
    differ = [key for key in local.keys() | read.keys() if local.get(key) != read.get(key)]
    checks.check("what Prometheus wrote to narthex, another reads back", local and not differ,
                 f"{len(local)} series, {sum(map(len, local.values()))} samples; {len(differ)} differ, as {differ[:2]}")
    direct = ask(port, query, at)
    checks.check("and narthex itself says the same", direct == local, f"{len(direct)} series")
    for server in (theirs, back, ours):
        server.stop()


def outward(args, folder, checks, servers):
    port, prom, victoria = args.port + 10, args.port + 11, args.port + 12
    queue = "{batch_send_deadline: 200ms, max_backoff: 1s, max_samples_per_send: 500, capacity: 1000}"
    ours = narthex(args, folder, "out", port,
        "global: {scrape_interval: 1h}\nremote_write:\n"
        f"- {{name: prom, url: 'http://127.0.0.1:{prom}/api/v1/write', protobuf_message: {args.message}, queue_config: {queue}}}\n"
        f"- {{name: victoria, url: 'http://127.0.0.1:{victoria}/api/v1/write', queue_config: {queue}}}\n")
    theirs = prometheus(args, folder, "receiver", prom, "global: {scrape_interval: 1h}\n", "--web.enable-remote-write-receiver")
    vm = Server(folder, "victoria", victoria, [
        args.victoria_metrics, f"-storageDataPath={folder / 'victoria'}", f"-httpListenAddr=127.0.0.1:{victoria}",
        "-retentionPeriod=1y", "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s"], "/health")
    servers += [ours, theirs, vm]
    for server in (theirs, vm, ours):
        server.start()
    total = BEFORE + OUTAGE + AFTER
    begin = int(time.time()) - total * STEP
    pushed = 0

    def push(count):
        nonlocal pushed
        for _ in range(count):
            body = write_request((begin + pushed * STEP) * 1000, pushed)
            request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/write", body, {
                "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
            urllib.request.urlopen(request, timeout=30).read()
            pushed += 1
            time.sleep(0.02)

    push(BEFORE)
    time.sleep(1)
    theirs.stop(signal.SIGKILL)
    vm.stop(signal.SIGTERM)
    push(OUTAGE // 2)
    ours.stop(signal.SIGKILL)
    ours.start()
    push(OUTAGE - OUTAGE // 2)
    vm.start()
    theirs.start()
    for kill in range(5):
        push(AFTER // 8)
        theirs.stop(signal.SIGKILL)
        if kill == 1:
            vm.stop(signal.SIGTERM)
        if kill == 3:
            ours.stop(signal.SIGKILL)
            ours.start()
        push(AFTER // 16)
        theirs.start()
        if vm.process is None:
            vm.start()
    push(total - pushed)

    at = begin + total * STEP
    samples, expected = total * SERIES, sum(n * 1.25 + i for n in range(total) for i in range(SERIES))
    count = f'sum(count_over_time({{job="shows"}}[{total * STEP + 60}s]))'
    value = f'sum(sum_over_time({{job="shows"}}[{total * STEP + 60}s]))'
    until = time.monotonic() + 120
    while time.monotonic() < until and any(number(p, count, at) != samples for p in (prom, victoria)):
        time.sleep(1)
    time.sleep(3)
    for name, where in (("narthex", port), ("Prometheus", prom), ("VictoriaMetrics", victoria)):
        found = number(where, count, at)
        checks.check(f"{name} has all {samples} samples once", found == samples, f"{found}")
        found = number(where, value, at)
        checks.check(f"{name} has their values", found is not None and abs(found - expected) < 1e-9 * expected, f"{found} of {expected}")
    print(f"        narthex was killed {ours.starts - 1} times, Prometheus {theirs.starts - 1} times, "
          f"VictoriaMetrics was stopped {vm.starts - 1} times")
    for server in (ours, theirs, vm):
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--narthex", required=True)
    parser.add_argument("--prometheus", default="prometheus")
    parser.add_argument("--victoria-metrics", default="victoria-metrics")
    parser.add_argument("--port", type=int, default=21300)
    parser.add_argument("--message", default="prometheus.WriteRequest")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="remote-both-ways-"))
    checks, servers = Checks(), []
    try:
        inward(args, folder, checks, servers)
        outward(args, folder, checks, servers)
    finally:
        for server in servers:
            server.stop()
    print(f"{checks.passed} passed, {checks.failed} failed; logs in {folder}")
    if not checks.failed:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if checks.failed else 0


sys.exit(main())
