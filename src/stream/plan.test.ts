// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import { describe, expect, test } from "vitest";
import { parsePolicyValue, requirePolicy, type Streamtype } from "../policy/index.ts";
import type { Identity } from "./identity.ts";
import type { MetadataValues } from "./metadata.ts";
import { planTarget } from "./plan.ts";
import { requestUrl, type Target } from "./target.ts";

const CERTIFICATE = { certificate: "cert", key: "key" };

describe("where a stream goes", () => {
  test.each<[string, object, Partial<Target>]>([
    [
      "host and port",
      { endpoint: "A.example", port: 8080 },
      { host: "A.example", port: 8080, unixPath: undefined },
    ],
    ["an IPv6 address", { endpoint: "[2001:db8::1]", port: 80 }, { host: "2001:db8::1" }],
    ["a Unix socket", { endpoint: "+/run/x.sock", port: 80 }, { host: "", port: 0, unixPath: "/run/x.sock" }],
    ["an abstract socket", { endpoint: "+@x" }, { unixPath: "\0x" }],
    ["a whole URL", { endpoint: "http://a.example:81/x", port: 80 }, { host: "a.example", port: 81 }],
  ])("%s", (_, fields, expected) => {
    expect(planOf(fields)).toMatchObject(expected);
  });

  test("names the authority as the Host header does", () => {
    const authority = (fields: object): string | undefined => planOf(fields).http?.authority;

    expect(authority({ port: 80 })).toBe("a.example");
    expect(authority({ port: 8080 })).toBe("a.example:8080");
    expect(authority({ port: 443, tls: true })).toBe("a.example");
    expect(authority({ port: 443 })).toBe("a.example:443");
    expect(authority({ endpoint: "::1", port: 8080 })).toBe("[::1]:8080");
    expect(authority({ endpoint: "+/run/x.sock" })).toBe("localhost");
  });

  test("has a URL where it is a request", () => {
    const url = (fields: object): string => requestUrl(planOf(fields));

    expect(url({ port: 443, tls: true, http_url: "v1/x?y=z" })).toBe("https://a.example/v1/x?y=z");
    expect(url({ endpoint: "::1", port: 8080 })).toBe("http://[::1]:8080/");
    expect(url({ endpoint: "+/run/x.sock", http_url: "x" })).toBe("http://localhost/x");
    expect(url({ protocol: "raw", port: 80 })).toBe("");
  });

  test("fills metadata into endpoint and path", () => {
    const fields = { endpoint: "${region}.example", http_url: "/v1/${id}", metadata: { region: "", id: "" } };

    const target = planOf(fields, { region: "eu", id: "7" });

    expect([target.host, target.http?.path]).toEqual(["eu.example", "/v1/7"]);
  });

  test.each([
    [{ server: true }, "server"],
    [{ local_sink: true }, "local_sink"],
  ])("is nowhere yet for %j", (fields, key) => {
    expect(() => planOf({ ...fields, port: 80 })).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: `Cannot open "test": the policy's "${key}" is not acted upon yet, only clients are`,
      }),
    );
  });

  test("needs a port", () => {
    expect(() => planOf({ endpoint: "a.example", protocol: "raw", port: 0 })).toThrow("has no port");
  });

  test("leaves out the proxy on a Unix socket", () => {
    expect(planOf({ "via-socks5": "p.example:1080" }).socks5).toMatchObject({
      host: "p.example",
      port: 1080,
    });
    expect(planOf({ "via-socks5": "p.example:1080", endpoint: "+@x" }).socks5).toBeUndefined();
  });
});

