// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import { describe, expect, test } from "vitest";
import { UsageError } from "../lib/errors.ts";
import { parsePolicyValue, requirePolicy, type Streamtype } from "../policy/index.ts";
import {
  expand,
  headerName,
  headerValue,
  metadataHeaders,
  metadataItem,
  namedMetadata,
  type Place,
  receivedMetadata,
  requireDeclared,
  requireSafe,
} from "./metadata.ts";

const DECLARED = streamtypeOf({ metadata: { id: "", site: "X-Site:", note: "x-note" } });
const DIRECT = streamtypeOf({ direct_proto_str: true, metadata: { id: "" } });

describe("expand", () => {
  test.each([
    ["plain", "plain"],
    ["${id}", "7"],
    ["a/${id}/b/${site}", "a/7/b/north"],
    ["${id}${id}", "77"],
    ["$id {id} $", "$id {id} $"],
    ["cut ${id", "cut ${id"],
    ["${note}", ""],
  ])("makes of %j", (template, expected) => {
    expect(expand(template, DECLARED, { id: "7", site: "north" }, "text")).toBe(expected);
  });

  test("does not expand what a value brings along", () => {
    expect(expand("${id}", DECLARED, { id: "${site}", site: "secret" }, "text")).toBe("${site}");
  });

  test("takes a value only from what was set, not from what every object has", () => {
    expect(expand("${constructor}", DIRECT, {}, "text")).toBe("");
  });

  test("refuses names that the streamtype does not declare, also those of every object", () => {
    for (const name of ["nothing", "", "__proto__", "constructor", "toString"]) {
      expect(() => expand(`\${${name}}`, DECLARED, {}, "text")).toThrow(
        expect.objectContaining({ code: "metadata-unknown" }),
      );
    }
  });

  test("refuses a value that would change the shape", () => {
    expect(() => expand("a.${id}", DECLARED, { id: "x/y" }, "endpoint")).toThrow(
      expect.objectContaining({ code: "metadata-unsafe" }),
    );
  });
});

describe("requireSafe", () => {
  const places: readonly Place[] = ["endpoint", "url", "topic", "header", "text"];

  test.each(places)("lets no control character into a %s", (place) => {
    for (let code = 0; code <= 0x9f; code++) {
      if (code > 0x20 && code < 0x7f) continue;
      const value = `a${String.fromCharCode(code)}b`;
      const isLawful = code === 0x20 && place !== "endpoint" && place !== "url";
      if (isLawful) requireSafe("id", value, place);
      else expect(() => requireSafe("id", value, place), `${code}`).toThrow(UsageError);
    }
    expect(() => requireSafe("id", "a\ud800b", place)).toThrow("half a character");
  });

  test.each<[Place, string]>([
    ["endpoint", "evil.example/"],
    ["endpoint", "evil.example\\"],
    ["endpoint", "a?b"],
    ["endpoint", "a#b"],
    ["endpoint", "user@evil.example"],
    ["endpoint", "[::1]"],
    ["endpoint", "a%2eb"],
    ["endpoint", "+relative.sock"],
    ["endpoint", "evil.example:81"],
    ["endpoint", "abc:80"],
    ["endpoint", "a:b:example"],
    ["url", "a b"],
    ["url", "a#b"],
    ["topic", "+"],
    ["topic", "a/#"],
    ["header", "snow ☃"],
  ])("refuses in a %s: %s", (place, value) => {
    expect(() => requireSafe("id", value, place)).toThrow(`which would change the ${place}`);
  });

  test.each<[Place, string]>([
    ["endpoint", "eu-1.example"],
    ["endpoint", "2001:DB8::1"],
    ["endpoint", "::ffff:192.0.2.1"],
    ["endpoint", "a+b"],
    ["url", "a/b?c=d&e=%20☃"],
    ["topic", "a/b c/☃"],
    ["header", "é, ok"],
    ["text", "+ # / ? ☃"],
  ])("accepts in a %s: %s", (place, value) => {
    expect(() => requireSafe("id", value, place)).not.toThrow();
  });

  test("refuses what is not a string", () => {
    expect(() => requireSafe("id", 7 as unknown as string, "text")).toThrow("its value is not a string");
  });

  test("shows control characters and long values in a form fit for a log", () => {
    expect(() => requireSafe("id\r", `a\r\n${"x".repeat(500)}`, "header")).toThrow(
      /^Cannot use metadata "id\\x0d": its value "a\\x0d\\x0ax+…" holds a control character/,
    );
  });
});

