import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "./defaults.ts";
import { type Options, type Parsed, parsePolicy, parsePolicyValue, requirePolicy } from "./parse.ts";
import { formatProblem, PolicyError } from "./problem.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";
import type { Streamtype } from "./types.ts";

const corpus = new URL("../../test/corpus/policies/", import.meta.url);

describe("policies written for libwebsockets", () => {
  test.each(readdirSync(corpus))("%s loads unchanged, with notes alone", (name) => {
    const parsed = load(name);

    expect(parsed.policy).toBeDefined();
    expect(faults(parsed)).toEqual([]);
  });

  test("say between them every key of a streamtype that libwebsockets has", () => {
    const texts = readdirSync(corpus).map((name) => readFileSync(new URL(name, corpus), "utf8"));
    const ours = ["mqtt_version", "http_multipart_filename"];

    for (const key of Object.keys(STREAMTYPE_KEYS).filter((each) => !ours.includes(each))) {
      expect(
        texts.some((text) => text.includes(`"${key}"`)),
        key,
      ).toBe(true);
    }
  });

  test("mean what they meant: http", () => {
    const mintest = streamtype(load("lws-minimal.json"), "mintest");

    expect(mintest).toMatchObject({
      endpoint: "warmcat.com",
      port: 443,
      protocol: "h2",
      tls: true,
      opportunistic: true,
      nailedUp: false,
      timeout: undefined,
      payloadFormat: "json",
      buffer: { size: 65_536, pauseAbove: 24_576, resumeBelow: 8192 },
      metadata: [
        { name: "uptag", header: "x-upload-tag" },
        { name: "ctype", header: "content-type" },
        { name: "srv", header: "server" },
        { name: "xctype", header: undefined },
      ],
    });
    expect(mintest.trustStore?.stack[0]?.[0]).toBe(0x30);
    expect(mintest.retry).toEqual({
      name: "default",
      table: [1000, 2000, 3000, 5000, 10_000],
      conceal: 5,
      jitterPercent: 20,
      validityPing: 30_000,
      validityHangup: 35_000,
      stable: 10_000,
    });
  });

  test("mean what they meant: response map, sigv4, ws, captive portal", () => {
    const minimal = load("lws-minimal.json");

    expect([...streamtype(minimal, "respmap").http.responseMap]).toEqual([
      [530, 1530],
      [531, 1531],
    ]);
    expect(streamtype(minimal, "respmap").http).toMatchObject({ url: "", serialHeader: "dsn" });
    expect(streamtype(minimal, "s3PutObj")).toMatchObject({
      auth: { name: "sigv4_br", type: "sigv4", blob: 0, streamtype: undefined },
      awsRegion: "region",
    });
    expect(streamtype(minimal, "binance")).toMatchObject({
      viaSocks5: { host: "127.0.0.1", port: 1080 },
      http: { url: "stream?streams=btcusdt@depth@0ms" },
      ws: { subprotocol: "lws-mirror-protocol", binary: false },
    });
    expect(streamtype(minimal, "captive_portal_detect").http).toMatchObject({
      expect: 204,
      failRedirect: true,
    });
    expect(minimal.policy?.metrics).toEqual([
      { name: "forscraper.*", schedule: 5_000_000, halflife: 0, minOutlier: 10, report: "local" },
    ]);
  });

  test("mean what they meant: mqtt, multipart, servers", () => {
    const mqtt = streamtype(load("lws-mqtt.json"), "mosq_tls");
    const server = streamtype(load("lws-server.json"), "myserver");

    expect(mqtt).toMatchObject({ clientCert: 0, viaSocks5: { port: 12_345 }, nailedUp: true });
    expect(mqtt.mqtt).toMatchObject({
      version: 4,
      qos: 1,
      keepAlive: 60_000,
      cleanStart: true,
      will: { payload: "sayonara", qos: 1, retain: false },
      birth: { payload: "hello", qos: 1, retain: true },
      awsIot: true,
    });
    expect(streamtype(load("lws-avs.json"), "avs_metadata").http.multipart).toEqual({
      name: "metadata",
      filename: undefined,
      contentType: "application/json; charset=UTF-8",
    });
    expect(server.server).toEqual({ certificate: "self_cert", key: "self_key" });
  });
});

