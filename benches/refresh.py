#!/usr/bin/env python3
"""What a dashboard costs that refreshes while samples come.

  refresh.py TSBENCH QUERIES NAME=URL... --end T [--instances 200] [--rounds 5] [--step 60]

TSBENCH is the built `tsbench`, QUERIES a file as it takes them, of which the lines that begin with `range SPAN STEP` are
asked. The servers run and hold the history of the fleet of `tsbench write` up to T (Unix seconds, a multiple of 15). Each round sends
the next STEP seconds of samples to each server and then asks each query for as long a span as before, ending at the new
end, 7 s off the samples; servers take turns, query by query. T should be about as many seconds ago as the rounds send:
VictoriaMetrics keeps no answers of times whose samples come later than 5 minutes. A first round is not counted. Prints the median of the
milliseconds that the answer took, and the geometric mean of the ratios to the first server. Standard library only."""
import argparse, math, pathlib, statistics, subprocess, time, urllib.parse, urllib.request


def ask(url, expression, start, end, step):
    parameters = urllib.parse.urlencode({"query": expression, "start": start, "end": end, "step": step})
    began = time.perf_counter()
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{parameters}", timeout=600) as answer:
        answer.read()
    return (time.perf_counter() - began) * 1e3


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("tsbench")
    arguments.add_argument("queries", type=pathlib.Path)
    arguments.add_argument("servers", nargs="+", metavar="NAME=URL")
    arguments.add_argument("--end", type=int, required=True)
    arguments.add_argument("--instances", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--step", type=int, default=60)
    options = arguments.parse_args()
    servers = [server.split("=", 1) for server in options.servers]
    lines = [line for line in options.queries.read_text().splitlines() if line.startswith("range ")]
    took = {(name, line): [] for name, _ in servers for line in lines}
    for round in range(options.rounds + 1):
        end = options.end + (round + 1) * options.step
        for _, url in servers:
            subprocess.run([options.tsbench, "write", "--url", f"{url}/api/v1/write", "--instances",
                            str(options.instances), "--span", str(options.step - 15), "--end", str(end)],
                           check=True, stdout=subprocess.DEVNULL)
        # What was written shows everywhere, and what that set off has settled.
        time.sleep(5)
        for line in lines:
            _, span, step, expression = line.split(" ", 3)
            # A dashboard aligns its times to the step.
            until = end - end % int(step) - 7
            for name, url in servers:
                ms = ask(url, expression, until - int(span), until, step)
                if round > 0:
                    took[name, line].append(ms)
    ratios = {name: [] for name, _ in servers}
    print("| query | " + " | ".join(f"{name} ms" for name, _ in servers) + " |")
    print("|---" * (len(servers) + 1) + "|")
    for line in lines:
        medians = [statistics.median(took[name, line]) for name, _ in servers]
        for (name, _), median in zip(servers, medians):
            ratios[name].append(median / medians[0])
        shown = line.replace("|", "\\|")
        print(f"| `{shown}` | " + " | ".join(f"{median:.2f}" for median in medians) + " |")
    means = [math.exp(statistics.fmean(map(math.log, ratios[name]))) for name, _ in servers]
    print("| geometric mean | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")


main()
