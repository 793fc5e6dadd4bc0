#!/usr/bin/env python3
"""How soon pods become targets, and what those that do not become any take.

  pods_at_once.py NAME=PATH [NAME=PATH ...] [--pods 2000] [--new 200] [--rounds 10]

An API server of a few lines has --pods pods without an annotation: all are discovered and dropped by relabelling. Then
--new annotated pods are added with one write to the watch, and removed again, --rounds times. The time of a pod is from
that write to the first answer of /api/v1/targets that has it; the answers are asked for one after the other, so that an
answer's own length is part of the time. Memory is what /proc says of anonymous pages. The servers run one after the other.
Debian's Prometheus is built without Kubernetes discovery. Standard library only; Linux."""
import argparse, http.server, json, os, pathlib, re, signal, socket, subprocess, tempfile, threading, time, urllib.parse, urllib.request

NAME = re.compile(rb'"labels":\{[^}]*"pod":"(new-[^"]+)"')


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pod(name, number, annotated, version):
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "1"} if annotated else {"example.com/owner": f"team-{number % 40}"}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": f"ns-{number % 50}", "uid": f"uid-{name}", "resourceVersion": str(version),
                     "labels": {"app.kubernetes.io/name": f"app-{number % 300}", "pod-template-hash": f"{number:08x}"}, "annotations": annotations,
                     "ownerReferences": [{"kind": "ReplicaSet", "name": f"app-{number % 300}-x", "controller": True, "uid": "r"}]},
        "spec": {"nodeName": f"node-{number % 100}", "containers": [{"name": "main", "image": "registry.example/app:1.2.3", "ports": [
            {"name": "http", "containerPort": 8080, "protocol": "TCP"}]}]},
        "status": {"phase": "Running", "podIP": f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255 or 1}", "hostIP": "10.0.0.1",
                   "conditions": [{"type": "Ready", "status": "True"}],
                   "containerStatuses": [{"name": "main", "containerID": f"containerd://{number:064x}"}]},
    }


class Cluster:
    def __init__(self, pods):
        self.version, self.lock, self.watches = 1, threading.Lock(), []
        self.pods = {f"old-{n}": pod(f"old-{n}", n, False, 1) for n in range(pods)}

    def change(self, kind, names):
        """One write to every watch; returns when it began."""
        with self.lock:
            events = []
            for number, name in enumerate(names):
                self.version += 1
                if kind == "ADDED":
                    self.pods[name] = pod(name, 1_000_000 + number, True, self.version)
                    events.append(self.pods[name])
                else:
                    gone = self.pods.pop(name)
                    gone["metadata"]["resourceVersion"] = str(self.version)
                    events.append(gone)
            text = "".join(json.dumps({"type": kind, "object": event}) + "\n" for event in events).encode()
            began = time.monotonic()
            for stream in self.watches:
                stream.write(b"%x\r\n%s\r\n" % (len(text), text))
                stream.flush()
            return began


def handler(cluster):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, code, body):
            text = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            path, _, query = self.path.partition("?")
            given = {key: values[0] for key, values in urllib.parse.parse_qs(query).items()}
            if given.get("sendInitialEvents") == "true":
                return self.answer(422, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422,
                                         "message": "sendInitialEvents: Forbidden"})
            if given.get("watch") not in ("true", "1"):
                with cluster.lock:
                    items = list(cluster.pods.values()) if path.endswith("/pods") else []
                    return self.answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(cluster.version)}, "items": items})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            if path.endswith("/pods"):
                with cluster.lock:
                    cluster.watches.append(self.wfile)
            until = time.monotonic() + float(given.get("timeoutSeconds", 300))
            try:
                while time.monotonic() < until:
                    time.sleep(1)
                    bookmark = {"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": str(cluster.version)}}}
                    with cluster.lock:
                        text = (json.dumps(bookmark) + "\n").encode()
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                        self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True
            finally:
                with cluster.lock:
                    cluster.watches = [stream for stream in cluster.watches if stream is not self.wfile]

    return Handler


CONFIG = """
global: {{scrape_interval: 5m, scrape_timeout: 10s}}
scrape_configs:
- job_name: pods
  kubernetes_sd_configs: [{{role: pod, api_server: 'http://127.0.0.1:{port}'}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: true}}
  - {{source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port], action: replace, regex: '(.+):(?:\\d+);(\\d+)',
      replacement: '${{1}}:${{2}}', target_label: __address__}}
  - {{action: labelmap, regex: __meta_kubernetes_pod_label_(.+)}}
  - {{source_labels: [__meta_kubernetes_pod_name], action: replace, target_label: pod}}
"""


def anonymous(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read()


def wait(what, holds, seconds=180):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"not within {seconds} s: {what}")


def targets(port):
    return set(NAME.findall(get(port, "/api/v1/targets?state=active")))


def measure(name, binary, given):
    cluster = Cluster(given.pods)
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(cluster))
    api.daemon_threads = True
    threading.Thread(target=api.serve_forever, daemon=True).start()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text(CONFIG.format(port=api.server_address[1]))
        flags = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        with open(f"{folder}/log", "w") as log:
            server = subprocess.Popen([binary, *flags], stderr=log)
        try:
            wait("ready", lambda: get(port, "/-/ready"))
            dropped = lambda: json.loads(get(port, "/api/v1/targets?state=active"))["data"].get("droppedTargetCounts")
            counts = lambda: json.loads(get(port, "/api/v1/targets?state=dropped"))["data"]["droppedTargetCounts"]
            wait("every pod discovered", lambda: (dropped() or counts()) == {"pods": given.pods})
            time.sleep(2)
            memory = anonymous(server.pid)
            times, cpu = [], os.times()
            for round_ in range(given.rounds):
                names = [f"new-{round_}-{n}" for n in range(given.new)]
                missing = {name.encode() for name in names}
                began = cluster.change("ADDED", names)
                while missing:
                    found = targets(port)
                    now = time.monotonic() - began
                    times += [now] * len(missing & found)
                    missing -= found
                    if now > 60:
                        raise SystemExit(f"{len(missing)} pods are no targets after a minute")
                cluster.change("DELETED", names)
                wait("targets gone", lambda: not targets(port))
                time.sleep(0.5)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
            api.shutdown()
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000
    print(f"{name:12} {given.new} pods at once, {given.rounds} rounds: p50 {at(0.5):.0f} ms  p99 {at(0.99):.0f} ms  highest {times[-1] * 1000:.0f} ms   "
          f"{given.pods} pods discovered: {memory / 1e6:.1f} MB anonymous", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", nargs="+", metavar="NAME=PATH")
    parser.add_argument("--pods", type=int, default=2000)
    parser.add_argument("--new", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    for server in given.servers:
        name, _, binary = server.partition("=")
        measure(name, binary, given)


main()
