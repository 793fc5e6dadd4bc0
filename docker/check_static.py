"""Starts the image's file tree as the image would run: alone, read-only, not root; in a network of its own.

To be called as root of a fresh network and mount namespace: check_static.py ROOT.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

NAME = "target.narthex.test"
# Devices that every container has; source: OCI runtime specification. Random numbers come from there.
DEVICES = ["null", "zero", "full", "random", "urandom"]
BASE = "http://127.0.0.1:9090"


def answer_dns(server):
    """Knows one name, with the address of this machine."""
    while True:
        query, client = server.recvfrom(512)
        end = query.index(0, 12) + 1
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack(">H", query[end : end + 2])[0]
        known = ".".join(labels).lower() == NAME
        answers = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1]) if known and kind == 1 else b""
        flags = 0x8180 if known else 0x8183
        head = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if answers else 0, 0, 0)
        server.sendto(head + query[12 : end + 4] + answers, client)


def prepare(root):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    threading.Thread(target=answer_dns, args=(server,), daemon=True).start()
    # What a container engine puts there.
    (root / "dev").mkdir(exist_ok=True)
    for device in DEVICES:
        (root / "dev" / device).touch()
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/prometheus/prometheus.yml").write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n"
        "scrape_configs:\n"
        "  - {job_name: self, static_configs: [{targets: ['localhost:9090']}]}\n"
        f"  - {{job_name: named, static_configs: [{{targets: ['{NAME}:9090']}}]}}\n"
    )


def start(root):
    mount = lambda *arguments: subprocess.run(["mount", *arguments], check=True)
    mount("--make-rprivate", "/")
    mount("--bind", str(root), str(root))
    mount("-o", "remount,bind,ro", str(root))
    mount("-t", "tmpfs", "-o", "mode=0777", "tmpfs", str(root / "prometheus"))
    for device in DEVICES:
        mount("--bind", f"/dev/{device}", str(root / "dev" / device))

    def enter():
        os.chroot(root)
        os.chdir("/prometheus")
        try:
            os.setgid(65534)
            os.setuid(65534)
        except OSError:
            # A user namespace with one user in it has no other to change to.
            pass

    arguments = ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
    return subprocess.Popen(["/bin/prometheus", *arguments], preexec_fn=enter, env={}, stderr=subprocess.PIPE)  # it says little, less than a pipe holds


def get(path):
    with urllib.request.urlopen(BASE + path, timeout=5) as answer:
        return answer.read()


def wait_for(what, holds, process):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if holds():
                return print(f"ok: {what}")
        except OSError:
            pass
        if process.poll() is not None:
            sys.exit(f"it ended with {process.returncode}: {process.stderr.read().decode()[-2000:]}")
        time.sleep(0.1)
    sys.exit(f"not within a minute: {what}")


def is_up(job):
    result = json.loads(get(f"/api/v1/query?query=up%7Bjob%3D%22{job}%22%7D"))["data"]["result"]
    return [series["value"][1] for series in result] == ["1"]


def main():
    root = Path(sys.argv[1]).resolve()
    binary = root / "bin/prometheus"
    headers = subprocess.run(["readelf", "-l", str(binary)], capture_output=True, text=True)
    if headers.returncode == 0:
        assert "INTERP" not in headers.stdout, "the binary asks for a loader: it is not static"
    prepare(root)
    process = start(root)
    try:
        wait_for("ready", lambda: get("/-/ready"), process)
        wait_for("scrapes itself by a name of its hosts file", lambda: is_up("self"), process)
        wait_for("scrapes by a name that DNS resolves", lambda: is_up("named"), process)
        tool = subprocess.run(
            ["/bin/promtool", "check", "healthy"], preexec_fn=lambda: os.chroot(root), env={}, capture_output=True
        )
        assert tool.returncode == 0, tool.stderr
        print("ok: /bin/promtool check healthy")
    finally:
        process.terminate()
        process.wait(60)
    assert process.returncode == 0, process.returncode
    print(f"ok: ends in order; the binary has {binary.stat().st_size / 1e6:.1f} MB")


main()
