import type { KeyDefinition, KeyTable } from "./key-definition.ts";
import { COLLECTIONS, type Collection, POLICY_KEYS } from "./keys.ts";

/** A JSON Schema, as JSON. */
export type Schema = Readonly<Record<string, unknown>>;

/** JSON Schema (draft-07, which editors know best) of a policy, from the same table as the validator. */
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
  const value = short === "der" ? fields[short] : objectOf(fields);
  const object = {
    type: "object",
    additionalProperties: short === "stack" ? oneOf([value, fields[short]]) : value,
  };
  const named = { type: "object", required: ["name"], ...objectOf({ name: { type: "string" }, ...fields }) };
  return oneOf([object, { type: "array", items: isNamedInside ? { anyOf: [named, object] } : object }]);
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
    case "references":
      return { type: "array", minItems: 1, maxItems: definition.most, items: { type: "string" } };
    case "headers":
    case "texts":
      return names({ type: "object", additionalProperties: { type: "string" } });
    case "states":
      return names({
        type: "object",
        propertyNames: { pattern: "^[1-9][0-9]{2}$" },
        additionalProperties: { type: "integer", minimum: 1000, maximum: 65_535 },
      });
    case "anything":
      return {};
  }
}

function names(object: Schema): Schema {
  return oneOf([object, { type: "array", items: object }]);
}

function objectOf(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, additionalProperties: false };
}

function oneOf(schemas: readonly (Schema | undefined)[]): Schema {
  return { anyOf: schemas };
}

function defaultOf(definition: KeyDefinition): Schema {
  // A text default of a key that holds no text is a sentence for people.
  const isValue = typeof definition.default !== "string" || definition.type === "choice";
  return definition.default === undefined || !isValue ? {} : { default: definition.default };
}

function aboutOf(of: { readonly about: string; readonly later?: unknown }): string {
  return of.later === true ? `${of.about} (accepted and not acted upon yet)` : of.about;
}
