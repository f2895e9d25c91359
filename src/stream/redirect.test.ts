import { describe, expect, test } from "vitest";
import { parsePolicyValue, requirePolicy } from "../policy/index.ts";
import { authorityOf, type Place, resolveLocation } from "./location.ts";
import { planTarget } from "./plan.ts";
import { type RedirectInput, redirect } from "./redirect.ts";

const BASE: Place = { scheme: "https", host: "a.test", port: 443, path: "/dir/page?q=1" };

describe("resolveLocation", () => {
  test.each([
    ["https://b.test", "https", "b.test", 443, "/"],
    ["https://b.test?x=1", "https", "b.test", 443, "/?x=1"],
    ["http://B.TEST:8080/x?y#z", "http", "b.test", 8080, "/x?y"],
    ["https://b.test:/x", "https", "b.test", 443, "/x"],
    ["//c.test/x", "https", "c.test", 443, "/x"],
    ["https://[::1]:8443/", "https", "::1", 8443, "/"],
    ["/x/y", "https", "a.test", 443, "/x/y"],
    ["x", "https", "a.test", 443, "/dir/x"],
    ["../x", "https", "a.test", 443, "/x"],
    ["../../../x/./y/..", "https", "a.test", 443, "/x/"],
    ["./", "https", "a.test", 443, "/dir/"],
    ["?r=2", "https", "a.test", 443, "/dir/page?r=2"],
    ["", "https", "a.test", 443, "/dir/page?q=1"],
    ["#top", "https", "a.test", 443, "/dir/page?q=1"],
  ])("%j leads to %s %s %d %s", (location, scheme, host, port, path) => {
    expect(resolveLocation(location, BASE)).toEqual({ scheme, host, port, path });
  });

  test("a base without a query is its own path", () => {
    expect(resolveLocation("?r=2", { ...BASE, path: "/p" })?.path).toBe("/p?r=2");
  });

  test.each([
    ["javascript:alert(1)"],
    ["ftp://b.test/"],
    ["https:b.test"],
    ["https://user:secret@b.test/"],
    ["https://b.test:0/"],
    ["https://b.test:65536/"],
    ["https://b.test:port/"],
    ["https:///x"],
    ["//"],
    ["https://[::1/"],
    ["/a b"],
    ["/a\r\nSet-Cookie: x"],
    ["/\u00e9"],
  ])("%j leads nowhere", (location) => {
    expect(resolveLocation(location, BASE)).toBeUndefined();
  });
});

test("authorityOf leaves the scheme's own port out", () => {
  expect(authorityOf(BASE)).toBe("a.test");
  expect(authorityOf({ ...BASE, scheme: "http", host: "::1" })).toBe("[::1]:443");
});

