#!/usr/bin/env python3
"""What data takes on disk, and that every bit of it comes back.

  store_size.py FILE.om [--narthex PATH] [--promtool PATH] [--prometheus PATH]

Imports an OpenMetrics file with timestamps (promtool's `create-blocks-from openmetrics` format), makes one block of it,
prints bytes per sample, and compares the dump with the file sample by sample, to the bit. Where promtool is installed the
same file goes through it: dumps are compared line by line, lists and analyses are shown side by side. Where Prometheus is
installed too, narthex runs on its data directory: its files must not change by a byte, and it must start on them again.
Standard library only."""
import argparse, hashlib, os, pathlib, re, shutil, signal, socket, struct, subprocess, sys, tempfile, time, urllib.request

LINE = re.compile(rb'^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+) (\S+)$')
LABEL = re.compile(rb'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


def run(*words, code=0):
    done = subprocess.run([str(w) for w in words], capture_output=True)
    if done.returncode != code:
        sys.exit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def samples(lines):
    """Series -> {ms: bits}; of several samples with one time the first counts, as in both stores."""
    found = {}
    for line in lines:
        m = LINE.match(line)
        if m:
            # A label without a value is none.
            key = (m[1], tuple(sorted(label for label in LABEL.findall(m[2] or b"") if label[1])))
            ms = round(float(m[4]) * 1000)
            value = float(m[3])
            bits = 0x7FF8000000000001 if value != value else struct.unpack("<Q", struct.pack("<d", value))[0]
            found.setdefault(key, {}).setdefault(ms, bits)
    return found


def sums(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file() and "narthex" not in p.relative_to(folder).parts[:1]}


def serve(words, port, ready):
    process = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"{words[0]} ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=1).read()
            return process
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{words[0]} was not ready within a minute")


def stop(process):
    process.send_signal(signal.SIGTERM)
    if process.wait(60) != 0:
        sys.exit(f"a server ended with {process.returncode}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def foreign(a, theirs, work):
    """narthex beside Prometheus's files."""
    config = work / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1s}\nscrape_configs: []\n")
    prometheus = lambda port: [a.prometheus, f"--config.file={config}", f"--storage.tsdb.path={theirs}",
                               "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}"]
    port = free_port()
    stop(serve(prometheus(port), port, "/-/ready"))
    before = sums(theirs)
    port = free_port()
    stop(serve([a.narthex, f"--config.file={config}", f"--storage.tsdb.path={theirs}",
                f"--web.listen-address=127.0.0.1:{port}"], port, "/-/ready"))
    if sums(theirs) != before:
        sys.exit("narthex changed files of Prometheus")
    print(f"{len(before)} files of Prometheus are byte for byte what they were after narthex ran beside them")
    port = free_port()
    server = serve(prometheus(port), port, "/-/ready")
    url = f"http://127.0.0.1:{port}/api/v1/status/tsdb"
    urllib.request.urlopen(url, timeout=10).read()
    stop(server)
    print("and Prometheus starts on them again")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", type=pathlib.Path)
    p.add_argument("--narthex", default="target/release/narthex")
    p.add_argument("--promtool", default=shutil.which("promtool"))
    p.add_argument("--prometheus", default=shutil.which("prometheus"))
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        ours, theirs = work / "ours", work / "theirs"
        run(a.narthex, "tsdb", "create-blocks-from", "openmetrics", a.file, ours)
        run(a.narthex, "tsdb", "compact", ours)
        print(run(a.narthex, "tsdb", "list", ours).decode())
        files = [f for f in ours.rglob("*") if f.is_file()]
        count = sum(map(len, (expected := samples(a.file.open("rb"))).values()))
        chunks = sum(f.stat().st_size for f in files if f.name == "chunks")
        everything = sum(f.stat().st_size for f in files)
        print(f"{count} samples: {chunks / count:.3f} bytes a sample alone, {everything / count:.3f} with index and all")
        dump = run(a.narthex, "tsdb", "dump-openmetrics", ours)
        if samples(dump.splitlines()) != expected:
            sys.exit("the dump is not what was imported")
        print("every sample came back with its bits")
        if a.promtool:
            run(a.promtool, "tsdb", "create-blocks-from", "openmetrics", a.file, theirs)
            (theirs / "wal").mkdir(exist_ok=True)
            mine = run(a.narthex, "tsdb", "dump", ours).splitlines()
            other = run(a.promtool, "tsdb", "dump", theirs).splitlines()
            same = "line for line" if mine == other else "as sets of lines" if sorted(mine) == sorted(other) else None
            if not same:
                sys.exit("the dumps differ")
            print(f"`tsdb dump` of promtool is equal {same}: {len(mine)} lines")
            for tool, store in ((a.promtool, theirs), (a.narthex, ours)):
                print(f"\n$ {os.path.basename(str(tool))} tsdb list\n{run(tool, 'tsdb', 'list', store).decode()}")
                text = run(tool, "tsdb", "analyze", "--limit=5", store).decode()
                print(f"$ {os.path.basename(str(tool))} tsdb analyze --limit=5\n{text}")
        if a.promtool and a.prometheus:
            foreign(a, theirs, work)


if __name__ == "__main__":
    main()
