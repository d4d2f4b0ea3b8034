import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { COUNTERS, DURATIONS, GAUGES } from './catalogue.ts';
import { prometheusMetrics } from './prometheus.ts';

describe('metrics', () => {
  test('counters, durations and gauges in the text of Prometheus', async () => {
    const metrics = prometheusMetrics();
    metrics.count('rpcRequests', 2, { method: 'eth_call', outcome: 'ok' });
    metrics.count('gas', 21_000);
    metrics.count('gas', -1);
    metrics.time('inference', 0.002);
    let height = 3;
    metrics.watch('height', () => height);
    metrics.watch('rpcQueue', () => Number.NaN, { class: 'read' });
    height = 4;
    const text = await metrics.text();
    expect(text).toContain('cortex_rpc_requests_total{method="eth_call",outcome="ok"} 2\n');
    expect(text).toContain('cortex_gas_used_total 21000\n');
    expect(text).toContain('cortex_inference_seconds_bucket{le="0.003"} 1\n');
    expect(text).toContain('cortex_inference_seconds_bucket{le="0.001"} 0\n');
    expect(text).toContain('cortex_block_height 4\n');
    expect(text).not.toContain('cortex_rpc_waiting{');
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(text).toContain('process_resident_memory_bytes');
  });

  test('names follow the conventions of Prometheus', () => {
    for (const { name } of Object.values(COUNTERS)) expect(name).toMatch(/^cortex_[a-z_]+_total$/);
    for (const { name } of Object.values(DURATIONS)) expect(name).toMatch(/^cortex_[a-z_]+_seconds$/);
    for (const { name } of Object.values(GAUGES)) expect(name).toMatch(/^cortex_[a-z_]+$/);
    for (const { name } of Object.values(GAUGES)) expect(name).not.toMatch(/_total$/);
  });

  test('labels of somebody else do not grow without end', async () => {
    const metrics = prometheusMetrics();
    for (let i = 0; i < 5000; i++) metrics.count('rpcRequests', 1, { method: `m${i}`, outcome: 'ok' });
    const text = await metrics.text();
    expect(text.match(/^cortex_rpc_requests_total\{/gm)?.length).toBe(201);
    expect(text).toContain('cortex_rpc_requests_total{method="other",outcome="other"} 4800\n');
  });

  test('GET /metrics is answered, other paths are left to others', async () => {
    const metrics = prometheusMetrics();
    const server = createServer((request, response) => {
      if (!metrics.route(request, response)) response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const got = await fetch(`${url}/metrics?x=1`);
      expect(got.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      expect(await got.text()).toContain('# TYPE cortex_inferences_total counter');
      expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(404);
      expect((await fetch(`${url}/`)).status).toBe(404);
    } finally {
      server.close();
    }
  });
});
