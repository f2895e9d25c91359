import { describe, expect, test } from "vitest";
import { UsageError } from "../lib/errors.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";

const NONE = { host: "", unixPath: undefined, port: undefined, tls: undefined, url: undefined };

describe("parseEndpoint", () => {
  test.each<[string, Partial<Endpoint>]>([
    ["api.example", { host: "api.example" }],
    ["192.0.2.1", { host: "192.0.2.1" }],
    ["2001:db8::1", { host: "2001:db8::1" }],
    ["fe80::1%eth0", { host: "fe80::1%eth0" }],
    ["[2001:db8::1]", { host: "2001:db8::1" }],
    ["+/run/thing.sock", { unixPath: "/run/thing.sock" }],
    ["+@thing", { unixPath: "\0thing" }],
    ["http://a.example", { host: "a.example", port: 80, tls: false, url: "" }],
    ["http://a.example:8080/x/y?z=1", { host: "a.example", port: 8080, tls: false, url: "x/y?z=1" }],
    ["HTTPS://a.example//x", { host: "a.example", port: 443, tls: true, url: "x" }],
    ["https://a.example?q=1#part", { host: "a.example", port: 443, tls: true, url: "?q=1" }],
    ["https://[::1]:8443/", { host: "::1", port: 8443, tls: true, url: "" }],
    ["ws://a.example/chat", { host: "a.example", port: 80, tls: false, url: "chat" }],
    ["wss://a.example/chat", { host: "a.example", port: 443, tls: true, url: "chat" }],
    ["h2s://a.example/", { host: "a.example", port: 443, tls: true, url: "" }],
    ["mqtt://b.example", { host: "b.example", port: 1883, tls: false, url: "" }],
    ["mqtts://b.example", { host: "b.example", port: 8883, tls: true, url: "" }],
    ["raw://c.example", { host: "c.example", port: undefined, tls: false, url: "" }],
    ["raws://c.example:7000", { host: "c.example", port: 7000, tls: true, url: "" }],
  ])("reads %s", (text, expected) => {
    expect(parseEndpoint(text)).toEqual({ ...NONE, ...expected });
  });

  test.each([
    ["", "it is empty"],
    ["[]", "it is empty"],
    ["+", "names no Unix socket"],
    ["+@", "names no Unix socket"],
    ["a b", "not a host name"],
    ["a\r\nb", "not a host name"],
    ["a/b", "not a host name"],
    ["a@b", "not a host name"],
    ["a?b", "not a host name"],
    ["[a", "not a host name"],
    ["h:80", 'a port belongs into "port"'],
    ["127.0.0.1:80", 'a port belongs into "port"'],
    ["[::1]:80", "not a host name"],
    ["a:b:c", "not a host name"],
    ["http://[a]/", "not a host name"],
    ["gopher://a.example", 'unknown scheme "gopher"'],
    ["http://user:secret@a.example/", "carries credentials"],
    ["http://a.example:0/", "port 0"],
    ["http://a.example:65536/", "port 65536"],
    ["http://a.example:123456/", "neither host nor host:port"],
    ["http://a.example:x/", "neither host nor host:port"],
    ["http://2001:db8::1/", "neither host nor host:port"],
    ["http:///x", "it is empty"],
  ])("refuses %j: %s", (text, why) => {
    expect(() => parseEndpoint(text)).toThrow(why);
    expect(() => parseEndpoint(text)).toThrow(UsageError);
  });

  test("says that file endpoints are not supported", () => {
    expect(() => parseEndpoint("file:///etc/passwd")).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  });
});
