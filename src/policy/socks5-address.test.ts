import { describe, expect, test } from "vitest";
import { applyOverlay, parsePolicyValue, requirePolicy } from "./parse.ts";
import { formatProblem } from "./problem.ts";
import { readSocks5, socks5Text } from "./socks5-address.ts";

describe("a SOCKS5 proxy", () => {
  test.each([
    ["127.0.0.1:1080", "127.0.0.1", 1080, undefined, undefined],
    ["[::1]:1", "::1", 1, undefined, undefined],
    ["proxy.example:65535", "proxy.example", 65_535, undefined, undefined],
    ["me@proxy.example:1080", "proxy.example", 1080, "me", undefined],
    ["me:@proxy.example:1080", "proxy.example", 1080, "me", ""],
    ["me:p:w@d%41@proxy.example:1080", "proxy.example", 1080, "me", "p:w@d%41"],
  ])("is read from %s", (text, host, port, username, password) => {
    expect(readSocks5(text).proxy).toEqual({ host, port, username, password });
  });

  test.each([
    ["127.0.0.1:1080", "127.0.0.1:1080"],
    ["me@[::1]:1", "me@[::1]:1"],
    ["me:secret@p.example:1", "me:***@p.example:1"],
  ])("is shown without its password: %s", (text, shown) => {
    const { proxy } = readSocks5(text);

    expect(proxy && socks5Text(proxy)).toBe(shown);
  });

  test.each([
    ["nonsense", "it has no port", "nonsense:1080"],
    ["127.0.0.1", "it has no port", "127.0.0.1:1080"],
    ["127.0.0.1:", "it has no port", "127.0.0.1:1080"],
    ["me:secret@127.0.0.1", "it has no port", undefined],
    [":1080", "expected host:port or user:password@host:port", undefined],
    ["[x]:1080", "expected host:port or user:password@host:port", undefined],
    ["a/b:1080", "expected host:port or user:password@host:port", undefined],
    ["a:b:c", "expected host:port or user:password@host:port", undefined],
    ["::1:1080", "an IPv6 address stands in brackets", "[::1:1080]:1080"],
    ["me@::1", "an IPv6 address stands in brackets", undefined],
    ["socks5://127.0.0.1:1080", "it is written without a scheme", "127.0.0.1:1080"],
    ["socks5h://127.0.0.1:1080/", "it is written without a scheme", "127.0.0.1:1080"],
    ["socks5://127.0.0.1", "it is written without a scheme", undefined],
    ["socks5://me:secret@127.0.0.1:1080", "it is written without a scheme", undefined],
    ["127.0.0.1:0", "its port is not between 1 and 65535", undefined],
    ["127.0.0.1:-1", "its port is not between 1 and 65535", undefined],
    ["127.0.0.1:99999", "its port is not between 1 and 65535", undefined],
    ["127.0.0.1:1e3", "its port is not between 1 and 65535", undefined],
    ["@127.0.0.1:1080", "it has no name before the @", undefined],
    [":secret@127.0.0.1:1080", "it has no name before the @", undefined],
    [`${"n".repeat(256)}@h:1`, "host, name and password may have 255 bytes each", undefined],
  ])("is not %s: %s", (text, why, suggestion) => {
    expect(readSocks5(text)).toEqual({ proxy: undefined, why, suggestion });
  });
});

describe("via-socks5", () => {
  test("that names no proxy is a fault with its place, its hint and without the credentials", () => {
    const problems = [
      { "via-socks5": "127.0.0.1" },
      { "via-socks5": "me:secret@127.0.0.1:99999" },
      { "via-socks5": 1080 },
      { "via-socks5": "h\n:1" },
    ].map((value) => parsePolicyValue(value).problems.map(formatProblem).join());

    expect(problems).toEqual([
      'policy#/via-socks5: error: "via-socks5" is "127.0.0.1", which is no SOCKS5 proxy: it has no port (did you mean "127.0.0.1:1080"?)',
      'policy#/via-socks5: error: "via-socks5" is "127.0.0.1:99999", which is no SOCKS5 proxy: its port is not between 1 and 65535',
      'policy#/via-socks5: error: Expected "via-socks5" to be a text, found 1080',
      'policy#/via-socks5: error: "via-socks5" holds a control character',
    ]);
  });

  test("of an overlay is judged as that of a policy is", () => {
    const base = requirePolicy(parsePolicyValue({ s: { a: { endpoint: "x" } } }));

    const { problems } = applyOverlay(base, '{\n "via-socks5": "127.0.0.1:70000"}', { source: "o.json" });

    expect(problems.map(formatProblem)).toEqual([expect.stringMatching(/^o\.json:2:16: error: .*65535$/)]);
  });

  test("is the policy's unless the streamtype names its own, or none by an empty text", () => {
    const { policy } = parsePolicyValue({
      "via-socks5": "p.example:1080",
      s: { a: { endpoint: "x" }, b: { "via-socks5": "q.example:1" }, c: { "via-socks5": "" } },
    });
    const proxies = ["a", "b", "c"].map((name) => policy?.streamtypes.get(name)?.viaSocks5?.host);

    expect(proxies).toEqual(["p.example", "q.example", undefined]);
    expect(parsePolicyValue({ "via-socks5": "" }).policy?.viaSocks5).toBeUndefined();
  });
});
