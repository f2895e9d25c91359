import type { Malformed } from "../lib/malformed.ts";
import { readDer } from "./certificate.ts";
import { Values } from "./check.ts";
import { BUILT_IN_RETRY } from "./defaults.ts";
import type { Draft, Entry } from "./draft.ts";
import { quote } from "./json.ts";
import type { KeyTable } from "./key-definition.ts";
import {
  AUTH_KEYS,
  CERTIFICATE_KEYS,
  METRIC_KEYS,
  POLICY_KEYS,
  RETRY_KEYS,
  TRUST_STORE_KEYS,
} from "./keys.ts";
import type { Problems } from "./problem.ts";
import { buildStreamtype } from "./streamtype.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";
import { buildTrustStore } from "./trust-store.ts";
import type { Auth, Metric, Policy, Retry } from "./types.ts";

/** The policy a draft says. Where `problems` then holds errors, the policy is not whole and must not be used. */
export function buildPolicy(draft: Draft, problems: Problems): Policy {
  const { collections } = draft;
  const top = new Values(draft.settings, POLICY_KEYS, draft, problems);
  const certificates = new Map<string, Uint8Array>();
  for (const entry of collections.certs.values()) {
    const der = buildCertificate(entry, valuesOf(entry, CERTIFICATE_KEYS), problems);
    if (der !== undefined) certificates.set(entry.name, der);
  }
  const retries = mapEntries(collections.retry, (entry) =>
    buildRetry(entry.name, valuesOf(entry, RETRY_KEYS), problems),
  );
  const trustStores = mapEntries(collections.trust_stores, (entry) =>
    buildTrustStore(entry, valuesOf(entry, TRUST_STORE_KEYS), certificates, problems),
  );
  const auths = mapEntries(collections.auth, (entry) => buildAuth(entry.name, valuesOf(entry, AUTH_KEYS)));
  const metrics = mapEntries(collections.metrics, (entry) =>
    buildMetric(entry.name, valuesOf(entry, METRIC_KEYS)),
  );
  const proxy = top.get("via-socks5");
  const viaSocks5 = proxy === "none" ? undefined : proxy;
  const all = mapEntries(collections.s, (entry) => ({ entry, values: valuesOf(entry, STREAMTYPE_KEYS) }));
  const rideshares = new Set([...all.values()].map(({ values }) => values.get("rideshare")));
  const base = { retries, trustStores, auths, viaSocks5, rideshares };
  return {
    streamtypes: new Map(
      [...all].map(([name, { entry, values }]) => [name, buildStreamtype(entry, values, base, problems)]),
    ),
    retries,
    trustStores,
    certificates,
    auths,
    metrics: [...metrics.values()],
    viaSocks5,
    release: top.get("release"),
    product: top.get("product"),
    schemaVersion: top.get("schema-version"),
  };

  function valuesOf<T extends KeyTable>(entry: Entry, keys: T): Values<T> {
    return new Values(entry.fields, keys, draft, problems);
  }
}

function mapEntries<V>(
  entries: ReadonlyMap<string, Entry>,
  build: (entry: Entry) => V,
): ReadonlyMap<string, V> {
  return new Map([...entries].map(([name, entry]) => [name, build(entry)]));
}

function buildCertificate(
  entry: Entry,
  values: Values<typeof CERTIFICATE_KEYS>,
  problems: Problems,
): Uint8Array | undefined {
  const text = values.get("der");
  if (text === undefined) return undefined;
  try {
    return readDer(text);
  } catch (error) {
    const { message } = error as Malformed;
    problems.error(
      "policy-certificate",
      entry.place,
      `The certificate ${quote(entry.name)} cannot be read: ${message}`,
    );
    return undefined;
  }
}

function buildRetry(name: string, values: Values<typeof RETRY_KEYS>, problems: Problems): Retry {
  const backoff = values.get("backoff") ?? [];
  const ping = values.get("svalidping") ?? 0;
  const hangup = values.get("svalidhup") ?? 0;
  const isPingUseless = hangup > 0 && ping >= hangup;
  const written = values.member("svalidping");
  if (isPingUseless && written !== undefined) {
    const message = `"svalidping" is ${ping} and "svalidhup" ${hangup}: no probe is sent before the hangup`;
    problems.warning("policy-conflict", written.value, message);
  }
  return {
    name,
    table: backoff.length === 0 ? [3000] : backoff,
    conceal: values.get("conceal") ?? 0,
    jitterPercent: values.get("jitterpc") ?? 30,
    validityPing: ping === 0 || isPingUseless ? undefined : ping * 1000,
    validityHangup: hangup === 0 ? undefined : hangup * 1000,
    stable: values.get("stable_ms") ?? BUILT_IN_RETRY.stable,
  };
}

function buildAuth(name: string, values: Values<typeof AUTH_KEYS>): Auth {
  return {
    name,
    type: values.get("type") ?? "",
    streamtype: values.get("streamtype"),
    blob: values.get("blob") ?? 0,
  };
}

function buildMetric(name: string, values: Values<typeof METRIC_KEYS>): Metric {
  return {
    name,
    schedule: values.get("us_schedule"),
    halflife: values.get("us_halflife"),
    minOutlier: values.get("min_outlier"),
    report: values.get("report"),
  };
}
