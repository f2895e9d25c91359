import { describe, expect, expectTypeOf, test } from "vitest";
import { definePolicy, type MetadataName, type PolicyInput, type StreamtypeName } from "./define.ts";
import { parsePolicyValue } from "./parse.ts";

const readable = definePolicy({
  retry: { slow: { backoff: [1000, 60_000], conceal: 3 } },
  streams: {
    telemetry: { endpoint: "a.example", protocol: "mqtt", retry: "slow", metadata: { id: "", site: "" } },
    plain: { endpoint: "b.example" },
    direct: { endpoint: "c.example", direct_proto_str: true, metadata: { id: "" } },
  },
});

const listed = definePolicy({
  s: [
    { telemetry: { endpoint: "a.example", metadata: [{ id: "" }, { site: "x-site:" }] } },
    { plain: { endpoint: "b.example" } },
  ],
});

describe("definePolicy", () => {
  test("returns what it was given, which parses", () => {
    for (const policy of [readable, listed]) {
      expect(parsePolicyValue(policy).policy?.streamtypes.get("telemetry")?.metadata).toHaveLength(2);
    }
  });

  test("lets the compiler know the names of streamtypes", () => {
    expectTypeOf<StreamtypeName<typeof readable>>().toEqualTypeOf<"telemetry" | "plain" | "direct">();
    expectTypeOf<StreamtypeName<typeof listed>>().toEqualTypeOf<"telemetry" | "plain">();
  });

  test("lets the compiler know the names of metadata", () => {
    expectTypeOf<MetadataName<typeof readable, "telemetry">>().toEqualTypeOf<"id" | "site">();
    expectTypeOf<MetadataName<typeof listed, "telemetry">>().toEqualTypeOf<"id" | "site">();
    expectTypeOf<MetadataName<typeof readable, "plain">>().toEqualTypeOf<never>();
    expectTypeOf<MetadataName<typeof listed, "plain">>().toEqualTypeOf<never>();
    expectTypeOf<MetadataName<typeof readable, "direct">>().toEqualTypeOf<string>();
  });

  test("leaves names as texts where the policy is not known to the compiler", () => {
    expectTypeOf<StreamtypeName<string>>().toEqualTypeOf<string>();
    expectTypeOf<StreamtypeName<unknown>>().toEqualTypeOf<string>();
    expectTypeOf<StreamtypeName<PolicyInput>>().toEqualTypeOf<string>();
    expectTypeOf<MetadataName<string, "a">>().toEqualTypeOf<string>();
    expectTypeOf<MetadataName<unknown, string>>().toEqualTypeOf<string>();
    expectTypeOf<MetadataName<PolicyInput, string>>().toEqualTypeOf<string>();
  });

  test("does not compile with a key, a protocol or a type that no streamtype has", () => {
    // @ts-expect-error a key that no streamtype has
    definePolicy({ streams: { a: { endpont: "x" } } });
    // @ts-expect-error a key that no streamtype has, in a list
    definePolicy({ s: [{ a: { endpont: "x" } }] });
    // @ts-expect-error a key that no policy has
    definePolicy({ stream: {} });
    // @ts-expect-error a protocol that does not exist
    definePolicy({ streams: { a: { protocol: "h4" } } });
    // @ts-expect-error a text where a number belongs
    definePolicy({ streams: { a: { port: "80" } } });
    // @ts-expect-error a number where a header belongs
    definePolicy({ streams: { a: { metadata: { m: 1 } } } });

    expect(readable.streams.plain.endpoint).toBe("b.example");
  });
});