describe("the readable form", () => {
  test("takes objects where libwebsockets takes lists of objects", () => {
    const listed = load("lws-minimal.json");
    const plain = parsePolicyValue({
      streams: { a: { endpoint: "x", retry: "r", metadata: { m: "M:" }, http_resp_map: { "404": 1404 } } },
      retry: { r: { backoff: [1] } },
      trust_stores: { t: ["c"], u: { stack: ["c"] } },
      certs: { c: pem(listed.policy?.certificates.get("isrg_root_x1")) },
      auth: { b: { type: "sigv4", blob: 3 }, bare: {} },
      metrics: { m: { report: "r" } },
    });

    expect(faults(plain)).toEqual([]);
    expect(plain.policy?.trustStores.get("t")?.stack).toEqual(
      listed.policy?.trustStores.get("le_via_isrg")?.stack,
    );
    expect(plain.policy?.trustStores.get("u")?.stack).toHaveLength(1);
    expect(plain.policy?.auths.get("b")?.blob).toBe(3);
    expect(plain.policy?.auths.get("bare")).toMatchObject({ type: "", blob: 0 });
    expect(plain.policy?.metrics[0]?.name).toBe("m");
    expect(streamtype(plain, "a").metadata).toEqual([{ name: "m", header: "m" }]);
  });

  test("takes several members in one element, and names inside a single object", () => {
    const parsed = parsePolicyValue({
      s: [{ a: { endpoint: "x" }, b: { endpoint: "y" } }, { c: { endpoint: "z" } }],
      auth: { name: "n", type: "sigv4" },
    });

    expect([...(parsed.policy?.streamtypes.keys() ?? [])]).toEqual(["a", "b", "c"]);
    expect([...(parsed.policy?.auths.keys() ?? [])]).toEqual(["n"]);
  });

  test("takes what a name refers to before or after it", () => {
    expect(faults(parse('{"s":{"a":{"endpoint":"x","retry":"r"}},"retry":{"r":{}}}'))).toEqual([]);
  });

  test("may name its schema", () => {
    expect(faults(parse('{"$schema":"./policy.schema.json"}'))).toEqual([]);
  });
});

describe("defaults", () => {
  test("of a streamtype that says nothing but where to go", () => {
    const parsed = parsePolicyValue({ streams: { a: { endpoint: "x" } } });

    expect(streamtype(parsed, "a")).toMatchObject({
      port: 80,
      protocol: "h1",
      tls: false,
      trustStore: undefined,
      timeout: undefined,
      buffer: { size: 32_768, pauseAbove: 32_768, resumeBelow: 16_384 },
      retry: { table: [1000, 2000, 3000, 5000, 10_000], conceal: 5, jitterPercent: 20, stable: 10_000 },
      mqtt: { version: 4, will: undefined, birth: undefined, qos: 0 },
      server: undefined,
      auth: undefined,
    });
  });

  test("of a retry that says nothing: 3000 ms, 30 percent, give up at once", () => {
    const { policy } = parsePolicyValue({ retry: { r: {}, none: { backoff: [], jitterpc: 0 } } });

    expect(policy?.retries.get("r")).toMatchObject({ table: [3000], jitterPercent: 30, conceal: 0 });
    expect(policy?.retries.get("none")).toMatchObject({ table: [3000], jitterPercent: 0 });
    expect(policy?.retries.get("r")?.validityPing).toBeUndefined();
    expect(policy?.retries.get("r")?.validityHangup).toBeUndefined();
  });

  test.each([
    ["h1", true, 443],
    ["ws", false, 80],
    ["mqtt", false, 1883],
    ["mqtt", true, 8883],
    ["raw", true, 0],
  ])("of the port: %s with tls %s is %i", (protocol, tls, port) => {
    expect(streamtype(parsePolicyValue({ s: { a: { endpoint: "x", protocol, tls } } }), "a").port).toBe(port);
  });

  test("of a stable connection and the version of mqtt may be changed", () => {
    const parsed = parsePolicyValue({
      retry: { r: { stable_ms: 5 } },
      s: {
        a: {
          endpoint: "x",
          protocol: "mqtt",
          mqtt_version: "5",
          mqtt_qos: 2,
          mqtt_will_topic: "w",
          retry: "r",
        },
      },
    });

    expect(streamtype(parsed, "a").retry.stable).toBe(5);
    expect(streamtype(parsed, "a").mqtt).toMatchObject({
      version: 5,
      qos: 2,
      will: { topic: "w", payload: "", qos: 0, retain: false },
    });
  });

  test("the built-in policy is the one that libwebsockets has, without its h2 quirks", () => {
    const ours = streamtype(parsePolicyValue(DEFAULT_POLICY), "__default");

    expect(faults(parsePolicyValue(DEFAULT_POLICY))).toEqual([]);
    expect(ours).toEqual(streamtype(load("lws-default.json"), "__default"));
  });
});

