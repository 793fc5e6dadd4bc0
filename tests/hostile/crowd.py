#!/usr/bin/env python3
"""A crowd of bad clients against a narthex of its own on 127.0.0.1: idle and slow connections by the thousand, bodies
that are never finished, and bodies of zeros that inflate to gigabytes. All the while one good client asks, and the
server's memory is watched. Prints a table; fails when the good client is not served or memory passes the bound.

usage: crowd.py path-of-narthex [--connections 10000] [--seconds 8] [--bound-mb 700]
"""

import argparse
import http.client
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib


def memory_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmRSS"].split()[0]) / 1024


class Good(threading.Thread):
    """One client that asks ten times a second, on a new connection each time, and the server's memory beside it."""

    def __init__(self, port, pid):
        super().__init__(daemon=True)
        self.port, self.pid, self.stop = port, pid, threading.Event()
        self.times, self.failures, self.peak = [], [], 0.0

    def run(self):
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("GET", "/api/v1/query?query=count(up)%2B1")
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or b'"success"' not in body:
                    self.failures.append(f"{answer.status} {body[:80]}")
                connection.close()
            except OSError as error:
                self.failures.append(repr(error))
            self.times.append(time.monotonic() - begun)
            self.peak = max(self.peak, memory_mb(self.pid))
            self.stop.wait(0.1)


def connect(port, sent=b""):
    stream = socket.create_connection(("127.0.0.1", port), timeout=20)
    if sent:
        stream.sendall(sent)
    return stream


def idle(port, count, seconds):
    crowd = [connect(port) for _ in range(count)]
    time.sleep(seconds)
    return crowd


def slow_heads(port, count, seconds):
    crowd = [connect(port, b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost: x\r\nX-Slow: ") for _ in range(count)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for stream in crowd:
            try:
                stream.send(b"a")
            except OSError:
                pass
    return crowd


def half_bodies(port, count, seconds):
    head = (
        b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 10000000\r\n\r\nquery=1&x="
    )
    crowd = []
    for _ in range(count):
        stream = connect(port, head)
        stream.setblocking(False)
        crowd.append(stream)
    end = time.monotonic() + seconds
    piece = b"a" * 65536
    sent = [0] * count
    while time.monotonic() < end:
        for i, stream in enumerate(crowd):
            # One byte is always missing.
            if sent[i] + len(piece) < 9_999_000:
                try:
                    sent[i] += stream.send(piece)
                except OSError:
                    pass
        time.sleep(0.05)
    print(f"    {sum(sent) >> 20} MiB of unfinished bodies were taken")
    return crowd


def snappy_zeros(length):
    """A snappy block that claims and holds `length` zeros."""
    out = bytearray()
    rest = length
    while True:
        byte, rest = rest & 0x7F, rest >> 7
        out.append(byte | (0x80 if rest else 0))
        if not rest:
            break
    out += bytes([0 << 2, 0])
    done = 1
    copy = bytes([(63 << 2) | 2]) + struct.pack("<H", 1)
    whole = (length - done) // 64
    out += copy * whole
    return bytes(out)


def bombs(port, count, seconds):
    gigabyte = 1 << 30
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"\0" * (1 << 20)
    gz = b"".join(packer.compress(zeros) for _ in range(4096)) + packer.flush()
    lying = snappy_zeros(64 << 20)
    huge = bytes([0x80, 0x80, 0x80, 0x80, 0x10]) + snappy_zeros(1 << 20)[4:]
    otlp = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    snappy = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
    form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    kinds = [
        ("/api/v1/write", snappy, lying),
        ("/api/v1/write", snappy, huge),
        ("/api/v1/write", dict(snappy, **{"Content-Encoding": "gzip"}), gz),
        ("/api/v1/write", dict(snappy, **{"Content-Encoding": "zstd"}), gz),
        ("/api/v1/read", snappy, lying),
        ("/api/v1/read", snappy, huge),
        ("/api/v1/otlp/v1/metrics", otlp, gz),
        ("/api/v1/query", form, gz),
    ]
    seen, lock = {}, threading.Lock()
    end = time.monotonic() + seconds

    def throw(number):
        while time.monotonic() < end:
            path, headers, body = kinds[number % len(kinds)]
            number += 1
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("POST", path, body, headers)
                status = connection.getresponse().status
                connection.close()
            except OSError:
                status = "cut off"
            with lock:
                key = f"{path.rsplit('/v1/', 1)[-1]} {headers['Content-Encoding']}: {status}"
                seen[key] = seen.get(key, 0) + 1

    throwers = [threading.Thread(target=throw, args=(i,)) for i in range(count)]
    [thrower.start() for thrower in throwers]
    [thrower.join() for thrower in throwers]
    print(f"    of {gigabyte >> 28} GiB of zeros in {len(gz) >> 10} KiB, and 64 MiB in {len(lying) >> 10} KiB: {seen}")
    bad = [key for key in seen if key.endswith(": 200") and "otlp" not in key and "query" not in key]
    assert not bad, bad
    return []


def main():
    options = argparse.ArgumentParser()
    options.add_argument("narthex")
    options.add_argument("--connections", type=int, default=10_000)
    options.add_argument("--seconds", type=float, default=8)
    options.add_argument("--bound-mb", type=float, default=700)
    given = options.parse_args()
    wanted = given.connections + 2000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError):
            sys.exit(f"this needs {wanted} open files, and {hard} are allowed: ulimit -n {wanted}")
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "p.yml"), "w") as config:
            config.write(
                "global: {scrape_interval: 1s}\n"
                f"scrape_configs: [{{job_name: narthex, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
            )
        server = subprocess.Popen(
            [
                given.narthex, f"--config.file={folder}/p.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}", f"--web.max-connections={given.connections + 600}",
                "--web.enable-remote-write-receiver", "--web.enable-otlp-receiver", "--log.level=error",
            ],
            stderr=subprocess.PIPE,
        )
        said = []
        threading.Thread(target=lambda: said.extend(server.stderr), daemon=True).start()
        try:
            failed = attack(server, port, given)
        finally:
            server.kill()
            server.wait()
        panics = [line for line in said if b"panic" in line]
        if panics:
            sys.exit(f"panics: {panics[:3]}")
        sys.exit(1 if failed else 0)


def attack(server, port, given):
    for _ in range(200):
        try:
            connect(port).close()
            break
        except OSError:
            time.sleep(0.1)
    time.sleep(3)
    print(f"at rest: {memory_mb(server.pid):.0f} MB")
    failed = False
    many = given.connections
    for name, do, count in [
        (f"{many} idle connections", idle, many),
        (f"{many} connections with heads that never end", slow_heads, many),
        ("500 bodies of 10 MB, each a byte short", half_bodies, 500),
        ("bodies of zeros, 16 clients", bombs, 16),
    ]:
        good = Good(port, server.pid)
        good.start()
        crowd = do(port, count, given.seconds)
        good.stop.set()
        good.join()
        alive = server.poll() is None
        times = sorted(good.times)
        print(
            f"{name}: peak {good.peak:.0f} MB; the good client: {len(times)} answers, {len(good.failures)} failed, "
            f"median {times[len(times) // 2] * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms"
        )
        if good.failures:
            print(f"    {good.failures[:3]}")
        failed |= bool(good.failures) or not alive or good.peak > given.bound_mb
        for stream in crowd:
            stream.close()
        time.sleep(2)
        print(f"    two seconds later: {memory_mb(server.pid):.0f} MB")
    return failed


if __name__ == "__main__":
    main()
