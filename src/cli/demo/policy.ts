import type { PeerPorts } from "./peers.ts";

/** The name that every peer of the demo goes by. */
export const HOST = "gateway.demo.test";

export const LANES = ["h1", "h2", "ws", "mqtt", "raw"] as const;
export type LaneName = (typeof LANES)[number];

/** The policy of the demo, as a person would write it. `certificate` is the private CA's, base64 of DER. */
export function demoPolicy(ports: PeerPorts, certificate: string): object {
  const common = { endpoint: HOST, tls: true, tls_trust_store: "demo", retry: "stubborn" };
  const http = { ...common, http_method: "POST", http_url: "echo", timeout_ms: 15_000 };
  return {
    release: "demo",
    retry: {
      stubborn: { backoff: [200, 400, 800], conceal: 65_535, jitterpc: 20, svalidping: 5, svalidhup: 8 },
    },
    certs: { demo_root: certificate },
    trust_stores: { demo: ["demo_root"] },
    streams: {
      h1: { ...http, protocol: "h1", port: ports.h1 },
      h2: { ...http, protocol: "h2", port: ports.h2 },
      ws: { ...common, protocol: "ws", port: ports.ws, http_url: "echo", nailed_up: true },
      mqtt: {
        ...common,
        protocol: "mqtt",
        port: ports.mqtt,
        mqtt_topic: "demo/echo",
        mqtt_subscribe: "demo/echo",
        mqtt_qos: 1,
        mqtt_clean_start: true,
        nailed_up: true,
      },
      raw: { ...common, protocol: "raw", port: ports.raw, nailed_up: true },
    },
  };
}
