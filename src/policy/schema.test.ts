import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "./defaults.ts";
import { policySchema } from "./schema.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";

const corpus = new URL("../../test/corpus/policies/", import.meta.url);

describe("the JSON Schema", () => {
  test.each(readdirSync(corpus))("accepts what the validator accepts: %s", (name) => {
    expect(accepts(policySchema(), JSON.parse(readFileSync(new URL(name, corpus), "utf8")))).toBe(true);
  });

  test("accepts the readable form", () => {
    const value = {
      $schema: "x",
      retry: { r: { backoff: [1] } },
      certs: { c: "x" },
      trust_stores: { t: ["c"], u: { stack: ["c"] } },
      auth: { b: { type: "sigv4" } },
      streams: { a: { protocol: "ws", metadata: { m: "" }, http_resp_map: { "404": 1404 }, plugins: [] } },
    };

    expect(accepts(policySchema(), value)).toBe(true);
    expect(accepts(policySchema(), DEFAULT_POLICY)).toBe(true);
  });

  test.each([
    { s: { a: { port: "80" } } },
    { s: { a: { port: 65_536 } } },
    { s: { a: { port: -1 } } },
    { s: { a: { endpont: "x" } } },
    { s: { a: { protocol: "h4" } } },
    { s: [{ a: { tls: 1 } }] },
    { s: { a: { http_resp_map: { ok: 1000 } } } },
    { s: { a: { http_resp_map: { "200": 999 } } } },
    { retry: { r: { backoff: [1, 2, 3, 4, 5, 6, 7, 8, 9] } } },
    { trust_stores: { t: [] } },
    { trust_stores: [{ name: "t", stak: [] }] },
    { certs: { c: { der: "x" } } },
    { stream: {} },
    [],
  ])("refuses what the validator refuses or warns of: %j", (value) => {
    expect(accepts(policySchema(), value)).toBe(false);
  });

  test.each<[object, readonly string[]]>([
    [{ streams: { a: { endpont: "x" } } }, ["/streams/a additionalProperties endpont"]],
    [{ s: [{ a: { port: "80" } }] }, ["/s/0/a/port type"]],
    [{ s: { a: { protocol: "mqt" }, b: {} } }, ["/s/a/protocol enum"]],
    [{ s: { a: { http_resp_map: { ok: 1000 } } } }, ["/s/a/http_resp_map propertyNames ok"]],
    [{ s: { a: { metadata: [{ m: 1 }] } } }, ["/s/a/metadata/0/m type"]],
    [{ s: 5 }, ["/s type"]],
    [{ retry: [{ r: { backof: [] } }] }, ["/retry/0/r additionalProperties backof"]],
    [{ trust_stores: [{ name: "t", stak: ["c"] }] }, ["/trust_stores/0 additionalProperties stak"]],
    [{ trust_stores: { t: { stack: "c" } } }, ["/trust_stores/t/stack type"]],
    [{ trust_stores: { t: [5] } }, ["/trust_stores/t/0 type"]],
    [
      { auth: [{ name: "n", blob: 4 }, { b: { blob: 5 } }] },
      ["/auth/0/blob maximum", "/auth/1/b/blob maximum"],
    ],
    [{ auth: { name: "n", typ: "x" } }, ["/auth additionalProperties typ"]],
  ])("names the key that is wrong, and it alone: %j", (value, faults) => {
    expect(faultsOf(policySchema(), value)).toEqual(faults);
  });

  test("leaves an editor no choice of schemas to guess from", () => {
    expect(JSON.stringify(policySchema())).not.toMatch(/"(anyOf|oneOf|allOf)":/);
  });

  test("describes every key, and says which are not acted upon yet", () => {
    const text = JSON.stringify(policySchema());

    for (const { about } of Object.values(STREAMTYPE_KEYS))
      expect(text).toContain(JSON.stringify(about).slice(1, -1));
    expect(text).toContain("Metadata names that the policy does not list may be used as header names");
    expect(text).toContain("What is sent is latency-sensitive (accepted and not acted upon yet)");
  });
});

/** As much of draft-07 as the schema uses; an unknown keyword fails the test. */
function accepts(schema: object, value: unknown): boolean {
  return faultsOf(schema, value).length === 0;
}

/** Where the value does not hold, and by which keyword, in the order of the schema. */
function faultsOf(schema: object, value: unknown, at = ""): readonly string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => faults(schema, keyword, wanted, value, at));
}

function faults(
  schema: object,
  keyword: string,
  wanted: unknown,
  value: unknown,
  at: string,
): readonly string[] {
  const list = Array.isArray(value) ? value : undefined;
  const object = isObject(value) && !Array.isArray(value) ? value : undefined;
  const members = Object.entries(object ?? {});
  const known: Readonly<Record<string, unknown>> =
    "properties" in schema && isObject(schema.properties) ? schema.properties : {};
  const check = (holds: boolean): readonly string[] => (holds ? [] : [`${at} ${keyword}`]);
  switch (keyword) {
    case "$schema":
    case "title":
    case "description":
    case "default":
    case "allowComments":
    case "allowTrailingCommas":
    case "then":
    case "else":
      return [];
    case "type": {
      const type = list ? "array" : Number.isInteger(value) ? "integer" : typeof value;
      return check([wanted].flat().includes(type));
    }
    case "enum":
      return check(Array.isArray(wanted) && wanted.includes(value));
    case "minimum":
      return check(typeof value !== "number" || value >= Number(wanted));
    case "maximum":
      return check(typeof value !== "number" || value <= Number(wanted));
    case "minItems":
      return check(list === undefined || list.length >= Number(wanted));
    case "maxItems":
      return check(list === undefined || list.length <= Number(wanted));
    case "required":
      return check(object === undefined || (Array.isArray(wanted) && wanted.every((key) => key in object)));
    case "items":
      return (list ?? []).flatMap((item, index) => faultsOf(asSchema(wanted), item, `${at}/${index}`));
    case "if": {
      const branch = accepts(asSchema(wanted), value) ? "then" : "else";
      return faultsOf(asSchema((schema as Readonly<Record<string, unknown>>)[branch]), value, at);
    }
    case "properties":
      return Object.entries(known)
        .filter(([key]) => object?.[key] !== undefined)
        .flatMap(([key, each]) => faultsOf(asSchema(each), object?.[key], `${at}/${key}`));
    case "propertyNames":
      return members.flatMap(([key]) => (/^[1-9][0-9]{2}$/.test(key) ? [] : [`${at} ${keyword} ${key}`]));
    case "additionalProperties":
      return members
        .filter(([key]) => !(key in known))
        .flatMap(([key, each]) =>
          wanted === false ? [`${at} ${keyword} ${key}`] : faultsOf(asSchema(wanted), each, `${at}/${key}`),
        );
    default:
      throw new Error(`The schema uses the keyword ${keyword}`);
  }
}

function asSchema(value: unknown): object {
  if (!isObject(value)) throw new Error("Not a schema");
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
