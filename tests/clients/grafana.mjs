// npm's @grafana/prometheus against narthex: the code with which Grafana asks for names, values, series and search
// results, unchanged and over HTTP; and the code that makes tables, graphs and heat maps of answers. Between the two
// stands Grafana's backend, which is not in the package: `frames` below does what it does. Argument: the server's URL.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

const load = (path) => import(pathToFileURL(`${process.cwd()}/node_modules/@grafana/${path}`));
const { dateTime, FieldType, toDataFrame } = await load('data/dist/esm/index.mjs');
const { LabelsApiClient, SeriesApiClient } = await load('prometheus/dist/esm/resource_clients.mjs');
const { readSearchStream } = await load('prometheus/dist/esm/search_api_stream.mjs');
const { parseSampleValue, transformV2 } = await load('prometheus/dist/esm/result_transformer.mjs');
const { getPrometheusTime } = await load('prometheus/dist/esm/language_utils.mjs');

const server = process.argv[2];
async function ask(path, params, method = 'GET') {
  const text = new URLSearchParams(Object.entries(params).map(([k, v]) => [k, String(v)]));
  const answer = await (method === 'POST'
    ? fetch(server + path, { method, body: text })
    : fetch(`${server}${path}?${text}`));
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  assert.equal(body.status, 'success');
  return body.data;
}

// Names, values and series, as variables and the query builder ask for them.
const to = dateTime(Date.now());
const range = { from: dateTime(Date.now() - 3_600_000), to, raw: { from: 'now-1h', to: 'now' } };
const times = ({ from, to }) => ({ start: String(getPrometheusTime(from, false)), end: String(getPrometheusTime(to, true)) });
const datasource = {
  uid: 'x', cacheLevel: 'None', seriesLimit: 40000,
  getTimeRangeParams: times, getAdjustedInterval: times,
  interpolateString: (text) => text, hasLabelsMatchAPISupport: () => true,
};
for (const Client of [LabelsApiClient, SeriesApiClient]) {
  const client = new Client((url, params) => ask(url, params), datasource);
  await client.start(range);
  assert.ok(client.metrics.includes('up') && client.metrics.includes('prometheus_http_requests_total'));
  assert.ok(client.histogramMetrics.includes('prometheus_http_request_duration_seconds_bucket'));
  assert.ok(client.labelKeys.includes('instance') && client.labelKeys.includes('handler'));
  assert.deepEqual(await client.queryLabelValues(range, 'job', '{__name__="up"}'), ['narthex']);
  const keys = await client.queryLabelKeys(range, '{__name__="up"}');
  assert.deepEqual(keys.filter((key) => key !== '__name__'), ['instance', 'job']);
  assert.equal((await client.querySeries(range, 'up', 40000)).length, 1);
}

// Completion by search.
const found = await fetch(`${server}/api/v1/search/metric_names?search[]=prometheus_htp_requests_total&fuzz_threshold=80&fuzz_alg=jarowinkler&case_sensitive=false&sort_by=score&include_metadata=true&start=${times(range).start}&end=${times(range).end}`);
const reader = found.body.getReader();
const search = await readSearchStream({ ok: found.ok, status: found.status, read: () => reader.read(), json: () => found.json() });
assert.deepEqual(search.warnings, []);
assert.equal(search.results[0].name, 'prometheus_http_requests_total');

// Answers to queries as frames, one a series, as Grafana's backend makes them.
function frames(refId, data) {
  const rows = (values, labels) => ({
    refId,
    meta: { custom: { resultType: data.resultType } },
    fields: [
      { name: 'Time', type: FieldType.time, values: values.map(([time]) => time * 1000), config: {} },
      { name: 'Value', type: FieldType.number, labels, values: values.map(([, value]) => parseSampleValue(value)), config: {} },
    ],
  });
  const { resultType, result } = data;
  const all = resultType === 'scalar' ? [rows([result], {})]
    : result.map((item) => rows(item.values ?? [item.value], item.metric));
  return all.map(toDataFrame);
}
const request = (app, ...targets) => ({ app, targets });
const end = Math.floor(Date.now() / 1000);
const window = { start: end - 60, end, step: 5 };

const graph = frames('A', await ask('/api/v1/query_range', { query: 'up', ...window }, 'POST'));
const drawn = transformV2({ data: graph }, request('dashboard', { refId: 'A', format: 'time_series' }), {});
assert.equal(drawn.data[0].fields[1].values.at(-1), 1);
for (const time of drawn.data[0].fields[0].values) assert.equal((time / 1000 - window.start) % window.step, 0);

const instant = frames('B', await ask('/api/v1/query', { query: 'prometheus_http_requests_total', time: end }));
const table = transformV2({ data: instant }, request('explore', { refId: 'B', format: 'table' }), {}).data[0];
const columns = table.fields.map((field) => field.name);
for (const column of ['Time', 'code', 'handler', 'job']) assert.ok(columns.includes(column), columns.join());

const buckets = 'sum by (le) (prometheus_http_request_duration_seconds_bucket)';
const heat = frames('C', await ask('/api/v1/query_range', { query: buckets, ...window }, 'POST'));
const map = transformV2({ data: heat }, request('dashboard', { refId: 'C', format: 'heatmap' }), {}).data[0];
const bounds = map.fields.slice(1).map((field) => field.labels?.le ?? field.name);
assert.deepEqual(bounds, ['0.1', '0.2', '0.4', '1', '3', '8', '20', '60', '120', '+Inf'].map((b) => bounds.includes(b) ? b : `${b}.0`));

const odd = frames('D', await ask('/api/v1/query', { query: 'vector(1/0) or label_replace(vector(-1/0),"a","b","","") or label_replace(vector(0/0),"a","c","","")', time: 4 }));
assert.deepEqual(odd.map((frame) => frame.fields[1].values[0]), [Infinity, -Infinity, NaN]);
assert.equal(frames('E', await ask('/api/v1/query', { query: '1+1', time: 4 }))[0].fields[1].values[0], 2);

console.log('@grafana/prometheus: names, values, series, search; graph, table and heat map of answers');
