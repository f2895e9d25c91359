// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import { describe, expect, test } from "vitest";
import { parsePolicyValue, requirePolicy } from "../policy/index.ts";
import { planTarget } from "./plan.ts";

describe("a value in http_url", () => {
  test.each([
    ["${a}", { a: "v1/x/y?z=1&z=2" }, "/v1/x/y?z=1&z=2"],
    ["${a}", { a: "//v1/x" }, "/v1/x"],
    ["${a}?full=1", { a: "v1/x/y" }, "/v1/x/y?full=1"],
    ["s?${a}", { a: "q=1&r=/2?" }, "/s?q=1&r=/2?"],
    ["${a}?${b}", { a: "v1/x", b: "q=1" }, "/v1/x?q=1"],
    ["d/${a}/config?full=1", { a: "7" }, "/d/7/config?full=1"],
    ["d/${a}/config", { a: "a%2Fb" }, "/d/a%2Fb/config"],
    ["d/${a}", { a: "..." }, "/d/..."],
    ["d/${a}", { a: ".hidden" }, "/d/.hidden"],
    ["d/${a}.${b}", { a: "x", b: "json" }, "/d/x.json"],
    ["d/${a}", { a: "☃:@=+" }, "/d/%E2%98%83:@=+"],
    ["d/${a}", {}, "/d/"],
    ["s?q=${a}&r=1", { a: "b64==/?x" }, "/s?q=b64==/?x&r=1"],
    ["s?q=${a}", { a: "../.." }, "/s?q=../.."],
    ["s?${a}&r=1", { a: "flag" }, "/s?flag&r=1"],
    ["s?${a}=${b}", { a: "k", b: "v=1" }, "/s?k=v=1"],
    ["a/../b/${a}", { a: "x" }, "/a/../b/x"],
  ])("fits into %j: %j", (http_url, values, path) => {
    expect(pathOf(http_url, values)).toBe(path);
  });

  test.each([
    ["devices/${a}/config?full=1", { a: "../../admin" }],
    ["devices/${a}/config?full=1", { a: "x?admin=1&y=" }],
    ["d/${a}/config", { a: "x#" }],
    ["d/${a}/config", { a: "x\\y" }],
    ["d/${a}/config", { a: "x;admin=1" }],
    ["d/${a}/config", { a: "100%" }],
    ["d/${a}2f", { a: "..%" }],
    ["d/${a}/config", { a: "a b" }],
    ["d/${a}/config", { a: ".." }],
    ["d/${a}/config", { a: "." }],
    ["d/${a}/config", { a: "%2E%2e" }],
    ["d/${a}/config", { a: "..%2fadmin" }],
    ["d/${a}/config", { a: "x%5C..%5Cadmin" }],
    ["d/.${a}/config", { a: "." }],
    ["d/${a}${b}", { a: ".", b: "." }],
    ["d/${a};v=1", { a: ".." }],
    ["${a}", { a: "../admin" }],
    ["${a}", { a: "x/..;/admin" }],
    ["${a}", { a: "x/%2e%2E/admin?y" }],
    ["${a}", { a: "x\\..\\admin" }],
    ["${a}", { a: "x#y" }],
    ["${a}?full=1", { a: "x?full=0" }],
    ["s?${a}", { a: "x#y" }],
    ["s?q=${a}&r=1", { a: "x&admin=1" }],
    ["s?q=${a}&r=1", { a: "x;admin=1" }],
    ["s?${a}&r=1", { a: "x=1" }],
    ["s?${a}=1", { a: "x&y" }],
    ["${a}?q=${b}", { a: "x", b: "1&2" }],
  ])("is refused where it would change the shape of %j: %j", (http_url, values) => {
    expect(() => pathOf(http_url, values)).toThrow(expect.objectContaining({ code: "metadata-unsafe" }));
  });

  test("is refused with its name, the value and what is wrong", () => {
    expect(() => pathOf("d/${a}/c", { a: "../x" })).toThrow(
      'Cannot use metadata "a": its value "../x" holds a space, a separator of paths (/ \\ ? # ;) or a bare %, which would change the segment it is put into',
    );
    expect(() => pathOf("d/${a}${b}", { a: ".", b: "." })).toThrow(
      'Cannot connect: metadata in "d/${a}${b}" makes the segment "..", which would change the path',
    );
  });
});

function pathOf(http_url: string, values: Readonly<Record<string, string>>): string | undefined {
  const { policy } = requirePolicy(
    parsePolicyValue({
      streams: { test: { endpoint: "a.example", http_url, metadata: { a: "", b: "" } } },
    }),
  );
  const streamtype = policy.streamtypes.get("test");
  if (streamtype === undefined) throw new Error("No streamtype");
  return planTarget(streamtype, values, { identity: {}, scope: "p", hasBody: false }).http?.path;
}
