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
  return Object.entries(schema).every(([keyword, wanted]) => holds(schema, keyword, wanted, value));
}

function holds(schema: object, keyword: string, wanted: unknown, value: unknown): boolean {
  const list = Array.isArray(value) ? value : undefined;
  const object = isObject(value) && !Array.isArray(value) ? value : undefined;
  const known: Readonly<Record<string, unknown>> =
    "properties" in schema && isObject(schema.properties) ? schema.properties : {};
  switch (keyword) {
    case "$schema":
    case "title":
    case "description":
    case "default":
    case "allowComments":
    case "allowTrailingCommas":
      return true;
    case "type":
      return wanted === (list ? "array" : Number.isInteger(value) ? "integer" : typeof value);
    case "enum":
      return Array.isArray(wanted) && wanted.includes(value);
    case "minimum":
      return typeof value !== "number" || value >= Number(wanted);
    case "maximum":
      return typeof value !== "number" || value <= Number(wanted);
    case "minItems":
      return list === undefined || list.length >= Number(wanted);
    case "maxItems":
      return list === undefined || list.length <= Number(wanted);
    case "required":
      return object === undefined || (Array.isArray(wanted) && wanted.every((key) => key in object));
    case "items":
      return list === undefined || list.every((item) => accepts(asSchema(wanted), item));
    case "anyOf":
      return Array.isArray(wanted) && wanted.some((each) => accepts(each, value));
    case "properties":
      return Object.entries(known).every(
        ([key, each]) => object?.[key] === undefined || accepts(asSchema(each), object[key]),
      );
    case "propertyNames":
      return Object.keys(object ?? {}).every((key) => /^[1-9][0-9]{2}$/.test(key));
    case "additionalProperties":
      return Object.entries(object ?? {}).every(
        ([key, each]) => key in known || (wanted !== false && accepts(asSchema(wanted), each)),
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
