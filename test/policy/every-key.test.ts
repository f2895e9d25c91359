import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  effectiveSettings,
  type PolicyDocument,
  parsePolicy,
  requirePolicy,
} from "../../src/policy/index.ts";

/** The keys that libwebsockets reads, written down from its documentation and not from our tables. */
const TOP = `release product schema-version via-socks5 retry certs trust_stores auth metrics s`;
const NAMED = `backoff conceal jitterpc svalidping svalidhup name stack type streamtype blob us_schedule us_halflife
  min_outlier report`;
const STREAMTYPE = `endpoint port protocol via-socks5 plugins tls client_cert tls_trust_store opportunistic nailed_up
  allow_redirects urgent_tx urgent_rx attr_priority attr_low_latency attr_high_throughput attr_high_reliability
  attr_low_cost long_poll retry timeout_ms perf proxy_buflen proxy_buflen_rxflow_on_above
  proxy_buflen_rxflow_off_below client_buflen client_buflen_rxflow_on_above client_buflen_rxflow_off_below metadata
  rideshare payload_fmt local_sink options server server_cert server_key swake_validity use_auth aws_region
  aws_service direct_proto_str http_method http_url http_expect http_fail_redirect http_resp_map http_auth_header
  http_auth_preamble http_dsn_header http_fwv_header http_devtype_header http_no_content_length
  http_www_form_urlencoded http_multipart_name http_multipart_filename http_mime_content_type http_multipart_ss_in
  http_cookies nghttp2_quirk_end_stream h2q_oflow_txcr ws_subprotocol ws_binary ws_prioritize_reads mqtt_topic
  mqtt_subscribe mqtt_qos mqtt_retain mqtt_keep_alive mqtt_clean_start mqtt_will_topic mqtt_will_message
  mqtt_will_qos mqtt_will_retain mqtt_birth_topic mqtt_birth_message mqtt_birth_qos mqtt_birth_retain aws_iot`;

/** Accepted, and said to be without effect. */
const LATER = `plugins urgent_tx urgent_rx attr_priority attr_low_latency attr_high_throughput attr_high_reliability
  attr_low_cost long_poll perf proxy_buflen proxy_buflen_rxflow_on_above proxy_buflen_rxflow_off_below rideshare
  local_sink options server server_cert server_key swake_validity use_auth aws_region aws_service auth metrics
  http_multipart_ss_in nghttp2_quirk_end_stream h2q_oflow_txcr ws_prioritize_reads aws_iot`;

test("a policy with every key of libwebsockets loads without a warning", () => {
  const { document, text } = load("every-key-listed.json");

  for (const key of [TOP, NAMED, STREAMTYPE].flatMap(words)) expect(text, key).toContain(`"${key}":`);
  expect(document.problems.filter(({ severity }) => severity !== "note")).toEqual([]);
});

test("each key of it that has no effect is noted, and no other", () => {
  const { document } = load("every-key-listed.json");
  const noted = document.problems.map(({ path }) => path.split("/").at(-1));

  expect(new Set(noted)).toEqual(new Set(words(LATER)));
});

test("the lists of libwebsockets and the readable form in another order mean the same", () => {
  const listed = load("every-key-listed.json").document;
  const readable = load("every-key-readable.json").document;

  expect(readable.policy).toEqual(listed.policy);
  for (const name of listed.policy.streamtypes.keys()) {
    expect(settings(readable, name), name).toEqual(settings(listed, name));
  }
});

function settings(document: PolicyDocument, name: string): unknown {
  return effectiveSettings(document, name)?.map(({ key, value, origin }) => ({ key, value, origin }));
}

function load(name: string): { readonly document: PolicyDocument; readonly text: string } {
  const text = readFileSync(new URL(`../corpus/policies/${name}`, import.meta.url), "utf8");
  return { document: requirePolicy(parsePolicy(text, { source: name })), text };
}

function words(text: string): string[] {
  return text.split(/\s+/);
}
