import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, encodeUtf8, fromHex, toHex } from "../lib/bytes.ts";
import { Socks5, type Socks5Options, type Socks5Output } from "./socks5.ts";

const OPEN: Socks5Options = { host: "example.com", port: 443, proxy: "proxy:1080" };
const CLOSED: Socks5Options = { ...OPEN, username: "user", password: "pass" };
const REQUEST = `05010003${"0b"}${toHex(encodeUtf8("example.com"))}01bb`;

describe("Socks5", () => {
  test("asks for a name that the proxy resolves, without authentication", () => {
    const socks = new Socks5(OPEN);

    expect(hex(socks.begin())).toBe("050100");
    expect(socks.receive(fromHex("0500")).map(hex)).toEqual([REQUEST]);
    expect(socks.receive(fromHex("05000001c000020101bb"))).toEqual([connected("")]);
  });

  test("sends username and password where the proxy wants them", () => {
    const socks = new Socks5(CLOSED);

    expect(hex(socks.begin())).toBe("05020002");
    expect(socks.receive(fromHex("0502")).map(hex)).toEqual(["0104757365720470617373"]);
    expect(socks.receive(fromHex("0100")).map(hex)).toEqual([REQUEST]);
  });

  test("a proxy that wants no password gets none, and a missing password is empty", () => {
    const socks = new Socks5({ ...OPEN, username: "user" });
    socks.begin();

    expect(socks.receive(fromHex("0502")).map(hex)).toEqual(["01047573657200"]);

    const free = new Socks5(CLOSED);
    free.begin();
    expect(free.receive(fromHex("0500")).map(hex)).toEqual([REQUEST]);
  });

  test.each([
    ["192.0.2.1", "05010001c000020101bb"],
    ["2001:db8::1", "0501000420010db800000000000000000000000101bb"],
    ["fe80::1%e", `0501000309${toHex(encodeUtf8("fe80::1%e"))}01bb`],
  ])("writes %s in its own form", (host, wanted) => {
    const socks = new Socks5({ ...OPEN, host });
    socks.begin();

    expect(socks.receive(fromHex("0500")).map(hex)).toEqual([wanted]);
  });

  test.each([
    ["an IPv4 address", "05000001c000020101bb"],
    ["an IPv6 address", "0500000420010db800000000000000000000000101bb"],
    ["a name", "05000003036162630050"],
    ["an empty name", "05000003000050"],
  ])("takes a reply with %s, split at every byte, and hands over what follows it", (_, reply) => {
    const bytes = concat([fromHex(reply), fromHex("16030100")]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const socks = atRequest();
      const outputs = [...socks.receive(bytes.subarray(0, cut)), ...socks.receive(bytes.subarray(cut))];
      const rest = cut < bytes.length - 4 ? "16030100" : toHex(bytes.subarray(bytes.length - 4, cut));
      expect(outputs).toEqual([connected(rest)]);
    }
  });

  test("takes every reply byte by byte", () => {
    const socks = new Socks5(CLOSED);
    socks.begin();

    const outputs = [..."0502", ..."0100", ..."05000001c000020101bb"]
      .join("")
      .match(/../g)
      ?.flatMap((byte) => [...socks.receive(fromHex(byte))]);

    expect(outputs?.map(({ type }) => type)).toEqual(["send", "send", "connected"]);
  });

  test.each([
    ["04", "proxy-protocol", "answers with 4"],
    ["48545450", "proxy-protocol", "answers with 72"],
    ["05ff", "proxy-auth-failed", "requires a username"],
    ["0502", "proxy-protocol", "was not offered"],
    ["0501", "proxy-protocol", "was not offered"],
    ["050005", "proxy-protocol", "more than was asked"],
  ])("a greeting of %s fails", (bytes, code, text) => {
    const socks = new Socks5(OPEN);
    socks.begin();

    expectFailure(socks.receive(fromHex(bytes)), code, text);
    expect(socks.receive(fromHex("0500"))).toEqual([]);
  });

  test("a proxy that takes no password either says so", () => {
    const socks = new Socks5(CLOSED);
    socks.begin();

    expectFailure(socks.receive(fromHex("05ff")), "proxy-auth-failed", "neither");
  });

  test.each([
    ["0101", "proxy-auth-failed", "refuses the username"],
    ["01ff", "proxy-auth-failed", "refuses the username"],
    ["05", "proxy-protocol", "answers with 5"],
    ["010005", "proxy-protocol", "more than was asked"],
  ])("an authentication answer of %s fails", (bytes, code, text) => {
    const socks = new Socks5(CLOSED);
    socks.begin();
    socks.receive(fromHex("0502"));

    expectFailure(socks.receive(fromHex(bytes)), code, text);
  });

  test.each([
    ["0501", "proxy-refused", "general failure"],
    ["0502", "proxy-refused", "rules"],
    ["0503", "proxy-refused", "network is unreachable"],
    ["0504", "proxy-refused", "host is unreachable"],
    ["0505", "proxy-refused", "peer refuses"],
    ["0506", "proxy-refused", "too long"],
    ["0507", "proxy-refused", "CONNECT"],
    ["0508", "proxy-refused", "kind of address"],
    ["0509", "proxy-refused", "unknown code 9"],
    ["04", "proxy-protocol", "answers with 4"],
    ["050001", "proxy-protocol", "has 1 where 0"],
    ["0500000201", "proxy-protocol", "address kind 2"],
  ])("a reply of %s fails", (bytes, code, text) => {
    expectFailure(atRequest().receive(fromHex(bytes)), code, text);
  });

  test("refuses what does not fit before a byte is sent", () => {
    const long = "x".repeat(256);

    expectFailure([new Socks5({ ...OPEN, host: long }).begin()], "proxy-protocol", "255");
    expectFailure([new Socks5({ ...OPEN, host: "" }).begin()], "proxy-protocol", "255");
    expectFailure([new Socks5({ ...CLOSED, username: long }).begin()], "proxy-auth-failed", "255");
    expectFailure([new Socks5({ ...CLOSED, password: long }).begin()], "proxy-auth-failed", "255");
  });

  test("a failure names an IPv6 target in brackets", () => {
    const socks = new Socks5({ ...OPEN, host: "::1" });
    socks.begin();

    expectFailure(socks.receive(fromHex("04")), "proxy-protocol", "Cannot connect to [::1]:443 through");
  });

  test("no bytes make it throw, and it ends at most once", () => {
    const likely = fc.constantFrom(
      "05",
      "00",
      "02",
      "01",
      "03",
      "ff",
      "0500",
      "0100",
      "05000001",
      "c0000201",
    );
    const piece = fc.oneof(likely.map(fromHex), fc.uint8Array({ maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const socks = new Socks5(CLOSED);
        socks.begin();
        const outputs = pieces.flatMap((bytes) => [...socks.receive(bytes)]);
        expect(outputs.filter(({ type }) => type === "send").length).toBeLessThanOrEqual(2);
        const end = outputs.findIndex(({ type }) => type !== "send");
        if (end >= 0) expect(end).toBe(outputs.length - 1);
      }),
      { numRuns: 10_000 },
    );
  });
});

function atRequest(): Socks5 {
  const socks = new Socks5(OPEN);
  socks.begin();
  socks.receive(fromHex("0500"));
  return socks;
}

function hex(output: Socks5Output): string {
  return output.type === "send" ? toHex(output.bytes) : output.type;
}

function connected(rest: string): Socks5Output {
  return { type: "connected", rest: fromHex(rest) };
}

function expectFailure(outputs: readonly Socks5Output[], code: string, text: string): void {
  expect(outputs).toHaveLength(1);
  const [output] = outputs;
  if (output?.type !== "failed") throw new Error(`Not a failure: ${output?.type}`);
  expect(output.reason.code).toBe(code);
  expect(output.reason.message).toContain(text);
}
