import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { KeyDefinition, KeyTable } from "./key-definition.ts";
import { AUTH_KEYS, COLLECTIONS, METRIC_KEYS, POLICY_KEYS, RETRY_KEYS, TRUST_STORE_KEYS } from "./keys.ts";
import { HTTP_KEYS, MQTT_KEYS, WS_KEYS } from "./protocol-keys.ts";
import { COMMON_KEYS } from "./streamtype-keys.ts";

const page = new URL("../../docs/policy.md", import.meta.url);
const TABLES: Readonly<Record<string, KeyTable>> = {
  policy: POLICY_KEYS,
  retry: RETRY_KEYS,
  "trust stores": TRUST_STORE_KEYS,
  auth: AUTH_KEYS,
  metrics: METRIC_KEYS,
  streamtype: COMMON_KEYS,
  http: HTTP_KEYS,
  ws: WS_KEYS,
  mqtt: MQTT_KEYS,
};

// SECURE_STREAMS_WRITE_DOCS=1 writes the tables instead of comparing them.
test.each([...Object.keys(TABLES), "collections"])(
  "docs/policy.md has the table of the validator: %s",
  (name) => {
    const text = readFileSync(page, "utf8");
    const [start, end] = [`<!-- keys: ${name} -->\n`, "<!-- end -->"];
    const from = text.indexOf(start) + start.length;
    const to = text.indexOf(end, from);
    const table = name === "collections" ? collectionRows() : keyRows(TABLES[name] ?? {});
    if (process.env.SECURE_STREAMS_WRITE_DOCS === "1") {
      writeFileSync(page, `${text.slice(0, from)}\n${table}\n${text.slice(to)}`);
      return;
    }

    expect(text).toContain(start);
    expect(text.slice(from, to).trim()).toBe(table.trim());
  },
);

function keyRows(keys: KeyTable): string {
  const rows = Object.entries(keys).map(([key, definition]) => {
    const names = [key, ...(definition.aliases ?? [])].map((name) => `\`${name}\``).join(", also ");
    const later = definition.later === undefined ? "" : ` (${laterText(definition)})`;
    return `| ${names} | ${typeText(definition)} | ${defaultText(definition)} | ${definition.about}${later} |`;
  });
  return ["| key | value | default | meaning |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function collectionRows(): string {
  const rows = Object.entries(COLLECTIONS).map(([key, collection]) => {
    const aliases = "aliases" in collection ? collection.aliases : [];
    const names = [key, ...aliases].map((name) => `\`${name}\``).join(", also ");
    return `| ${names} | ${collection.about}${"later" in collection ? " (not acted upon yet)" : ""} |`;
  });
  return ["| key | holds |", "|---|---|", ...rows, ""].join("\n");
}

function laterText({ later }: KeyDefinition): string {
  return Array.isArray(later) ? `${later.join(", ")}: not acted upon yet` : "not acted upon yet";
}

function typeText(definition: KeyDefinition): string {
  const unit = "unit" in definition ? ` ${definition.unit}` : "";
  const template = definition.isTemplate ? ", template" : "";
  switch (definition.type) {
    case "integer":
      return `${definition.min} to ${definition.max}${unit}`;
    case "integers":
      return `list of up to ${definition.most} numbers,${unit}`;
    case "choice":
      return definition.values.map((value) => `\`${value}\``).join(" ");
    case "reference":
      return `name of a ${definition.to}`;
    case "references":
      return `list of up to ${definition.most} names`;
    case "list":
      return `list of up to ${definition.most} texts`;
    case "headers":
      return "names to header names";
    case "states":
      return `up to ${definition.most} statuses to states`;
    case "texts":
      return "names to texts";
    case "proxy":
      return "`host:port`";
    case "text":
      return `${definition.form === "header" ? "header name" : "text"}${template}`;
    default:
      return definition.type;
  }
}

function defaultText({ type, default: value }: KeyDefinition): string {
  if (value === undefined) return "none";
  if (value === "") return "empty";
  if (typeof value === "string") return type === "choice" ? `\`${value}\`` : value;
  return `\`${JSON.stringify(value)}\``;
}
