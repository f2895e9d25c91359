import type { Retry } from "./types.ts";

/** What a streamtype without `retry` does. */
export const BUILT_IN_RETRY: Retry = {
  name: "built-in",
  table: [1000, 2000, 3000, 5000, 10_000],
  conceal: 5,
  jitterPercent: 20,
  validityPing: 30_000,
  validityHangup: 35_000,
  stable: 10_000,
};

/**
 * The policy used where a program gives none: a streamtype `__default` that fetches `https://${endpoint}/` over h2,
 * and `captive_portal_detect`, which asks whether the network leads to the Internet.
 */
export const DEFAULT_POLICY = {
  release: "built-in",
  product: "secure-streams",
  "schema-version": 1,
  retry: {
    default: {
      backoff: [1000, 2000, 3000, 5000, 10_000],
      conceal: 5,
      jitterpc: 20,
      svalidping: 30,
      svalidhup: 35,
    },
  },
  streams: {
    __default: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own template
      endpoint: "${endpoint}",
      port: 443,
      protocol: "h2",
      http_method: "GET",
      http_url: "",
      metadata: { endpoint: "", acc: "accept", ua: "user-agent" },
      tls: true,
      opportunistic: true,
      retry: "default",
      timeout_ms: 2000,
      direct_proto_str: true,
      allow_redirects: true,
    },
    captive_portal_detect: {
      endpoint: "connectivitycheck.android.com",
      port: 80,
      protocol: "h1",
      http_method: "GET",
      http_url: "generate_204",
      opportunistic: true,
      http_expect: 204,
      http_fail_redirect: true,
    },
  },
} as const;