describe("metadata names", () => {
  test("are those that the streamtype declares", () => {
    expect(metadataItem(DECLARED, "site")).toEqual({ name: "site", header: "x-site" });
    expect(metadataItem(DECLARED, "x-site")).toBeUndefined();
    expect(requireDeclared(DECLARED, "id").name).toBe("id");
    expect(() => requireDeclared(DECLARED, "sight")).toThrow('declares "id", "site", "note"');
    expect(() => requireDeclared(streamtypeOf({}), "a\nb")).toThrow('Cannot set metadata "a\\x0ab"');
    expect(() => requireDeclared(streamtypeOf({}), "id")).toThrow("declares none");
  });

  test("may be any header where the policy says so", () => {
    expect(metadataItem(DIRECT, "X-Any:")).toEqual({ name: "x-any", header: "x-any" });
    for (const bad of ["", ":", "a b", "a\r\nb", "é"]) expect(metadataItem(DIRECT, bad)).toBeUndefined();
  });

  test.each([
    ["X-Site:", "x-site"],
    ["x-site", "x-site"],
    [" Accept: ", "accept"],
    ["a::", "a:"],
  ])("headerName(%j) is %j", (name, header) => {
    expect(headerName(name)).toBe(header);
  });
});

describe("metadata as headers", () => {
  test("sends what is set, under the header that the policy names", () => {
    expect(metadataHeaders(DECLARED, { site: "north", note: "", id: "7" })).toEqual(["x-site", "north"]);
    expect(metadataHeaders(DECLARED, { site: undefined })).toEqual([]);
  });

  test.each([
    ["  north", ["x-site", "north"]],
    ["north ", ["x-site", "north"]],
    [" far  north  ", ["x-site", "far  north"]],
    ["  ", []],
  ])("sends %j without its outer spaces", (site, headers) => {
    expect(metadataHeaders(DECLARED, { site })).toEqual(headers);
  });

  test("sends any header where the policy says so", () => {
    expect(metadataHeaders(DIRECT, { Accept: "text/html" })).toEqual(["accept", "text/html"]);
  });

  test("takes a header for the same in any case, with or without the colon", () => {
    const values = namedMetadata(DIRECT, { "X-Any:": "a", "x-any": "b", "X-ANY": "c", "x-none": undefined });

    expect(metadataHeaders(DIRECT, values)).toEqual(["x-any", "c"]);
    expect(expand("${X-Any:}", DIRECT, values, "text")).toBe("c");
  });

  test.each([
    ["Host", "evil.example"],
    ["Connection:", "upgrade"],
    ["keep-alive", "1"],
    ["Proxy-Connection", "close"],
    ["transfer-encoding", "chunked"],
    ["Upgrade", "h2c"],
    ["HTTP2-Settings", "AAMAAABk"],
    ["TE", "trailers"],
    ["trailer", "x"],
    ["Expect", "100-continue"],
    ["Sec-WebSocket-Key", "x"],
    ["content-length", "5, 6"],
    ["content-length", "-1"],
  ])("refuses %s: %s, which is for the protocol to say", (name, value) => {
    expect(() => metadataHeaders(DIRECT, { [name]: value })).toThrow(
      expect.objectContaining({ code: "metadata-unsafe", message: expect.stringContaining("shape") }),
    );
  });

  test("lets the program know how long its body is", () => {
    expect(metadataHeaders(DIRECT, { "Content-Length:": "12" })).toEqual(["content-length", "12"]);
  });

  test("refuses line ends and unknown names", () => {
    expect(() => metadataHeaders(DECLARED, { site: "a\r\nx-evil: 1" })).toThrow("a control character");
    expect(() => metadataHeaders(DECLARED, { nothing: "1" })).toThrow(UsageError);
  });

  test("reads what the peer sends, joining what comes twice", () => {
    const headers = ["date", "now", "x-site", "a", "x-note", "b", "x-site", "c", "x-note"];

    expect(receivedMetadata(DECLARED, headers)).toEqual({ site: "a, c", note: "b" });
    expect(receivedMetadata(DECLARED, ["__proto__", "x"])).toEqual({});
  });

  test("reads every header where the policy says so, and gives a declared name to its own", () => {
    const direct = streamtypeOf({ direct_proto_str: true, metadata: { site: "X-Site:", date: "X-Date:" } });

    expect(receivedMetadata(direct, ["x-site", "a", "x-any", "b", "x-any", "c", "date", "now"])).toEqual({
      site: "a",
      "x-site": "a",
      "x-any": "b, c",
    });
  });

  test("keeps cookies apart, which hold commas", () => {
    const cookies = streamtypeOf({ metadata: { jar: "Set-Cookie:" } });
    const headers = ["set-cookie", "a=1; expires=Thu, 01 Jan 1970", "x-note", "b", "set-cookie", "c=2"];

    expect(receivedMetadata(cookies, headers)).toEqual({ jar: "a=1; expires=Thu, 01 Jan 1970\nc=2" });
  });
});

describe("headerValue", () => {
  const HEADERS = ["x-note", "a", "set-cookie", "b=1", "x-note", "c", "set-cookie", "d=2", "value", "x-note"];

  test.each([
    ["x-note", "a, c"],
    ["set-cookie", "b=1\nd=2"],
    ["value", "x-note"],
    ["a", undefined],
    ["nothing", undefined],
  ])("makes one of the values of %s", (name, value) => {
    expect(headerValue(HEADERS, name)).toBe(value);
  });
});

function streamtypeOf(fields: object): Streamtype {
  const { policy } = requirePolicy(
    parsePolicyValue({ streams: { test: { endpoint: "a.example", ...fields } } }),
  );
  return policy.streamtypes.get("test") as Streamtype;
}
