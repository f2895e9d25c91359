import { describe, expect, test } from "vitest";
import { DEFAULT_RESOLV_CONF, parseResolvConf } from "./resolv-conf.ts";

describe("resolv.conf", () => {
  test("gives servers of both families, with a zone too, and passes over what is no address", () => {
    const conf = parseResolvConf(`
      # nameserver 192.0.2.99
      ; a comment
      nameserver 192.0.2.53
      nameserver\t2001:db8::53\r
      nameserver fe80::1%eth0
      nameserver ns.example
      nameserver
      name 192.0.2.98
      sortlist 192.0.2.0
    `);

    expect(conf).toEqual({
      ...DEFAULT_RESOLV_CONF,
      servers: [
        { address: "192.0.2.53", port: 53 },
        { address: "2001:db8::53", port: 53 },
        { address: "fe80::1%eth0", port: 53 },
      ],
    });
  });

  test("takes at most sixteen servers and six suffixes", () => {
    const many = Array.from({ length: 20 }, (_, index) => `nameserver 192.0.2.${index}`).join("\n");

    const conf = parseResolvConf(`${many}\nsearch a b c d e f g h`);

    expect(conf.servers.length).toBe(16);
    expect(conf.search).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test.each([
    ["search one.example two.example", ["one.example", "two.example"]],
    ["domain one.example two.example", ["one.example"]],
    ["search one.example\ndomain two.example", ["two.example"]],
    ["domain two.example\nsearch ONE.example a..b .", ["one.example", "."]],
  ])("DNS-52 %j means the suffixes %j", (text, suffixes) => {
    expect(parseResolvConf(text).search).toEqual(suffixes);
  });

  test.each([
    ["ndots:4", { ndots: 4 }],
    ["ndots:99", { ndots: 15 }],
    ["ndots:0", { ndots: 0 }],
    ["ndots:x ndots", {}],
    ["timeout:7", { timeout: 7 }],
    ["timeout:0", { timeout: 1 }],
    ["timeout:100", { timeout: 30 }],
    ["timeout:-1", {}],
    ["attempts:2", { attempts: 2 }],
    ["attempts:0", { attempts: 1 }],
    ["attempts:9", { attempts: 5 }],
    ["attempts:many", {}],
    ["rotate", { rotate: true }],
    ["use-vc", { useTcp: true }],
    ["trust-ad edns0 single-request inet6", {}],
    ["timeout:2 attempts:1 rotate", { timeout: 2, attempts: 1, rotate: true }],
  ])("DNS-52 options %s", (options, expected) => {
    expect(parseResolvConf(`options ${options}`)).toEqual({ ...DEFAULT_RESOLV_CONF, ...expected });
  });
});