describe("faults", () => {
  test.each<[string, unknown, string]>([
    ["no object", [], "#: error: Expected the policy to be an object, found a list"],
    [
      "text for a number",
      a({ port: "80" }),
      '#/s/a/port: error: Expected "port" to be a number, found the text "80"',
    ],
    [
      "port too large",
      a({ port: 65_536 }),
      '#/s/a/port: error: "port" is 65536: expected a whole number from 0 to 65535',
    ],
    [
      "half a port",
      a({ port: 0.5 }),
      '#/s/a/port: error: "port" is 0.5: expected a whole number from 0 to 65535',
    ],
    ["number for a flag", a({ tls: 1 }), '#/s/a/tls: error: Expected "tls" to be true or false, found 1'],
    ["null", a({ tls: null }), '#/s/a/tls: error: Expected "tls" to be true or false, found null'],
    [
      "flag for a text",
      a({ endpoint: true }),
      '#/s/a/endpoint: error: Expected "endpoint" to be a text, found true',
    ],
    [
      "list for a text",
      a({ payload_fmt: [] }),
      '#/s/a/payload_fmt: error: Expected "payload_fmt" to be a text, found a list',
    ],
    [
      "unknown protocol",
      a({ protocol: "mqt" }),
      '#/s/a/protocol: error: "protocol" is "mqt": expected one of "h1", "h2", "h3", "ws", "mqtt", "raw" (did you mean "mqtt"?)',
    ],
    [
      "number for a protocol",
      a({ protocol: 1 }),
      '#/s/a/protocol: error: Expected "protocol" to be one of "h1", "h2", "h3", "ws", "mqtt", "raw", found 1',
    ],
    [
      "number for a payload",
      a({ protocol: "mqtt", mqtt_will_message: 1 }),
      '#/s/a/mqtt_will_message: error: Expected "mqtt_will_message" to be a text, found 1',
    ],
    [
      "no method",
      a({ http_method: "GET /" }),
      '#/s/a/http_method: error: "http_method" is "GET /": expected one word, such as "GET"',
    ],
    [
      "no header",
      a({ http_auth_header: "a b" }),
      '#/s/a/http_auth_header: error: "http_auth_header" is "a b", which is no header name',
    ],
    [
      "number for a header",
      a({ http_auth_header: 1 }),
      '#/s/a/http_auth_header: error: Expected "http_auth_header" to be a text, found 1',
    ],
    [
      "line break",
      a({ http_auth_preamble: "a\r\nb" }),
      '#/s/a/http_auth_preamble: error: "http_auth_preamble" holds a control character',
    ],
    [
      "metadata header",
      a({ metadata: { m: "a b" } }),
      '#/s/a/metadata/m: error: "m" is "a b", which is no header name',
    ],
    [
      "metadata number",
      a({ metadata: [{ m: 1 }] }),
      '#/s/a/metadata/0/m: error: Expected "m" to be a text, found 1',
    ],
    [
      "metadata text",
      a({ metadata: "m" }),
      '#/s/a/metadata: error: Expected "metadata" to be an object, or a list of objects, found the text "m"',
    ],
    [
      "metadata list of texts",
      a({ metadata: ["m"] }),
      '#/s/a/metadata/0: error: Expected an object, found the text "m"',
    ],
    [
      "metadata twice",
      a({ metadata: [{ m: "" }, { m: "" }] }),
      '#/s/a/metadata/1/m: error: "m" stands twice: the first is at p#/s/a/metadata/0/m',
    ],
    [
      "metadata without end",
      a({ metadata: Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`m${i}`, ""])) }),
      '#/s/a/metadata: error: "metadata" has 256 entries, at most 255',
    ],
    [
      "no status",
      a({ http_resp_map: { ok: 1000 } }),
      '#/s/a/http_resp_map/ok: error: "ok" is no response status: expected 100 to 999',
    ],
    [
      "small user state",
      a({ http_resp_map: { "200": 999 } }),
      '#/s/a/http_resp_map/200: error: "200" is 999: expected a whole number from 1000 to 65535',
    ],
    [
      "number for a map",
      a({ http_resp_map: 1 }),
      '#/s/a/http_resp_map: error: Expected "http_resp_map" to be an object, or a list of objects, found 1',
    ],
    [
      "unknown retry",
      { ...a({ retry: "defalt" }), retry: { default: {} } },
      '#/s/a/retry: error: "retry" names the retry "defalt", which the policy does not have (did you mean "default"?)',
    ],
    [
      "beginning of a name",
      { ...a({ retry: "le" }), retry: { le_via_isrg: {} } },
      '#/s/a/retry: error: "retry" names the retry "le", which the policy does not have',
    ],
    [
      "unknown trust store",
      a({ tls_trust_store: "t" }),
      '#/s/a/tls_trust_store: error: "tls_trust_store" names the trust store "t", which the policy does not have',
    ],
    [
      "unknown auth",
      a({ use_auth: "x" }),
      '#/s/a/use_auth: error: "use_auth" names the auth "x", which the policy does not have',
    ],
    [
      "buffer marks",
      a({ client_buflen_rxflow_on_above: 5, client_buflen_rxflow_off_below: 9 }),
      "#/s/a/client_buflen_rxflow_off_below: error: Reading would go on below 9 and stop above 5: give the lower one here",
    ],
    [
      "streamtype of a number",
      { s: { a: 1 } },
      '#/s/a: error: Expected the streamtype "a" to be an object, found 1',
    ],
    [
      "streamtypes of a text",
      { s: ["a"] },
      '#/s/0: error: Expected an object of streamtype names, found the text "a"',
    ],
    [
      "streamtype twice",
      { s: [{ a: { endpoint: "x" } }, { a: {} }] },
      '#/s/1/a: error: "a" stands twice: the first is at p#/s/0/a',
    ],
    ["streamtype without a name", { s: { "": {} } }, "#/s/: error: A streamtype needs a name"],
    [
      "alias twice",
      a({ http_mime_content_type: "x", http_multipart_content_type: "y" }),
      '#/s/a/http_multipart_content_type: error: "http_multipart_content_type" and "http_mime_content_type" are the same key',
    ],
    [
      "backoff too long",
      { retry: { r: { backoff: [1, 2, 3, 4, 5, 6, 7, 8, 9] } } },
      '#/retry/r/backoff: error: "backoff" has 9 entries, at most 8',
    ],
    [
      "backoff of texts",
      { retry: { r: { backoff: ["1"] } } },
      '#/retry/r/backoff/0: error: Expected "backoff" to be a number, found the text "1"',
    ],
    [
      "backoff of one",
      { retry: { r: { backoff: 1 } } },
      '#/retry/r/backoff: error: Expected "backoff" to be a list of numbers, found 1',
    ],
    [
      "empty stack",
      { trust_stores: { t: [] } },
      '#/trust_stores/t: error: The trust store "t" has no certificates: name them in "stack"',
    ],
    [
      "no stack",
      { trust_stores: [{ name: "t" }] },
      '#/trust_stores/0/name: error: The trust store "t" has no certificates: name them in "stack"',
    ],
    ["no name", { trust_stores: [{ stack: [] }] }, '#/trust_stores/0: error: This trust store has no "name"'],
    [
      "number for a name",
      { auth: [{ name: 1 }] },
      '#/auth/0/name: error: Expected "name" to be a text, found 1',
    ],
    [
      "unknown certificate",
      { trust_stores: { t: ["c"] } },
      '#/trust_stores/t/0: error: "stack" names the certificate "c", which the policy does not have',
    ],
    ["certificate of a number", { certs: { c: 1 } }, '#/certs/c: error: Expected "c" to be a text, found 1'],
    [
      "certificate cut off",
      { certs: { c: "MIIBAQ==" } },
      '#/certs/c: error: The certificate "c" cannot be read: Not DER: it should have 261 bytes and has 4',
    ],
    [
      "certificate not base64",
      { certs: { c: "?" } },
      '#/certs/c: error: The certificate "c" cannot be read: Not base64: its length fits no number of bytes',
    ],
    [
      "number not finite",
      { release: Number.POSITIVE_INFINITY },
      "#/release: error: The number Infinity is not finite",
    ],
    [
      "forbidden key",
      JSON.parse('{"s":{"__proto__":{}}}'),
      '#/s/__proto__: error: The key "__proto__" is not allowed: choose another name',
    ],
    [
      "text too long",
      a({ http_url: "x".repeat(65_537) }),
      '#/s/a/http_url: error: "http_url" has 65537 characters, at most 65536',
    ],
    [
      "metadata not finite",
      a({ metadata: { m: Number.NaN } }),
      "#/s/a/metadata/m: error: The number NaN is not finite",
    ],
    [
      "metadata list not finite",
      a({ metadata: [Number.NaN] }),
      "#/s/a/metadata/0: error: The number NaN is not finite",
    ],
    ["streamtype not finite", { s: { a: Number.NaN } }, "#/s/a: error: The number NaN is not finite"],
    ["streamtypes not finite", { s: [Number.NaN] }, "#/s/0: error: The number NaN is not finite"],
    ["port not finite", a({ port: Number.NaN }), "#/s/a/port: error: The number NaN is not finite"],
    [
      "number for a url",
      a({ http_url: 1 }),
      '#/s/a/http_url: error: Expected "http_url" to be a text, found 1',
    ],
    ["function", { s: () => 1 }, "#/s: error: Expected what JSON can hold, found a function"],
  ])("name the place and the remedy: %s", (_, value, problem) => {
    const parsed = parsePolicyValue(value, { source: "p" });

    expect(faults(parsed).filter((each) => each.includes(" error: "))).toEqual([`p${problem}`]);
    expect(parsed.policy).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    [
      "unknown key",
      a({ endpont: "x" }),
      '#/s/a/endpont: warning: Unknown key "endpont" of the streamtype "a" (did you mean "endpoint"?)',
    ],
    [
      "swapped letters",
      a({ lts: true }),
      '#/s/a/lts: warning: Unknown key "lts" of the streamtype "a" (did you mean "tls"?)',
    ],
    [
      "unknown key like no other",
      a({ entirely_else: 1 }),
      '#/s/a/entirely_else: warning: Unknown key "entirely_else" of the streamtype "a"',
    ],
    [
      "unknown key at the top",
      { stream: {} },
      '#/stream: warning: Unknown key "stream" of the policy (did you mean "streams"?)',
    ],
    [
      "unknown key of a retry",
      { retry: { r: { concel: 1 } } },
      '#/retry/r/concel: warning: Unknown key "concel" of the retry "r" (did you mean "conceal"?)',
    ],
    ["no endpoint", { s: { a: {} } }, '#/s/a: warning: The streamtype "a" has no "endpoint"'],
    [
      "key of another protocol",
      a({ mqtt_topic: "t" }),
      '#/s/a/mqtt_topic: warning: "mqtt_topic" means nothing with the protocol "h1"',
    ],
    [
      "method with ws",
      a({ protocol: "ws", http_method: "GET" }),
      '#/s/a/http_method: warning: "http_method" means nothing with the protocol "ws"',
    ],
    [
      "unknown template",
      a({ http_url: "$".concat("{idd}"), metadata: { id: "" } }),
      '#/s/a/http_url: warning: "http_url" uses "idd", which "metadata" does not list (did you mean "id"?)',
    ],
    [
      "unknown rideshare",
      a({ rideshare: "x" }),
      '#/s/a/rideshare: warning: "rideshare" names the streamtype "x", which the policy does not have',
    ],
    [
      "useless ping",
      { retry: { r: { svalidping: 5, svalidhup: 5 } } },
      '#/retry/r/svalidping: warning: "svalidping" is 5 and "svalidhup" 5: no probe is sent before the hangup',
    ],
  ])("that do no harm are warnings, and errors if strict: %s", (_, value, problem) => {
    const parsed = parsePolicyValue(value, { source: "p" });
    const strict = parsePolicyValue(value, { source: "p", strict: true });

    expect(faults(parsed)).toEqual([`p${problem}`]);
    expect(parsed.policy).toBeDefined();
    expect(faults(strict)).toEqual([`p${problem.replace("warning", "error")}`]);
    expect(strict.policy).toBeUndefined();
  });

  test("what is accepted and not acted upon yet is noted, unless it is switched off", () => {
    const parsed = parsePolicyValue(a({ protocol: "h3", perf: true, urgent_tx: false, rideshare: "a" }), {
      strict: true,
    });

    expect(parsed.policy).toBeDefined();
    expect(parsed.problems.map(formatProblem)).toEqual([
      'policy#/s/a/protocol: note: "protocol": "h3" is accepted and not acted upon yet',
      'policy#/s/a/perf: note: "perf" is accepted and not acted upon yet',
      'policy#/s/a/rideshare: note: "rideshare": "a" is accepted and not acted upon yet',
    ]);
  });

  test("of too many values or too deep an object end the reading", () => {
    const wide = parsePolicyValue({ s: [1, 2, 3], t: 4 }, { limits: { values: 3 } });
    const deep = parsePolicyValue({ s: { a: { b: 1 } }, t: 4 }, { limits: { depth: 2 } });

    expect(wide.problems.map((problem) => problem.code)).toContain("policy-too-large");
    expect(deep.problems.map(formatProblem)).toContain(
      "policy#/s/a/b: error: Objects and lists are nested deeper than 2",
    );
  });

  test("of a getter are not asked for: such a member does not exist", () => {
    const value = Object.defineProperty({ release: "1" }, "product", { enumerable: true, get: () => "2" });

    expect(parsePolicyValue(value).policy?.product).toBeUndefined();
  });

  test("are all listed, with line and column, in the order of the text", () => {
    const parsed = parse('{"s":[{"a":{"endpoint":"x",\n "port":"80",\n "retry":"q" "tsl":true}}]}', {
      source: "p.json",
    });

    expect(faults(parsed)).toEqual([
      'p.json:2:9: error: Expected "port" to be a number, found the text "80"',
      'p.json:3:10: error: "retry" names the retry "q", which the policy does not have',
      'p.json:3:14: error: Expected "," before the next key',
      'p.json:3:14: warning: Unknown key "tsl" of the streamtype "a" (did you mean "tls"?)',
    ]);
  });

  test("are counted past the first hundred of a kind", () => {
    const many = Object.fromEntries(
      Array.from({ length: 150 }, (_, index) => [`k${index}`, { endpoint: 1 }]),
    );
    const parsed = parsePolicyValue({ s: many });

    expect(parsed.problems).toHaveLength(201);
    expect(parsed.problems.at(-1)?.message).toBe("100 more problems are not listed");
  });

  test("of a template without end are found in bounded time", () => {
    expect(parsePolicyValue(a({ http_url: "$".concat("{").repeat(32_768) })).policy).toBeDefined();
  });

  test("keep no path that is as long as the text", () => {
    const parsed = parsePolicyValue({ s: { ["x".repeat(5000)]: { endpont: 1 } } });

    expect(parsed.problems.map((problem) => problem.path.length)).toEqual([1000, 1000]);
  });

  test("are thrown together where a policy is required", () => {
    const bad = parsePolicyValue(a({ port: "80", tls: 1 }), { source: "p" });

    expect(() => requirePolicy(bad)).toThrow(PolicyError);
    expect(() => requirePolicy(bad)).toThrow(/port.*\n.*tls/);
    expect(new PolicyError(bad.problems)).toMatchObject({ code: "policy-type", layer: "policy" });
    expect(new PolicyError([])).toMatchObject({ code: "policy-value", message: "" });
    expect(requirePolicy(parsePolicyValue({})).policy.streamtypes.size).toBe(0);
  });
});

function a(fields: object): { readonly s: { readonly a: object } } {
  return { s: { a: { endpoint: "h", ...fields } } };
}

function parse(text: string, options?: Options): Parsed {
  return parsePolicy(text, options);
}

function load(name: string): Parsed {
  return parsePolicy(readFileSync(new URL(name, corpus), "utf8"), { source: name });
}

/** Errors and warnings, as people see them. */
function faults(parsed: Parsed): readonly string[] {
  return parsed.problems.filter((problem) => problem.severity !== "note").map(formatProblem);
}

function streamtype(parsed: Parsed, name: string): Streamtype {
  const found = parsed.policy?.streamtypes.get(name);
  if (found === undefined) throw new Error(`${name}: ${faults(parsed).join("\n")}`);
  return found;
}

function pem(der: Uint8Array | undefined): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der ?? []).toString("base64")}\n-----END CERTIFICATE-----\n`;
}