describe("an endpoint that is metadata alone", () => {
  const fields = { endpoint: "${where}", metadata: { where: "" }, http_url: "of/policy" };

  test("may be a whole URL, which overrides port and path", () => {
    const target = planOf({ ...fields, port: 80 }, { where: "https://b.example:8443/x?y=1" });

    expect(target).toMatchObject({ host: "b.example", port: 8443, http: { path: "/x?y=1" } });
    expect(target.tls?.serverName).toBe("b.example");
  });

  test("may be a host", () => {
    expect(planOf(fields, { where: "b.example" })).toMatchObject({
      host: "b.example",
      http: { path: "/of/policy" },
    });
  });

  test("keeps the path of the policy where the URL has none", () => {
    expect(planOf(fields, { where: "http://b.example/" }).http?.path).toBe("/of/policy");
  });

  test("cannot switch TLS off", () => {
    expect(() => planOf({ ...fields, tls: true }, { where: "http://b.example/" })).toThrow(
      "it would switch TLS off",
    );
  });

  test("is refused where it is missing or of another shape", () => {
    expect(() => planOf(fields, {})).toThrow("it is empty");
    expect(() => planOf(fields, { where: "http://b.example/a b" })).toThrow("a space or fragment mark");
    expect(() => planOf(fields, { where: "b.example/x" })).toThrow("a separator of URLs");
    expect(() => planOf({ endpoint: "${other}" }, { other: "http://b.example/" })).toThrow(
      expect.objectContaining({ code: "metadata-unknown" }),
    );
  });
});

describe("the request", () => {
  test.each<[object, boolean, string]>([
    [{}, false, "GET"],
    [{}, true, "POST"],
    [{ http_method: "put" }, false, "PUT"],
    [{ protocol: "ws", http_method: "POST" }, false, "GET"],
  ])("of %j with a body (%j) is a %s", (fields, hasBody, method) => {
    expect(planOf(fields, {}, {}, hasBody).http?.method).toBe(method);
  });

  test.each(["h1", "h2", "ws"])("has one leading slash on %s, whatever the policy writes", (protocol) => {
    for (const url of ["x/y", "/x/y", "///x/y"]) {
      expect(planOf({ protocol, http_url: url, port: 80, tls: protocol === "h2" }).http?.path).toBe("/x/y");
    }
  });

  test.each([
    ["a/é☃", "/a/%C3%A9%E2%98%83"],
    ["a/%41", "/a/%41"],
    ["a?q=ü#part", "/a?q=%C3%BC"],
    ["#part", "/"],
  ])("says the path %s as %s, whatever the protocol", (url, path) => {
    for (const protocol of ["h1", "h2", "ws"]) {
      expect(planOf({ protocol, http_url: url, port: 80 }).http?.path).toBe(path);
    }
    const fields = { http_url: "${m}", metadata: { m: "" } };
    if (!url.includes("#")) expect(planOf(fields, { m: url }).http?.path).toBe(path);
  });

  test.each(["a b", "a\tb", "a\ud800"])("is none where the policy's path is %j", (http_url) => {
    expect(() => planOf({ http_url })).toThrow(expect.objectContaining({ code: "policy-value" }));
  });

  test("says the length of a body only where there is one", () => {
    const fields = { metadata: { length: "content-length:", id: "x-id" } };
    const values = { id: "7", length: "5" };

    expect(planOf(fields, values, {}, true).http?.headers).toEqual(["x-id", "7", "content-length", "5"]);
    expect(planOf(fields, values, {}, false).http?.headers).toEqual(["x-id", "7"]);
  });

  test("has a header for each metadata value that is set", () => {
    const fields = { metadata: { id: "X-Id:", note: "x-note" } };

    expect(planOf(fields, { id: "7" }).http?.headers).toEqual(["x-id", "7"]);
  });

  test("says that a body is a form", () => {
    const fields = { http_www_form_urlencoded: true };

    expect(planOf(fields, {}, {}, true).http?.headers).toEqual([
      "content-type",
      "application/x-www-form-urlencoded",
    ]);
    expect(planOf(fields, {}, {}, false).http?.headers).toEqual([]);
    expect(
      planOf({ ...fields, metadata: { t: "Content-Type:" } }, { t: "a/b" }, {}, true).http?.headers,
    ).toEqual(["content-type", "application/x-www-form-urlencoded"]);
  });

  test("is none for mqtt and raw", () => {
    expect(planOf({ protocol: "raw", port: 7 }).http).toBeUndefined();
    expect(planOf({ protocol: "mqtt", mqtt_topic: "t" }).http).toBeUndefined();
  });

  test("keeps a line end out of every place", () => {
    const evil = "x\r\ny";
    const metadata = { m: "" };
    for (const fields of [
      { endpoint: "${m}.example", metadata },
      { http_url: "${m}", metadata },
      { metadata: { m: "x-m" } },
      { protocol: "mqtt", mqtt_topic: "${m}", metadata },
      { protocol: "mqtt", mqtt_subscribe: "${m}", metadata },
      { protocol: "mqtt", mqtt_topic: "t", mqtt_will_topic: "${m}", mqtt_will_message: "gone", metadata },
    ]) {
      expect(() => planOf(fields, { m: evil }), JSON.stringify(fields)).toThrow(
        expect.objectContaining({ code: "metadata-unsafe" }),
      );
    }
  });
});

