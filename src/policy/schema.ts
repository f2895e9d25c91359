import type { KeyDefinition, KeyTable } from "./key-definition.ts";
import { COLLECTIONS, type Collection, POLICY_KEYS } from "./keys.ts";

/** A JSON Schema, as JSON. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * JSON Schema (draft-07, which editors know best) of a policy, from the same table as the validator. Where an object or
 * a list may stand there is one schema with what holds of each, never a choice of schemas: an editor could not say
 * which one was meant, and would complain of the whole instead of the key that is wrong.
 */
export function policySchema(): Schema {
  const properties: Record<string, Schema> = { $schema: { type: "string" }, ...fieldsOf(POLICY_KEYS) };
  for (const [name, collection] of Object.entries(COLLECTIONS) as readonly [string, Collection][]) {
    for (const key of [name, ...(collection.aliases ?? [])]) {
      properties[key] = { description: aboutOf(collection), ...collectionSchema(collection) };
    }
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Secure Streams policy",
    type: "object",
    allowComments: true,
    allowTrailingCommas: true,
    additionalProperties: false,
    properties,
  };
}

function collectionSchema({ keys, short, isNamedInside }: Collection): Schema {
  const fields = fieldsOf(keys);
  const member = short === "der" ? fields[short] : memberSchema(fields, short);
  if (!isNamedInside) return objectOrList({ additionalProperties: member });
  const name = { type: "string" };
  return objectOrList({
    if: { properties: { name }, required: ["name"] },
    // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
    then: { properties: { name, ...fields }, additionalProperties: false },
    else: { additionalProperties: member },
  });
}

/** One thing of a collection; the key `short` may stand for it where it is a list. */
function memberSchema(fields: Readonly<Record<string, Schema>>, short: string | undefined): Schema {
  const member = { properties: fields, additionalProperties: false };
  return short === undefined
    ? { type: "object", ...member }
    : { ...fields[short], type: ["object", "array"], ...member };
}

function fieldsOf(keys: KeyTable): Record<string, Schema> {
  const fields: Record<string, Schema> = {};
  for (const [key, definition] of Object.entries(keys)) {
    const schema = { ...valueSchema(definition), description: aboutOf(definition), ...defaultOf(definition) };
    fields[key] = schema;
    for (const alias of definition.aliases ?? []) fields[alias] = schema;
  }
  return fields;
}

function valueSchema(definition: KeyDefinition): Schema {
  switch (definition.type) {
    case "text":
    case "reference":
    case "proxy":
      return { type: "string" };
    case "flag":
      return { type: "boolean" };
    case "integer":
      return { type: "integer", minimum: definition.min, maximum: definition.max };
    case "integers":
      return {
        type: "array",
        maxItems: definition.most,
        items: { type: "integer", minimum: 0, maximum: definition.max },
      };
    case "choice":
      return { enum: definition.values };
    case "list":
    case "references":
      return { type: "array", minItems: 1, maxItems: definition.most, items: { type: "string" } };
    case "headers":
    case "texts":
      return objectOrList({ additionalProperties: { type: "string" } });
    case "states":
      return objectOrList({
        propertyNames: { pattern: "^[1-9][0-9]{2}$" },
        additionalProperties: { type: "integer", minimum: 1000, maximum: 65_535 },
      });
    case "anything":
      return {};
  }
}

/** An object of names, or a list of such objects. */
function objectOrList(names: Schema): Schema {
  return { type: ["object", "array"], ...names, items: { type: "object", ...names } };
}

function defaultOf(definition: KeyDefinition): Schema {
  // A text default of a key that holds no text is a sentence for people.
  const isValue = typeof definition.default !== "string" || definition.type === "choice";
  return definition.default === undefined || !isValue ? {} : { default: definition.default };
}

function aboutOf(of: { readonly about: string; readonly later?: unknown }): string {
  return of.later === true ? `${of.about} (accepted and not acted upon yet)` : of.about;
}
