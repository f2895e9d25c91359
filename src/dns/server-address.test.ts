import { describe, expect, test } from "vitest";
import { formatServer, parseServer } from "./server-address.ts";

describe("a server's address", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1", 53, "192.0.2.1"],
    ["192.0.2.1:5353", "192.0.2.1", 5353, "192.0.2.1:5353"],
    ["192.0.2.1#5353", "192.0.2.1", 5353, "192.0.2.1:5353"],
    ["2001:db8::1", "2001:db8::1", 53, "2001:db8::1"],
    ["2001:db8::1#5353", "2001:db8::1", 5353, "[2001:db8::1]:5353"],
    ["[2001:db8::1]", "2001:db8::1", 53, "2001:db8::1"],
    ["[2001:db8::1]:53", "2001:db8::1", 53, "2001:db8::1"],
    ["[2001:db8::1]#5353", "2001:db8::1", 5353, "[2001:db8::1]:5353"],
    ["fe80::1%eth0", "fe80::1%eth0", 53, "fe80::1%eth0"],
    ["[fe80::1%eth0]:5353", "fe80::1%eth0", 5353, "[fe80::1%eth0]:5353"],
  ])("%s is %s on port %d, and is written %s", (text, address, port, written) => {
    const server = parseServer(text);

    expect(server).toEqual({ address, port });
    expect(server && formatServer(server)).toBe(written);
  });

  test.each([
    "",
    "#",
    "#53",
    "ns.example",
    "192.0.2.256",
    "192.0.2.1:0",
    "192.0.2.1:65536",
    "192.0.2.1:x",
    "192.0.2.1#",
    "[192.0.2.1",
    "[]:53",
    "2001:db8::1]:53",
    "192.0.2.1 ",
  ])("%j is none", (text) => {
    expect(parseServer(text)).toBeUndefined();
  });
});
