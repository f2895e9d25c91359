import { PORTS, type Town } from "./town.ts";

const RETRY = {
  backoff: [100, 500, 1000, 5000],
  conceal: 65_535,
  jitterpc: 20,
  svalidping: 5,
  svalidhup: 10,
};
export const PROBE = {
  ...{ endpoint: "check.test", port: PORTS.http, protocol: "h1", http_url: "generate_204" },
  ...{ http_expect: 204, http_fail_redirect: true, retry: "once" },
};

/** The policy that a device is built with: one stream of each protocol to the town, and how to look for a portal. */
export function devicePolicy(town: Town, more: { readonly streams?: object } = {}): object {
  const common = { tls: true, tls_trust_store: "town", retry: "patient" };
  const nailed = { ...common, nailed_up: true };
  return {
    certs: { town: town.root },
    trust_stores: { town: ["town"] },
    retry: {
      patient: RETRY,
      quiet: { ...RETRY, svalidping: 0, svalidhup: 0 },
      once: { backoff: [500], conceal: 0 },
    },
    streams: {
      captive_portal_detect: PROBE,
      ws: { ...nailed, endpoint: "town.test", port: PORTS.wss, protocol: "ws" },
      mqtt: {
        ...{ ...nailed, endpoint: "broker.test", port: PORTS.mqtts, protocol: "mqtt" },
        ...{ mqtt_topic: "t", mqtt_subscribe: "t", mqtt_qos: 1 },
      },
      // Nothing can ask a silent raw peer for a sign of life.
      raw: { ...nailed, retry: "quiet", endpoint: "town.test", port: PORTS.raw, protocol: "raw" },
      h1: { ...common, endpoint: "policy.test", port: PORTS.https, protocol: "h1", http_url: "hello" },
      h2: { ...common, endpoint: "town.test", port: PORTS.h2, protocol: "h2", http_method: "POST" },
      ...more.streams,
    },
  };
}

/** How the device fetches the policy that counts. */
export const FETCH_POLICY = {
  ...{ endpoint: "policy.test", port: PORTS.https, protocol: "h1", http_url: "policy.json", tls: true },
  ...{ tls_trust_store: "town", retry: "once", metadata: { tag: "if-none-match" } },
};