describe("redirect", () => {
  test.each([
    [301, "GET", "GET"],
    [302, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "HEAD", "HEAD"],
    [307, "POST", "POST"],
    [308, "PUT", "PUT"],
  ])("status %d turns %s into %s", (status, method, wanted) => {
    const next = redirect(input({ status, method }));

    expect(next).toMatchObject({
      type: "follow",
      keepsBody: status > 303,
      http: { method: wanted, path: "/next" },
    });
  });

  test.each([
    [200, ["location", "/next"]],
    [300, ["location", "/next"]],
    [304, ["location", "/next"]],
    [301, []],
    [301, ["content-location", "/next"]],
  ])("status %d with %j is no redirect", (status, headers) => {
    expect(redirect(input({ status, headers }))).toEqual({ type: "none" });
  });

  test("the same origin keeps target and headers, but drops those of a dropped body", () => {
    const base = input({
      status: 302,
      requestHeaders: ["authorization", "a", "content-type", "b", "x-own", "c"],
    });

    const next = redirect(base);

    expect(next).toMatchObject({
      type: "follow",
      target: { host: "a.test", port: 443, shareKey: base.target.shareKey },
      http: { authority: base.http.authority, headers: ["authorization", "a", "x-own", "c"] },
    });
  });

  test("the same origin that keeps the body keeps all headers", () => {
    const base = input({ status: 307, requestHeaders: ["authorization", "a", "content-type", "b"] });

    expect(redirect(base)).toMatchObject({ http: { headers: base.http.headers } });
  });

  test.each([
    ["another host", "https://b.test/"],
    ["another port", "https://a.test:8443/"],
  ])("%s hears no credential, and trust stays", (_, location) => {
    const requestHeaders = [
      "authorization",
      "a",
      "cookie",
      "b",
      "x-api-key",
      "c",
      "accept",
      "d",
      "content-type",
      "e",
    ];

    const next = redirect(input({ status: 308, headers: ["location", location], requestHeaders }));

    expect(next).toMatchObject({
      type: "follow",
      http: { headers: ["accept", "d", "content-type", "e"], path: "/" },
      target: { tls: { clientCertificate: undefined, trustStore: { name: "roots" }, scope: "test" } },
    });
  });

  test("another origin shares no connection with the first", () => {
    const base = input({ headers: ["location", "https://b.test/"] });

    const next = redirect(base);

    expect(next.type === "follow" && next.target.shareKey).not.toBe(base.target.shareKey);
    expect(next.type === "follow" && next.target.http?.authority).toBe("b.test");
  });

  test("clear text may lead to TLS, trusted as the policy says", () => {
    const next = redirect(input({ tls: false, headers: ["location", "https://b.test/"] }));

    expect(next).toMatchObject({
      target: { port: 443, tls: { serverName: "b.test", trustStore: undefined, scope: "redirect" } },
    });
  });

  test("clear text may lead to clear text elsewhere", () => {
    expect(redirect(input({ tls: false, headers: ["location", "http://b.test/"] }))).toMatchObject({
      target: { host: "b.test", port: 80, tls: undefined },
    });
  });

  test.each([
    ["http-redirect", { allowed: false }, /allow_redirects/],
    ["http-redirect", { failRedirect: true }, /captive portal/],
    ["http-redirect-loop", { hops: 4 }, /4 redirects/],
    ["http-redirect", { headers: ["location", "mailto:x"] }, /Location/],
    ["http-redirect-downgrade", { headers: ["location", "http://a.test/"] }, /https to http/],
    ["http-redirect", { status: 307, isReplayable: false }, /cannot be sent again/],
    [
      "http-redirect",
      { endpoint: "+/run/x", tls: false, headers: ["location", "http://b.test/"] },
      /Unix socket/,
    ],
  ])("is refused with %s: %j", (code, options, message) => {
    const next = redirect(input(options));

    expect(next).toMatchObject({ type: "refuse", reason: { layer: "http", code } });
    expect(next.type === "refuse" && next.reason.message).toMatch(message);
  });
});

interface Options {
  status?: number;
  method?: string;
  headers?: readonly string[];
  requestHeaders?: readonly string[];
  hops?: number;
  allowed?: boolean;
  failRedirect?: boolean;
  isReplayable?: boolean;
  tls?: boolean;
  endpoint?: string;
}

function input(options: Options): RedirectInput {
  const { tls = true, endpoint = "a.test" } = options;
  const keys = {
    endpoint,
    port: tls ? 443 : 80,
    tls,
    ...(tls ? { tls_trust_store: "roots" } : {}),
    protocol: "h1",
    http_url: "page",
    allow_redirects: options.allowed ?? true,
    http_fail_redirect: options.failRedirect ?? false,
  };
  const policy = {
    certs: { root: "MAA=" },
    trust_stores: { roots: ["root"] },
    streams: { test: keys },
  };
  const streamtype = requirePolicy(parsePolicyValue(policy)).policy.streamtypes.get("test");
  if (streamtype === undefined) throw new Error("no streamtype");
  const target = planTarget(streamtype, {}, { identity: {}, scope: "test", hasBody: false });
  if (target.http === undefined) throw new Error("no http");
  const http = { ...target.http, method: options.method ?? "GET", headers: options.requestHeaders ?? [] };
  return {
    target,
    http,
    status: options.status ?? 302,
    headers: options.headers ?? ["location", "/next"],
    hops: options.hops ?? 0,
    isReplayable: options.isReplayable ?? true,
  };
}
