// npm's prometheus-query, doing what its README shows. Argument: the server's URL.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { PrometheusDriver } = createRequire(process.cwd() + '/')('prometheus-query');
const prom = new PrometheusDriver({ endpoint: process.argv[2], baseURL: '/api/v1' });
const end = new Date();
const start = end.getTime() - 24 * 60 * 60 * 1000;

const now = await prom.instantQuery('up{job="narthex"}');
assert.equal(now.resultType, 'vector');
assert.equal(now.result.length, 1);
assert.equal(now.result[0].value.value, 1);
assert.match(now.result[0].metric.toString(), /^up\{/);

const range = await prom.rangeQuery('up', end.getTime() - 60_000, end, 5);
assert.equal(range.resultType, 'matrix');
assert.equal(range.result[0].values.at(-1).value, 1);

const series = await prom.series('up', start, end);
assert.ok(series.length >= 1 && series[0].name === 'up');
assert.ok((await prom.labelNames()).includes('job'));
assert.ok((await prom.labelValues('job', 'up', start, end)).includes('narthex'));

const targets = await prom.targets();
assert.equal(targets.activeTargets[0].health, 'up');
assert.ok(Array.isArray(targets.droppedTargets));
assert.ok((await prom.targetsMetadata('{job="narthex"}', 'prometheus_ready'))[0].help);
assert.equal((await prom.metadata('prometheus_ready')).prometheus_ready[0].type, 'gauge');

const groups = await prom.rules();
assert.equal(groups.length, 1);
assert.deepEqual(groups[0].rules.map((rule) => rule.type), ['recording', 'alerting']);
assert.deepEqual(await prom.alerts(), []);
assert.deepEqual((await prom.alertmanagers()).activeAlertmanagers, []);

assert.match((await prom.status()).yaml, /scrape_configs/);
assert.equal((await prom.statusFlags())['web.enable-admin-api'], 'false');
assert.ok((await prom.statusRuntimeInfo()).storageRetention);
assert.match((await prom.statusBuildinfo()).version, /^\d+\.\d+\.\d+$/);
assert.ok((await prom.statusTSDB()).headStats.numSeries > 0);

const refused = (text) => (error) => {
  assert.match(JSON.stringify(error?.response?.data ?? error), text);
  return true;
};
await assert.rejects(prom.instantQuery('up{'), refused(/parse error/));
await assert.rejects(prom.adminSnapshot(true), refused(/admin APIs disabled/));
console.log('prometheus-query: every call of its README, and errors as errors');