describe("the identity", () => {
  const fields = {
    http_auth_header: "Authorization:",
    http_auth_preamble: "Bearer ",
    http_dsn_header: "x-dsn",
    http_fwv_header: "x-fwv",
    http_devtype_header: "x-type",
  };

  test("are without outer spaces", () => {
    const target = planOf(
      { http_auth_header: "authorization", http_auth_preamble: " Bearer " },
      {},
      { auth: "t " },
    );

    expect(target.http?.headers).toEqual(["authorization", "Bearer t"]);
  });

  test("fills the headers that the policy names", () => {
    const identity = { auth: "token", serial: "12", firmwareVersion: "1.0", deviceType: "lamp" };

    expect(planOf(fields, {}, identity).http?.headers).toEqual([
      "authorization",
      "Bearer token",
      "x-dsn",
      "12",
      "x-fwv",
      "1.0",
      "x-type",
      "lamp",
    ]);
  });

  test("is asked for where it is missing", () => {
    expect(() => planOf(fields, {}, { auth: "token" })).toThrow(
      expect.objectContaining({ code: "blob-missing", message: expect.stringContaining("needs serial") }),
    );
    expect(() => planOf({ tls: true, client_cert: 0 })).toThrow("needs client certificate 0");
    expect(() => planOf({ tls: true, client_cert: 1 }, {}, { clientCertificates: [CERTIFICATE] })).toThrow(
      "needs client certificate 1",
    );
  });

  test("cannot bring a line end into a header", () => {
    expect(() => planOf({ http_auth_header: "authorization" }, {}, { auth: "a\r\nb" })).toThrow(
      "a control character",
    );
  });

  test("is not printed where it cannot be used", () => {
    for (const auth of ["hunter2\r\n", "hunter2 €", 42 as unknown as string]) {
      const plan = () => planOf({ http_auth_header: "authorization" }, {}, { auth });

      expect(plan).toThrow('Cannot use "auth": its value holds');
      expect(plan).not.toThrow(/hunter2|42/);
    }
  });
});

describe("TLS", () => {
  test("is told the name of the peer, the policy's revision and the certificate", () => {
    expect(planOf({ tls: true, client_cert: 0 }, {}, { clientCertificates: [CERTIFICATE] }).tls).toEqual({
      serverName: "a.example",
      trustStore: undefined,
      clientCertificate: CERTIFICATE,
      scope: "policy-1",
    });
    expect(planOf({ tls: true, endpoint: "+@x" }).tls?.serverName).toBe("localhost");
    expect(planOf({}).tls).toBeUndefined();
  });
});

describe("mqtt", () => {
  const fields = {
    protocol: "mqtt",
    mqtt_topic: "t/${id}",
    mqtt_subscribe: "s/${id}/+",
    mqtt_qos: 1,
    mqtt_will_topic: "w/${id}",
    mqtt_will_message: "gone ${id}",
    mqtt_birth_topic: "b/${id}",
    mqtt_birth_message: "here ${id}",
    metadata: { id: "" },
  };

  test("fills metadata into topics, will and birth", () => {
    expect(
      planOf(fields, { id: "7" }, { mqttClientId: "me", mqttUsername: "u", mqttPassword: "p" }).mqtt,
    ).toMatchObject({
      clientId: "me",
      username: "u",
      password: "p",
      topic: "t/7",
      subscribe: "s/7/+",
      qos: 1,
      will: { topic: "w/7", payload: "gone 7" },
      birth: { topic: "b/7", payload: "here 7" },
    });
    expect(planOf({ protocol: "mqtt", mqtt_topic: "t" }).mqtt).toMatchObject({
      clientId: "",
      subscribe: undefined,
      will: undefined,
    });
  });

  test("lets a value be a whole filter with wildcards, and no part of one", () => {
    const whole = { protocol: "mqtt", mqtt_subscribe: "${filter}", metadata: { filter: "" } };

    expect(planOf(whole, { filter: "a/#" }).mqtt?.subscribe).toBe("a/#");
    expect(() => planOf(fields, { id: "#" })).toThrow("a topic wildcard");
  });
});

