"""PyPI's prometheus-api-client, doing what its README shows. Argument: the server's URL."""

import sys
from datetime import timedelta

from prometheus_api_client import PrometheusConnect
from prometheus_api_client.utils import parse_datetime

url = sys.argv[1]
for method in ("GET", "POST"):
    prom = PrometheusConnect(url=url, disable_ssl=True, method=method)
    assert prom.check_prometheus_connection() is True
    metrics = prom.all_metrics()
    assert "up" in metrics and "prometheus_http_requests_total" in metrics, metrics[:5]

    now = prom.get_current_metric_value(metric_name="up", label_config={"job": "narthex"})
    assert len(now) == 1 and now[0]["value"][1] == "1", now
    assert prom.custom_query(query="prometheus_http_requests_total")
    total = prom.custom_query(query="sum(prometheus_http_requests_total)")
    assert len(total) == 1 and float(total[0]["value"][1]) > 0, total

    start, end = parse_datetime("2d"), parse_datetime("now")
    data = prom.get_metric_range_data(
        "up{job='narthex'}", start_time=start, end_time=end, chunk_size=timedelta(days=1)
    )
    assert data and data[-1]["values"], data
    ranged = prom.custom_query_range("up", start_time=end - timedelta(minutes=5), end_time=end, step="15")
    assert ranged and ranged[0]["values"][-1][1] == "1", ranged
    assert "job" in prom.get_label_names() and "narthex" in prom.get_label_values("job")
    assert prom.get_series(start=end - timedelta(minutes=5), end=end, params={"match[]": "up"})
    assert prom.get_targets()["activeTargets"][0]["health"] == "up"
    assert prom.get_metric_metadata("up") == []
    assert prom.get_metric_metadata("prometheus_ready")[0]["type"] == "gauge"
    assert isinstance(prom.get_scrape_pools(), list)

print(f"prometheus-api-client: all of its README that needs no data frames, with GET and POST, {len(metrics)} metrics")
