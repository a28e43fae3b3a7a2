import type { Histogram, Registry } from 'prom-client';
import type { Tally } from '../system/tally.js';
import { type FaultParts, registerFaults } from './fault-metrics.js';
import type { Traffic } from './traffic.js';

export interface MetricsParts extends FaultParts {
  traffic: Traffic;
  /** By operation, and `ok` or the name of the error. */
  calls: Tally;
  /** By profile, and `ok` or the code of the error. */
  renewals: Tally;
  /** The sessions that are asked for, of one profile perhaps several; times in milliseconds since the epoch. */
  sessions(): Iterable<{
    profile: string;
    state: string;
    expiresAt?: number;
    lastAskedAt?: number;
    lastError?: { code: string };
  }>;
  store(): Promise<{ kind: string; up: boolean }>;
  now(): number;
}

export interface Metrics {
  text(): Promise<{ type: string; body: string }>;
}

/** For Prometheus. The library is loaded when somebody asks; until then, and between, there are only plain counters. */
export function createMetrics(parts: MetricsParts): Metrics {
  let loaded: Promise<Registry> | undefined;
  return {
    async text() {
      loaded ??= register(parts).catch((error) => {
        loaded = undefined;
        throw error;
      });
      const registry = await loaded;
      return { type: registry.contentType, body: await registry.metrics() };
    },
  };
}

async function register(parts: MetricsParts): Promise<Registry> {
  const { Counter, Gauge, Registry } = (await import('prom-client')).default;
  const registry = new Registry();
  const registers = [registry];
  const counted = (name: string, help: string, [first, second]: [string, string], tally: Tally) =>
    new Counter({
      name,
      help,
      labelNames: [first, second],
      registers,
      collect() {
        this.reset();
        for (const [one, other, count] of tally.entries()) this.inc({ [first]: one, [second]: other }, count);
      },
    });

  const { traffic, calls, renewals } = parts;
  counted('credd_requests_total', 'Requests for credentials', ['profile', 'outcome'], traffic.answers);
  counted('credd_aws_calls_total', 'Calls to AWS, retries not counted', ['operation', 'result'], calls);
  counted('credd_renewals_total', 'Sessions obtained, and failures to', ['profile', 'outcome'], renewals);
  new Counter({
    name: 'credd_cache_hits_total',
    help: 'Requests for credentials that were answered from memory',
    registers,
    collect() {
      this.reset();
      this.inc(traffic.hits);
    },
  });
  registry.registerMetric(answerTimes(traffic));
  new Gauge({
    name: 'credd_session_expiry_seconds',
    help: 'How long the session of a profile still lasts; 0 where none is to be had',
    labelNames: ['profile'],
    registers,
    collect() {
      this.reset();
      for (const [profile, left] of timesLeft(parts)) this.set({ profile }, left / 1000);
    },
  });
  new Gauge({
    name: 'credd_store_up',
    help: 'Whether the store of sessions could be opened, and did well when it was last used',
    labelNames: ['kind'],
    registers,
    async collect() {
      const { kind, up } = await parts.store();
      this.reset();
      this.set({ kind }, up ? 1 : 0);
    },
  });
  await registerFaults(registry, parts);
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  return registry;
}

/**
 * Of each profile its shortest, so that none ends unseen behind another: a narrowed session, or one that failed. One
 * whose leases have all ended is asked for by nobody, and left to lapse.
 */
function timesLeft({ sessions, now }: MetricsParts): Map<string, number> {
  const shortest = new Map<string, number>();
  for (const { profile, state, expiresAt, lastAskedAt } of sessions()) {
    if (lastAskedAt === undefined) continue;
    const end = expiresAt ?? (state === 'failed' ? 0 : undefined);
    if (end === undefined) continue;
    const left = Math.max(end - now(), 0);
    shortest.set(profile, Math.min(left, shortest.get(profile) ?? left));
  }
  return shortest;
}

/** The library's own histogram counts one observation at a time; these were counted already. */
function answerTimes({ times }: Traffic): Histogram {
  const name = 'credd_answer_seconds';
  const metric = {
    name,
    async get() {
      let below = 0;
      const buckets = times.bounds.map((le, index) => {
        below += times.inBucket[index] ?? 0;
        return { labels: { le }, value: below, metricName: `${name}_bucket` };
      });
      return {
        name,
        help: 'From request to answer, of requests for credentials',
        type: 'histogram',
        aggregator: 'sum',
        values: [
          ...buckets,
          { labels: { le: '+Inf' }, value: times.count, metricName: `${name}_bucket` },
          { labels: {}, value: times.sum, metricName: `${name}_sum` },
          { labels: {}, value: times.count, metricName: `${name}_count` },
        ],
      };
    },
  };
  return metric as unknown as Histogram;
}