describe("a topic that metadata makes", () => {
  const fields = {
    protocol: "mqtt",
    mqtt_topic: "a/${m}",
    mqtt_subscribe: "${f}",
    metadata: { m: "", f: "" },
  };

  test("is judged when it is made", () => {
    expect(planOf(fields, { m: "b", f: "+/x/#" }).mqtt).toMatchObject({ topic: "a/b", subscribe: "+/x/#" });
    expect(planOf(fields, {}).mqtt).toMatchObject({ topic: "a/", subscribe: "" });
    expect(() => planOf(fields, { f: "x/#/y" })).toThrow(
      expect.objectContaining({
        code: "metadata-unsafe",
        message: 'Cannot connect: "${f}" becomes "x/#/y": # stands alone, and last',
      }),
    );
    expect(() => planOf({ ...fields, mqtt_will_topic: "w/+/${m}" }, { m: "b" })).toThrow("has no + and no #");
  });
});

describe("what may share a connection", () => {
  const key = (fields: object, identity: Identity = {}, scope = "policy-1"): string =>
    planTarget(streamtypeOf(fields), {}, { identity, scope, hasBody: false }).shareKey;
  const TLS = { protocol: "h2", tls: true, port: 443 };
  const MQTT = { protocol: "mqtt", mqtt_topic: "t" };

  test("is what goes to the same place with the same trust and credentials", () => {
    expect(key({ ...TLS, http_url: "a" })).toBe(key({ ...TLS, http_url: "b", http_method: "PUT" }));
    expect(key({ ...TLS, endpoint: "A.EXAMPLE" })).toBe(key(TLS));
    expect(key({ ...MQTT, mqtt_topic: "other" })).toBe(key(MQTT));
  });

  test.each<[string, string, string]>([
    ["host", key(TLS), key({ ...TLS, endpoint: "b.example" })],
    ["port", key(TLS), key({ ...TLS, port: 444 })],
    ["protocol", key(TLS), key({ ...TLS, protocol: "h1" })],
    ["TLS", key({ ...TLS, protocol: "h1" }), key({ protocol: "h1", port: 443 })],
    ["proxy", key(TLS), key({ ...TLS, "via-socks5": "p.example:1080" })],
    [
      "credentials at the proxy",
      key({ ...TLS, "via-socks5": "a:x@p.example:1080" }),
      key({ ...TLS, "via-socks5": "a:y@p.example:1080" }),
    ],
    [
      "client certificate",
      key(TLS, { clientCertificates: [CERTIFICATE] }),
      key({ ...TLS, client_cert: 0 }, { clientCertificates: [CERTIFICATE] }),
    ],
    ["revision of the policy", key(TLS), key(TLS, {}, "policy-2")],
    ["MQTT client", key(MQTT, { mqttClientId: "a" }), key(MQTT, { mqttClientId: "b" })],
    ["MQTT user", key(MQTT), key(MQTT, { mqttUsername: "u" })],
    ["MQTT version", key(MQTT), key({ ...MQTT, mqtt_version: "5" })],
    ["Unix socket", key({ endpoint: "+@x" }), key({ endpoint: "+@y" })],
  ])("is not what differs in its %s", (_, one, other) => {
    expect(one).not.toBe(other);
  });
});

function planOf(
  fields: object,
  values: MetadataValues = {},
  identity: Identity = {},
  hasBody = false,
): Target {
  return planTarget(streamtypeOf(fields), values, { identity, scope: "policy-1", hasBody });
}

function streamtypeOf(fields: object): Streamtype {
  const { policy } = requirePolicy(
    parsePolicyValue({ streams: { test: { endpoint: "a.example", protocol: "h1", ...fields } } }),
  );
  return policy.streamtypes.get("test") as Streamtype;
}
