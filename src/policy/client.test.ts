// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import { describe, expect, test } from "vitest";
import { parsePolicyValue } from "./parse.ts";
import { formatProblem } from "./problem.ts";

describe("a streamtype that can never work", () => {
  test.each<[string, object, string]>([
    [
      "a topic with a wildcard",
      { protocol: "mqtt", mqtt_topic: "a/#" },
      'mqtt_topic: error: "mqtt_topic" is "a/#", which is no topic: a topic to publish to has no + and no #',
    ],
    [
      "an empty topic",
      { protocol: "mqtt", mqtt_topic: "" },
      'mqtt_topic: error: "mqtt_topic" is "", which is no topic: it is empty',
    ],
    [
      "a will with a wildcard",
      { protocol: "mqtt", mqtt_will_topic: "+" },
      'mqtt_will_topic: error: "mqtt_will_topic" is "+", which is no topic: a topic to publish to has no + and no #',
    ],
    [
      "a birth message too far",
      { protocol: "mqtt", mqtt_birth_topic: "é".repeat(32_768) },
      `mqtt_birth_topic: error: "mqtt_birth_topic" is "${"é".repeat(57)}...", which is no topic: it is longer than 65535 bytes`,
    ],
    [
      "a filter that goes on",
      { protocol: "mqtt", mqtt_subscribe: "x/#/y" },
      'mqtt_subscribe: error: "mqtt_subscribe" is "x/#/y", which is no topic filter: # stands alone, and last',
    ],
    [
      "a filter in a level",
      { protocol: "mqtt", mqtt_subscribe: "x+/y" },
      'mqtt_subscribe: error: "mqtt_subscribe" is "x+/y", which is no topic filter: + stands alone between slashes',
    ],
    [
      "a shared filter of nobody",
      { protocol: "mqtt", mqtt_subscribe: "$share//y" },
      'mqtt_subscribe: error: "mqtt_subscribe" is "$share//y", which is no topic filter: a shared filter is $share/NAME/FILTER',
    ],
    [
      "a port in the endpoint",
      { endpoint: "h.example:80" },
      'endpoint: error: Cannot use the endpoint: "h.example:80" is not a host name or address; a port belongs into "port" (did you mean "h.example"?)',
    ],
    [
      "a path in the endpoint",
      { endpoint: "h.example/x" },
      'endpoint: error: Cannot use the endpoint: "h.example/x" is not a host name or address',
    ],
    [
      "a port that is none",
      { endpoint: "http://h.example:99999/" },
      "endpoint: error: Cannot use the endpoint: port 99999 is not between 1 and 65535",
    ],
    [
      "an unknown scheme",
      { endpoint: "ftp://h.example" },
      'endpoint: error: Cannot use the endpoint: "ftp://h.example" has the unknown scheme "ftp"',
    ],
    [
      "a scheme with a slip",
      { endpoint: "htps://h.example/x" },
      'endpoint: error: Cannot use the endpoint: "htps://h.example/x" has the unknown scheme "htps" (did you mean "https://h.example/x"?)',
    ],
    [
      "raw without a port",
      { protocol: "raw" },
      'endpoint: warning: The streamtype "a" has no "port" to connect to',
    ],
    [
      "raw without a port, to a name made of metadata",
      { protocol: "raw", endpoint: "${m}.example" },
      'endpoint: warning: The streamtype "a" has no "port" to connect to',
    ],
    ["port 0", { port: 0 }, 'port: warning: The streamtype "a" has no "port" to connect to'],
    [
      "a certificate for nobody",
      { client_cert: 0 },
      'client_cert: warning: "client_cert" means nothing without "tls"',
    ],
    [
      "a URL that takes TLS away",
      { endpoint: "http://h.example/", tls: true, port: 80 },
      'tls: warning: "tls" is true, and the endpoint\'s "http://" says otherwise, which counts',
    ],
    [
      "a URL with another port",
      { endpoint: "https://h.example/", port: 8443, tls: true },
      'port: warning: "port" is 8443, and the endpoint\'s URL means 443, which counts',
    ],
    [
      "a URL of another protocol",
      { endpoint: "ws://h.example/" },
      'endpoint: warning: The endpoint begins with "ws://", and "protocol" is "h1"',
    ],
    [
      "a tunnel",
      { http_method: "connect" },
      'http_method: error: "http_method" is "connect", which asks for a tunnel instead of a transaction',
    ],
  ])("is told: %s", (_, fields, expected) => {
    expect(problemsOf(fields)).toEqual([`p#/s/a/${expected}`]);
  });
});

describe("a streamtype that may work", () => {
  test.each<[string, object]>([
    ["topics", { protocol: "mqtt", mqtt_topic: "$SYS/a b", mqtt_will_topic: "/", mqtt_birth_topic: "b/" }],
    ["every filter", { protocol: "mqtt", mqtt_subscribe: "+/a/#" }],
    ["all there is", { protocol: "mqtt", mqtt_subscribe: "#" }],
    ["a shared filter", { protocol: "mqtt", mqtt_subscribe: "$share/g/+/#" }],
    ["topics to be made", { protocol: "mqtt", mqtt_topic: "${m}", mqtt_subscribe: "${m}" }],
    ["an endpoint to be made", { endpoint: "${m}", protocol: "raw" }],
    ["a name to be made", { endpoint: "${m}.example" }],
    ["a socket", { endpoint: "+/run/x", protocol: "raw" }],
    ["raw with its port in a URL", { endpoint: "raws://h.example:7", protocol: "raw", client_cert: 0 }],
    ["a URL", { endpoint: "HTTPS://h.example/x", protocol: "ws", client_cert: 0 }],
    ["a URL that agrees", { endpoint: "https://h.example:444", port: 444, tls: true }],
    ["no endpoint, in this process", { endpoint: "x y", local_sink: true }],
    ["an interface to listen on", { endpoint: "eth0:1", server: true, client_cert: 0 }],
    ["an IPv6 address", { endpoint: "[2001:db8::1]" }],
  ])("is left in peace: %s", (_, fields) => {
    expect(problemsOf(fields)).toEqual([]);
  });

  test("is told once that files are not read yet", () => {
    expect(problemsOf({ endpoint: "file:///x" }, "note")).toEqual([
      'p#/s/a/endpoint: note: "endpoint": "file:///x" is accepted and not acted upon yet',
    ]);
  });
});

function problemsOf(fields: object, least?: "note"): readonly string[] {
  const value = { s: { a: { endpoint: "h.example", metadata: { m: "" }, ...fields } } };
  return parsePolicyValue(value, { source: "p" })
    .problems.filter(({ severity }) => severity !== "note" || least === "note")
    .map(formatProblem);
}
