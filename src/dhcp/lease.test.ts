import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8, fromHex } from "../lib/bytes.ts";
import { UsageError } from "../lib/errors.ts";
import { Malformed } from "../lib/malformed.ts";
import { NEVER } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { type Lease, readConfiguration, readLease } from "./lease.ts";
import { encodeLeaseFile, type LeaseRecord, parseLeaseFile, remainingSeconds } from "./lease-file.ts";
import { leaseTimes, renewalWait, retransmissionWait } from "./lease-times.ts";
import { decodeMessage } from "./message.ts";
import { type Offer, Offers } from "./offers.ts";
import { readOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { Past } from "./past.ts";
import type { Reply } from "./reply.ts";
import { encodeRequest } from "./request.ts";
import { type ClientSettings, checkSettings, DEFAULT_SETTINGS } from "./settings.ts";
import { tried } from "./verdict.ts";

const MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
const POLICY = { linkMtu: 1500, allowWideRoutes: false, requestIpv6Only: false };

describe("the options of a reply", () => {
  test("are read into values", () => {
    const options = readOptions(
      optionsOf({
        1: "ffffff00",
        3: "c0000201",
        6: "c0000201c0000202c0000203c0000204",
        12: "626f78",
        15: "612e74657374",
        26: "0578",
        28: "c00002ff",
        42: "c0000201",
        43: "0101ff",
        51: "00000e10",
        53: "02",
        54: "c0000201",
        56: "6869",
        58: "00000708",
        59: "00000c4e",
        61: "0102000000000a",
        66: "626f6f742e74657374",
        67: "2f626f6f74",
        80: "",
        81: "000000612e62",
        100: "455354354544542c4d332e322e302c4d31312e312e30",
        101: "4575726f70652f5a7572696368",
        108: "0000012c",
        114: "68747470733a2f2f782f61",
        119: "016100",
        121: "00c0000201",
        252: "687474703a2f2f782f77",
      }),
    );

    expect(options).toEqual({
      messageType: 2,
      server: "192.0.2.1",
      leaseSeconds: 3600,
      renewalSeconds: 1800,
      rebindingSeconds: 3150,
      prefixLength: 24,
      broadcast: "192.0.2.255",
      routers: ["192.0.2.1"],
      routes: [{ destination: "0.0.0.0", prefixLength: 0, gateway: "192.0.2.1" }],
      dnsServers: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"],
      ntpServers: ["192.0.2.1"],
      hostname: "box",
      fqdn: "a.b",
      domainName: "a.test",
      searchDomains: ["a"],
      mtu: 1400,
      message: "hi",
      clientId: fromHex("0102000000000a"),
      isRapid: true,
      ipv6OnlySeconds: 300,
      captivePortal: "https://x/a",
      tftpServer: "boot.test",
      bootFile: "/boot",
      posixTimezone: "EST5EDT,M3.2.0,M11.1.0",
      timezone: "Europe/Zurich",
      vendorSpecific: fromHex("0101ff"),
      wpad: "http://x/w",
      doubts: [],
    });
  });

  test.each<[string, Record<number, string>, string]>([
    ["a mask of 5 bytes", { 1: "ffffff0000" }, "Option 1 has 5 bytes"],
    ["a mask with a hole", { 1: "ff00ff00" }, 'The subnet mask is "255.0.255.0"'],
    ["a mask of 7 bits", { 1: "fe000000" }, 'The subnet mask is "254.0.0.0"'],
    ["a lease time of 3 bytes", { 51: "000e10" }, "Option 51 has 3 bytes"],
    ["a message type of no bytes", { 53: "" }, "Option 53 has 0 bytes"],
    ["a server identifier of 3 bytes", { 54: "c00002" }, "Option 54 has 3 bytes"],
    ["a server identifier that is no host", { 54: "7f000001" }, 'The server identifier is "127.0.0.1"'],
  ])("spoil the reply: %s", (_, changes, why) => {
    expect(() => readOptions(optionsOf(changes))).toThrow(why);
  });

  test.each<[string, Record<number, string>, string]>([
    ["name servers of 3 bytes", { 6: "c00002" }, "Option 6 has 3 bytes"],
    [
      "a name server that is no host",
      { 6: "7f000001c0000202" },
      "Option 6 has an address that no host can have",
    ],
    ["too many routers", { 3: "c0000201".repeat(17) }, "Option 3 has 17 addresses"],
    ["a host name for a shell", { 12: "2428726562" }, 'Option 12 is no such text: "$(reb"'],
    ["a domain with a line break", { 15: "610a62" }, 'Option 15 is no such text: "a\\x0ab"'],
    ["an MTU of one byte", { 26: "05" }, "Option 26 has 1 bytes"],
    ["vendor options that run past the end", { 43: "0105ff" }, "Option 43 is no list of options"],
    ["a vendor option without a length", { 43: "000001" }, "Option 43 is no list of options"],
    ["a message with an escape", { 56: "1b5b324a" }, "Option 56 has control characters"],
    ["a portal that is no URI", { 114: "687474703a2f2f2060" }, 'Option 114 is no such text: "http:// `"'],
    [
      "a search list with a loop",
      { 119: "c000" },
      "Option 119 is malformed: A pointer does not go backwards",
    ],
    ["a cut route", { 121: "18c0000201" }, "Option 121 is malformed: A route is cut off"],
    ["a file for a shell", { 67: "6028782960" }, 'Option 67 is no such text: "`(x)`"'],
    ["a TZ for a shell", { 100: "2428782900" }, 'Option 100 is no such text: "$(x)"'],
    ["a timezone with a path out of it", { 101: "2e2e2f78" }, 'Option 101 is no such text: "../x"'],
  ])("are doubted, and the rest stands: %s", (_, changes, why) => {
    const options = readOptions(optionsOf({ 51: "00000e10", ...changes }));

    expect(options.doubts).toEqual([why]);
    expect(options.leaseSeconds).toBe(3600);
  });

  test("keep the good of name servers, and of the message what can be printed", () => {
    expect(readOptions(optionsOf({ 6: "7f000001c0000202" })).dnsServers).toEqual(["192.0.2.2"]);
    expect(readOptions(optionsOf({ 56: "1b5b324a" })).message).toBe("\\x1b[2J");
    expect(readOptions(optionsOf({ 43: "01010000" })).doubts).toEqual([]);
    expect(readOptions(optionsOf({ 43: "00ff09" })).doubts).toEqual([]);
  });
});

describe("a lease", () => {
  test("is read from a reply", () => {
    expect(lease()).toMatchObject({
      address: "192.0.2.100",
      prefixLength: 24,
      broadcast: "192.0.2.255",
      server: "192.0.2.1",
      leaseSeconds: 3600,
      renewSeconds: 1800,
      rebindSeconds: 3150,
      routes: [{ destination: "0.0.0.0", prefixLength: 0, gateway: "192.0.2.1" }],
      doubts: [],
    });
  });

  test.each<[string, string, Record<number, string>, string]>([
    ["no address", "0.0.0.0", {}, 'No host may have the address "0.0.0.0"'],
    ["the broadcast address", "255.255.255.255", {}, "No host may have"],
    ["a multicast address", "224.0.0.5", {}, "No host may have"],
    ["a loopback address", "127.0.0.66", {}, "No host may have"],
    ["the server's own", "192.0.2.1", {}, "The address is the server's own"],
    ["the first of the prefix", "192.0.2.0", {}, "is the first or last of its prefix of 24 bits"],
    ["the last of the prefix", "192.0.2.255", {}, "is the first or last of its prefix of 24 bits"],
    ["no mask", "192.0.2.100", { 1: "-" }, "The subnet mask is missing"],
    ["no lease time", "192.0.2.100", { 51: "-" }, "The lease time is missing or 0"],
    ["a lease time of 0", "192.0.2.100", { 51: "00000000" }, "The lease time is missing or 0"],
  ])("is refused with %s", (_, address, changes, why) => {
    expect(() => lease(changes, { address })).toThrow(why);
    expect(() => lease(changes, { address })).toThrow(Malformed);
  });

  test("of 0xffffffff seconds has no end; a longer one than 2^31 is doubted", () => {
    expect(lease({ 51: "ffffffff" })).toMatchObject({
      leaseSeconds: Number.POSITIVE_INFINITY,
      renewSeconds: Number.POSITIVE_INFINITY,
      doubts: [],
    });
    expect(lease({ 51: "fffffffe" }).doubts).toEqual(["The lease time is 4294967294 s"]);
    expect(lease({ 51: "80000000" }).doubts).toEqual(["The lease time is 2147483648 s"]);
    expect(lease({ 51: "7fffffff" }).doubts).toEqual([]);
  });

  test.each<[string, Record<number, string>, number, number]>([
    ["told", { 58: "00000064", 59: "000000c8" }, 100, 200],
    ["T1 of 0", { 58: "00000000", 59: "000000c8" }, 1800, 3150],
    ["both 0", { 58: "00000000", 59: "00000000" }, 1800, 3150],
    ["T1 after T2", { 58: "000000c8", 59: "00000064" }, 1800, 3150],
    ["T1 like T2", { 58: "000000c8", 59: "000000c8" }, 1800, 3150],
    ["T2 after the end", { 58: "00000064", 59: "00001000" }, 1800, 3150],
    ["T2 at the end", { 58: "00000064", 59: "00000e10" }, 1800, 3150],
    ["T1 alone", { 58: "00000064" }, 100, 3150],
    ["T2 alone", { 59: "00000a00" }, 1800, 2560],
    ["T1 alone, after T2's default", { 58: "00000d00" }, 1800, 3150],
    ["T1 of 3 bytes", { 58: "000064" }, 1800, 3150],
  ])("has T1 and T2 in order: %s", (_, changes, t1, t2) => {
    expect(lease(changes)).toMatchObject({ renewSeconds: t1, rebindSeconds: t2 });
  });

  test("takes an MTU from 576 to that of the link", () => {
    expect(lease({ 26: "0240" }).mtu).toBe(576);
    expect(lease({ 26: "05dc" }).mtu).toBe(1500);
    for (const mtu of ["0044", "023f", "05dd", "ffff"]) {
      const one = lease({ 26: mtu });
      expect(one.mtu).toBeUndefined();
      expect(one.doubts).toEqual([`The MTU is ${Number.parseInt(mtu, 16)}`]);
    }
  });

  test("works its broadcast address out, and doubts another", () => {
    expect(lease({ 28: "c00002ff" })).toMatchObject({ broadcast: "192.0.2.255", doubts: [] });
    expect(lease({ 28: "ffffffff" })).toMatchObject({
      broadcast: "192.0.2.255",
      doubts: ['The broadcast address is "255.255.255.255"'],
    });
    expect(lease({ 1: "ffffffff", 28: "ffffffff" }).broadcast).toBeUndefined();
  });

  test("uses the first of many routers alone", () => {
    const many = Array.from(
      { length: 63 },
      (_, index) => `c00002${(index + 1).toString(16).padStart(2, "0")}`,
    );

    expect(lease({ 3: many.join("") }).routes).toEqual([
      { destination: "0.0.0.0", prefixLength: 0, gateway: "192.0.2.1" },
    ]);
  });

  test("without a router has no default route, and passes over itself as one", () => {
    expect(lease({ 3: "-" })).toMatchObject({ routes: [], doubts: [] });
    expect(lease({ 3: "c0000264c0000201" }).routes).toMatchObject([{ gateway: "192.0.2.1" }]);
  });

  test("does not use a router that is not on the link", () => {
    expect(lease({ 3: "c6336401" })).toMatchObject({
      routes: [],
      doubts: ['The route to 0.0.0.0/0 leads over "198.51.100.1", which is not on the link'],
    });
  });

  test("of one address alone takes any router, as cloud networks have it", () => {
    expect(lease({ 1: "ffffffff", 3: "c6336401" }).routes).toEqual([
      { destination: "0.0.0.0", prefixLength: 0, gateway: "198.51.100.1" },
    ]);
  });

  test("takes classless routes and not the router; what is on the link makes gateways reachable", () => {
    expect(lease({ 121: "20c6336401" + "00000000" + "00" + "c6336401" })).toMatchObject({
      routes: [
        { destination: "198.51.100.1", prefixLength: 32, gateway: undefined },
        { destination: "0.0.0.0", prefixLength: 0, gateway: "198.51.100.1" },
      ],
      doubts: [],
    });
  });

  test.each<[string, string, string]>([
    [
      "wider than /8 (TunnelVision)",
      "0100c0000201" + "0180c0000201",
      "The route to 0.0.0.0/1 is wider than a prefix of 8 bits",
    ],
    ["of /7", "070ac0000201", "The route to 10.0.0.0/7 is wider than a prefix of 8 bits"],
    ["to loopback", "087fc0000201", "The route to 127.0.0.0/8 is to no host"],
    ["to multicast", "08e0c0000201", "The route to 224.0.0.0/8 is to no host"],
    ["over the address itself", "080ac0000264", "The route to 10.0.0.0/8 leads over the address itself"],
    [
      "over a stranger",
      "080ac6336401",
      'The route to 10.0.0.0/8 leads over "198.51.100.1", which is not on the link',
    ],
  ])("leaves a route out: %s", (_, routes, why) => {
    const one = lease({ 121: `${routes}080bc0000201` });

    expect(one.routes).toEqual([{ destination: "11.0.0.0", prefixLength: 8, gateway: "192.0.2.1" }]);
    expect(one.doubts[0]).toBe(why);
  });

  test("takes wide routes where they are allowed", () => {
    const reply = replyOf({ 121: "0100c0000201" });

    expect(readLease(reply, { ...POLICY, allowWideRoutes: true })).toMatchObject({
      routes: [{ destination: "0.0.0.0", prefixLength: 1, gateway: "192.0.2.1" }],
      doubts: [],
    });
  });

  test("doubts option 108 where it was not asked for (RFC 8925, 3.3)", () => {
    const reply = replyOf({ 108: "00000258" });

    expect(readLease(reply, POLICY).doubts).toEqual(["Option 108 was not asked for"]);
    expect(readLease(reply, { ...POLICY, requestIpv6Only: true }).doubts).toEqual([]);
  });

  test("doubts a link-local address", () => {
    expect(lease({ 1: "ffff0000", 3: "-" }, { address: "169.254.7.7" }).doubts).toEqual([
      "The address is link-local",
    ]);
  });

  test("searches in the domain where there is no search list", () => {
    expect(readConfiguration(replyOf({ 15: "612e62" })).searchDomains).toEqual(["a.b"]);
    expect(readConfiguration(replyOf({ 15: "612e62", 119: "016300" })).searchDomains).toEqual(["c"]);
    expect(readConfiguration(replyOf({ 81: "000000612e62" })).hostname).toBe("a.b");
    expect(readConfiguration(replyOf({ 12: "63", 81: "000000612e62" })).hostname).toBe("c");
  });
});

describe("the times of a lease", () => {
  test("count from its REQUEST, T1 and T2 spread by up to a second", () => {
    expect(leaseTimes(lease(), 1000, fixed(0))).toEqual({
      renewAt: 1000 + 1_799_000,
      rebindAt: 1000 + 3_149_000,
      expiresAt: 3_601_000,
    });
    expect(leaseTimes(lease(), 1000, fixed(0.5)).renewAt).toBe(1_801_000);
    expect(leaseTimes(lease(), 1000, fixed(0.999999)).rebindAt).toBe(3_152_000);
  });

  test("are the server's, or as near as the least T1 allows", () => {
    const times = (t1: number, t2: number) =>
      leaseTimes(lease({ 58: hex32(t1), 59: hex32(t2) }), 0, fixed(0.5));

    expect(times(100, 200)).toEqual({ renewAt: 100_000, rebindAt: 200_000, expiresAt: 3_600_000 });
    expect(times(1, 3)).toMatchObject({ renewAt: 2000, rebindAt: 3000 });
    expect(times(1, 2)).toMatchObject({ renewAt: 2000, rebindAt: 1_801_000 });
  });

  test("never come for a lease without end", () => {
    expect(leaseTimes(lease({ 51: "ffffffff" }), 7, fixed(0))).toEqual({
      renewAt: NEVER,
      rebindAt: NEVER,
      expiresAt: NEVER,
    });
  });

  test("are in order for every lease, and T1 is not before a second", () => {
    const span = fc.integer({ min: 0, max: 0xffffffff });
    const short = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(
        fc.oneof(short, span),
        fc.oneof(short, span),
        fc.oneof(short, span),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (seconds, t1, t2, fraction) => {
          fc.pre(seconds > 0 && seconds < 0xffffffff);
          const one = lease({ 51: hex32(seconds), 58: hex32(t1), 59: hex32(t2) });
          const { renewAt, rebindAt, expiresAt } = leaseTimes(one, 0, fixed(fraction));

          expect(expiresAt).toBe(seconds * 1000);
          expect(renewAt).toBeGreaterThanOrEqual(1000);
          expect(renewAt).toBeLessThanOrEqual(rebindAt);
          expect(rebindAt).toBeLessThanOrEqual(expiresAt);
          if (seconds > 1) expect(renewAt).toBeLessThan(expiresAt);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    [3000, 8, 1500],
    [1500, 8, 1000],
    [100, 8, 1000],
    [7200_000, 7200, 3600_000],
    [90_000, 7200, 60_000],
    [NEVER, Number.POSITIVE_INFINITY, 60_000],
  ])("leave %i ms of a lease of %i s with a renewal after %i ms", (remaining, leaseSeconds, wait) => {
    expect(renewalWait(remaining, leaseSeconds)).toBe(wait);
  });

  test("double from 4 to 64 s between repetitions, each with a second more or less", () => {
    const waits = (fraction: number): number[] =>
      [1, 2, 3, 4, 5, 6, 50].map((attempt) => retransmissionWait(attempt, fixed(fraction)));

    expect(waits(0)).toEqual([3000, 7000, 15_000, 31_000, 63_000, 63_000, 63_000]);
    expect(waits(0.5)).toEqual([4000, 8000, 16_000, 32_000, 64_000, 64_000, 64_000]);
    expect(waits(0.999999)).toEqual([5000, 9000, 17_000, 33_000, 65_000, 65_000, 65_000]);
  });
});

describe("the lease file", () => {
  const record: LeaseRecord = {
    hardwareAddress: MAC,
    clientId: Uint8Array.of(1, ...MAC),
    address: "192.0.2.100",
    server: "192.0.2.1",
    obtained: 1_767_225_600_000,
    leaseSeconds: 3600,
  };

  test("gives back what was written", () => {
    expect(parseLeaseFile(encodeLeaseFile(record))).toEqual(record);
    const forever = { ...record, leaseSeconds: Number.POSITIVE_INFINITY };
    expect(parseLeaseFile(encodeLeaseFile(forever))).toEqual(forever);
  });

  test("is discarded at every cut", () => {
    const bytes = encodeLeaseFile(record);

    for (let length = 0; length < bytes.length - 1; length++) {
      expect(parseLeaseFile(bytes.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
  });

  test("is discarded when it is huge (CVE-2021-25217)", () => {
    expect(parseLeaseFile(new Uint8Array(4097).fill(0x20))).toBeUndefined();
    expect(parseLeaseFile(encodeUtf8(`${"[".repeat(2000)}`))).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ["no object", "x"],
    ["nothing", null],
    ["a list", []],
    ["another version", { version: 2 }],
    ["no hardware address", { hardwareAddress: undefined }],
    ["a hardware address of 5 bytes", { hardwareAddress: "0200000000" }],
    ["a number for one", { hardwareAddress: 12 }],
    ["digits that are none", { hardwareAddress: "0g0000000000" }],
    ["no client identifier", { clientId: undefined }],
    ["a client identifier of one byte", { clientId: "01" }],
    ["one of 256 bytes", { clientId: "00".repeat(256) }],
    ["an address that no host can have", { address: "127.0.0.1" }],
    ["an address in octal", { address: "0300.0.2.1" }],
    ["a name for an address", { address: "$(reboot)" }],
    ["no address", { address: {} }],
    ["a server that no host can be", { server: "255.255.255.255" }],
    ["no time", { obtained: "1767225600000" }],
    ["a time with a fraction", { obtained: 1.5 }],
    ["a time before 1970", { obtained: -1 }],
    ["a time beyond all numbers", { obtained: 1e300 }],
    ["no lease time", { leaseSeconds: null }],
    ["a lease time of 0", { leaseSeconds: 0 }],
    ["a fraction of one", { leaseSeconds: 0.5 }],
    ["one that no server could give", { leaseSeconds: 4_294_967_295 }],
    ["another word", { leaseSeconds: "for ever" }],
  ])("is discarded with %s", (_, changes) => {
    const fields = JSON.parse(new TextDecoder().decode(encodeLeaseFile(record))) as object;
    const isPart = typeof changes === "object" && changes !== null && !Array.isArray(changes);
    const text = JSON.stringify(isPart ? { ...fields, ...changes } : changes);

    expect(parseLeaseFile(encodeUtf8(text))).toBeUndefined();
  });

  test("is discarded whatever bytes are in it", () => {
    const seed = encodeLeaseFile(record);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (edits) => {
          const bytes = seed.slice();
          for (const [at, value] of edits) bytes[at] = value;
          const parsed = parseLeaseFile(bytes);

          if (parsed !== undefined) expect(parseLeaseFile(encodeLeaseFile(parsed))).toEqual(parsed);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("says what remains of the lease, by the wall clock", () => {
    const at = (seconds: number): number => record.obtained + seconds * 1000;

    expect(remainingSeconds(record, record, at(600))).toBe(3000);
    expect(remainingSeconds(record, record, at(3600))).toBe(0);
    expect(remainingSeconds(record, record, at(99_999))).toBe(0);
    expect(remainingSeconds(record, record, at(-50_000))).toBe(3600);
  });

  test("says nothing of another interface or client", () => {
    expect(remainingSeconds(record, { ...record, hardwareAddress: new Uint8Array(6) }, 0)).toBeUndefined();
    expect(remainingSeconds(record, { ...record, clientId: MAC }, 0)).toBeUndefined();
  });
});

describe("offers", () => {
  test("the first good one is taken at once", () => {
    const offers = new Offers(0);
    expect(offers.decideAt).toBe(NEVER);
    offers.add(offer({ address: "192.0.2.100" }), 10);
    offers.add(offer({ address: "192.0.2.101" }), 11);

    expect(offers.best?.lease.address).toBe("192.0.2.100");
    expect(offers.decideAt).toBe(10);
  });

  test("are collected for the wait that is set, and a remembered address ends it", () => {
    const offers = new Offers(2000);
    offers.add(offer({}), 10);
    expect(offers.decideAt).toBe(2010);

    offers.add(offer({ address: "192.0.2.101" }, { isRemembered: true }), 500);
    expect(offers.best?.lease.address).toBe("192.0.2.101");
    expect(offers.decideAt).toBe(500);
  });

  test("with faults wait half a second for one without", () => {
    const offers = new Offers(0);
    offers.add(offer({ doubts: ["x"] }), 10);
    expect(offers.decideAt).toBe(510);

    offers.add(offer({ address: "192.0.2.101" }), 70);
    expect(offers.best?.lease.address).toBe("192.0.2.101");
    expect(offers.decideAt).toBe(70);
  });

  test("of a declined address are not decided upon, and lose against all others", () => {
    const offers = new Offers(0);
    offers.add(offer({}, { isDeclined: true, isRemembered: true }), 10);
    expect(offers.decideAt).toBe(NEVER);
    expect(offers.best).toBeDefined();

    offers.add(offer({ address: "192.0.2.101", doubts: ["x"] }), 20);
    expect(offers.decideAt).toBe(520);
  });
});

describe("the pace of requests", () => {
  test("is five in ten seconds", () => {
    const pace = new Pace();
    for (const at of [0, 0, 1000, 2000, 3000]) {
      expect(pace.next(at)).toBe(at);
      pace.sent(at);
    }

    expect(pace.next(3000)).toBe(10_000);
    expect(pace.next(12_000)).toBe(12_000);
    pace.sent(10_000);
    pace.sent(10_000);
    expect(pace.next(10_000)).toBe(11_000);
  });
});

describe("what went before", () => {
  test("lengthens the wait after refusals from 1 s to 60 s, until a server agrees", () => {
    const past = new Past();

    expect(Array.from({ length: 8 }, () => past.refused())).toEqual([
      1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
    ]);
    past.acknowledged();
    expect(past.refused()).toBe(1000);
  });

  test("makes declined addresses known, the last sixteen, and slows down after ten conflicts", () => {
    const past = new Past();
    past.had("192.0.2.1", 5000);
    const waits = Array.from({ length: 17 }, (_, index) => past.declined(`192.0.2.${index + 1}`));

    expect(past.address).toBeUndefined();
    expect(waits.slice(0, 11)).toEqual([...Array<number>(9).fill(10_000), 60_000, 60_000]);
    expect(past.wasDeclined("192.0.2.1")).toBe(false);
    expect(past.wasDeclined("192.0.2.2")).toBe(true);
    expect(past.wasDeclined("192.0.2.17")).toBe(true);
    past.succeeded();
    expect(past.declined("192.0.2.17")).toBe(10_000);
  });
});

describe("a message of ours", () => {
  const sender = { settings: DEFAULT_SETTINGS, hardwareAddress: MAC, mtu: 1500 };
  const discover = { type: "discover", xid: 7, secs: 9 } as const;

  test("asks for classless routes before routers, and says the largest message it takes", () => {
    const { options, xid, secs } = decodeMessage(encodeRequest(discover, sender));

    expect([xid, secs]).toEqual([7, 9]);
    expect([...options.keys()]).toEqual([53, 61, 57, 55]);
    expect([...(options.get(55) ?? [])]).toEqual([
      1, 121, 3, 6, 12, 15, 26, 28, 42, 58, 59, 100, 101, 114, 119,
    ]);
    expect(options.get(57)).toEqual(Uint8Array.of(0x05, 0xc0));
  });

  test("says who it is: name, vendor and user class", () => {
    const settings = {
      ...DEFAULT_SETTINGS,
      hostname: "box",
      vendorClass: encodeUtf8("v"),
      userClass: [encodeUtf8("u1"), encodeUtf8("u")],
      rapidCommit: true,
      requestIpv6Only: true,
      requestOptions: [66, 3],
    };
    const { options } = decodeMessage(encodeRequest(discover, { ...sender, settings, mtu: 600 }));

    expect(options.get(12)).toEqual(encodeUtf8("box"));
    expect(options.get(60)).toEqual(encodeUtf8("v"));
    expect(options.get(77)).toEqual(encodeUtf8("\u0002u1\u0001u"));
    expect(options.get(80)).toEqual(new Uint8Array(0));
    expect(options.get(57)).toEqual(Uint8Array.of(0x02, 0x40));
    expect([...(options.get(55) ?? [])].slice(-2)).toEqual([108, 66]);
  });

  test("says a full name in option 81 alone (RFC 4702)", () => {
    for (const hostname of ["box.a", "box.a."]) {
      const settings = { ...DEFAULT_SETTINGS, hostname };
      const { options } = decodeMessage(encodeRequest(discover, { ...sender, settings }));

      expect(options.get(81)).toEqual(fromHex("050000" + "03626f78" + "0161" + "00"));
      expect(options.has(12)).toBe(false);
    }
  });

  test("says nothing of itself that is not needed, where it is to be anonymous (RFC 7844)", () => {
    const settings: ClientSettings = {
      ...DEFAULT_SETTINGS,
      anonymous: true,
      hostname: "box",
      vendorClass: encodeUtf8("v"),
    };
    const { options } = decodeMessage(encodeRequest(discover, { ...sender, settings }));

    expect([...options.keys()]).toEqual([53, 61, 55]);
    expect(options.get(61)).toEqual(Uint8Array.of(1, ...MAC));
    expect([...(options.get(55) ?? [])]).toEqual([1, 121, 3, 6, 15]);
  });

  test("that gives an address back asks for nothing (RFC 2131, table 5)", () => {
    const decline = {
      type: "decline",
      xid: 1,
      secs: 0,
      requested: "192.0.2.9",
      server: "192.0.2.1",
    } as const;
    const release = { type: "release", xid: 1, secs: 0, ciaddr: "192.0.2.9", server: "192.0.2.1" } as const;

    expect([...decodeMessage(encodeRequest(decline, sender)).options.keys()]).toEqual([53, 61, 50, 54]);
    expect([...decodeMessage(encodeRequest(release, sender)).options.keys()]).toEqual([53, 61, 54]);
    expect(decodeMessage(encodeRequest(release, sender)).ciaddr).toBe("192.0.2.9");
  });

  test("asks for a broadcast where it cannot be reached", () => {
    const settings = { ...DEFAULT_SETTINGS, broadcast: true };
    const flag = (ciaddr?: string): boolean =>
      decodeMessage(encodeRequest({ ...discover, ciaddr }, { ...sender, settings })).isBroadcast;

    expect([flag(), flag("192.0.2.9")]).toEqual([true, false]);
    expect(decodeMessage(encodeRequest(discover, sender)).isBroadcast).toBe(false);
  });
});

describe("settings", () => {
  test.each<[string, Partial<ClientSettings>]>([
    ["the defaults", {}],
    ["a full name", { hostname: "box.example.test" }],
    ["a UUID", { clientId: { type: "uuid", uuid: new Uint8Array(16) } }],
    ["a long identifier", { clientId: { type: "given", bytes: new Uint8Array(255) } }],
    ["classes", { vendorClass: new Uint8Array(255), userClass: [new Uint8Array(200)] }],
    ["an option code", { requestOptions: [1, 254] }],
    ["a wait", { waitForOffers: 60_000 }],
  ])("are taken: %s", (_, changes) => {
    expect(() => checkSettings({ ...DEFAULT_SETTINGS, ...changes })).not.toThrow();
  });

  test.each<[string, Partial<ClientSettings>, string]>([
    ["a short identifier", { clientId: { type: "given", bytes: new Uint8Array(1) } }, "2 to 255 bytes"],
    ["a long one", { clientId: { type: "given", bytes: new Uint8Array(256) } }, "2 to 255 bytes"],
    ["a short UUID", { clientId: { type: "uuid", uuid: new Uint8Array(15) } }, "a UUID has 16 bytes"],
    ["a name that is none", { hostname: "a b" }, '"a b" is no host name'],
    ["an empty vendor class", { vendorClass: new Uint8Array(0) }, "a vendor class"],
    ["a long user class", { userClass: [new Uint8Array(256)] }, "a user class"],
    ["option 0", { requestOptions: [0] }, "the code of an option"],
    ["option 255", { requestOptions: [255] }, "the code of an option"],
    ["half an option", { requestOptions: [1.5] }, "the code of an option"],
    ["no number for a wait", { waitForOffers: Number.NaN }, "the wait for offers"],
    ["a wait too long", { waitForOffers: 60_001 }, "the wait for offers"],
    [
      "more than a frame holds",
      { userClass: Array<Uint8Array>(6).fill(new Uint8Array(255)) },
      "a message would have",
    ],
  ])("are refused: %s", (_, changes, why) => {
    expect(() => checkSettings({ ...DEFAULT_SETTINGS, ...changes })).toThrow(UsageError);
    expect(() => checkSettings({ ...DEFAULT_SETTINGS, ...changes })).toThrow(why);
  });
});

test("a fault of the reader itself makes an answer malformed, and does no more harm", () => {
  const fault = tried(() => {
    throw new RangeError("beyond");
  });

  expect(fault).toBeInstanceOf(Malformed);
  expect(fault).toMatchObject({ message: "RangeError: beyond" });
});

function optionsOf(hexes: Record<number, string>): Map<number, Uint8Array> {
  return new Map(Object.entries(hexes).map(([code, hex]) => [Number(code), fromHex(hex)]));
}

/** An ACK for 192.0.2.100/24; "-" leaves an option out. */
function replyOf(changes: Record<number, string> = {}, rest: Partial<Reply> = {}): Reply {
  const base = { 1: "ffffff00", 3: "c0000201", 51: "00000e10", 53: "05", 54: "c0000201" };
  const all = Object.entries({ ...base, ...changes }).filter(([, hex]) => hex !== "-");
  const options = readOptions(optionsOf(Object.fromEntries(all) as Record<number, string>));
  const { doubts } = options;
  return { type: "ack", server: "192.0.2.1", address: "192.0.2.100", options, doubts, ...rest };
}

function lease(changes: Record<number, string> = {}, rest: Partial<Reply> = {}): Lease {
  return readLease(replyOf(changes, rest), POLICY);
}

function offer(changes: Partial<Lease>, rest: Partial<Offer> = {}): Offer {
  const isNew = { isRapid: false, isDeclined: false, isRemembered: false };
  return { lease: { ...lease(), ...changes }, ...isNew, ...rest };
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function fixed(fraction: number): Random {
  return { fraction: () => fraction, uint16: () => 0, bytes: (length) => new Uint8Array(length) };
}
