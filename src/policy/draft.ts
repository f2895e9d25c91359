import { admitMember, describe, type Json, type JsonObject, type Member, quote } from "./json.ts";
import type { KeyDefinition, KeyTable } from "./key-definition.ts";
import { COLLECTIONS, type Collection, type CollectionName, POLICY_KEYS } from "./keys.ts";
import { nearest } from "./nearest.ts";
import type { Problems } from "./problem.ts";
import type { Place } from "./source.ts";

/** A named thing of a collection, its keys under their own names and in one shape, its values not yet checked. */
export interface Entry {
  readonly name: string;
  readonly place: Place;
  readonly fields: ReadonlyMap<string, Member>;
}

export type Entries = ReadonlyMap<string, Entry>;

/** A policy as written, with every form that may be written brought into one. */
export interface Draft {
  readonly settings: ReadonlyMap<string, Member>;
  readonly collections: Readonly<Record<CollectionName, Entries>>;
}

export const COLLECTION_NAMES = Object.keys(COLLECTIONS) as readonly CollectionName[];

/** Reads the shape of a policy; undefined where it is no object. Unknown keys are warnings. */
export function readDraft(root: Json, problems: Problems): Draft | undefined {
  if (root.type !== "object") {
    problems.error("policy-type", root, `Expected the policy to be an object, found ${describe(root)}`);
    return undefined;
  }
  const settings = new Map<string, Member>();
  const collections = collect(() => new Map<string, Entry>());
  for (const member of root.members.values()) {
    const name = collectionOf(member.key);
    if (name !== undefined) readCollection(COLLECTIONS[name], member, collections[name], problems);
    else if (Object.hasOwn(POLICY_KEYS, member.key)) settings.set(member.key, member);
    else if (member.key !== "$schema") unknownKey(member, TOP_NAMES, "of the policy", problems);
  }
  return { settings, collections };
}

/** One value for each collection. */
export function collect<V>(make: (name: CollectionName) => V): Readonly<Record<CollectionName, V>> {
  return {
    retry: make("retry"),
    certs: make("certs"),
    trust_stores: make("trust_stores"),
    auth: make("auth"),
    metrics: make("metrics"),
    s: make("s"),
  };
}

const TOP_NAMES = [
  ...Object.keys(POLICY_KEYS),
  ...COLLECTION_NAMES.flatMap((name) => [name, ...aliases(COLLECTIONS[name])]),
];

function collectionOf(key: string): CollectionName | undefined {
  return COLLECTION_NAMES.find((name) => name === key || aliases(COLLECTIONS[name]).includes(key));
}

function aliases({ aliases = [] }: Collection | KeyDefinition): readonly string[] {
  return aliases;
}

function readCollection(
  collection: Collection,
  member: Member,
  into: Map<string, Entry>,
  problems: Problems,
): void {
  if (collection.later === true) noteLater(member, problems);
  const { value } = member;
  for (const item of value.type === "list" ? value.items : [value]) {
    if (item.type === "broken") continue;
    if (item.type !== "object") {
      const message = `Expected an object of ${collection.noun} names, found ${describe(item)}`;
      problems.error("policy-type", item, message);
      continue;
    }
    const name = collection.isNamedInside ? item.members.get("name") : undefined;
    if (name?.value.type === "text") {
      addEntry(name.value.value, name.value, item, collection, into, problems);
    } else if (name !== undefined && name.value.type !== "object" && name.value.type !== "list") {
      problems.error(
        "policy-type",
        name.value,
        `Expected "name" to be a text, found ${describe(name.value)}`,
      );
    } else if (
      collection.isNamedInside &&
      [...item.members.keys()].some((key) => Object.hasOwn(collection.keys, key))
    ) {
      problems.error("policy-value", item, `This ${collection.noun} has no "name"`);
    } else {
      for (const each of item.members.values()) {
        addEntry(each.key, each.place, each.value, collection, into, problems);
      }
    }
  }
}

function addEntry(
  name: string,
  place: Place,
  value: Json,
  collection: Collection,
  into: Map<string, Entry>,
  problems: Problems,
): void {
  if (name === "") {
    problems.error("policy-value", place, `A ${collection.noun} needs a name`);
    return;
  }
  if (!admitMember(into, name, place, problems)) return;
  const fields = readFields(name, place, value, collection, problems);
  into.set(name, { name, place, fields });
}

function readFields(
  name: string,
  place: Place,
  value: Json,
  collection: Collection,
  problems: Problems,
): ReadonlyMap<string, Member> {
  const { noun, keys, short } = collection;
  if (value.type === "broken") return new Map();
  if (short !== undefined && (value.type !== "object" || noun === "certificate")) {
    return new Map([[short, { key: noun === "certificate" ? name : short, place, value }]]);
  }
  if (value.type !== "object") {
    problems.error(
      "policy-type",
      value,
      `Expected the ${noun} ${quote(name)} to be an object, found ${describe(value)}`,
    );
    return new Map();
  }
  const fields = new Map<string, Member>();
  const names = fieldNames(keys);
  for (const member of value.members.values()) {
    const key = names.get(member.key);
    const definition = key === undefined ? undefined : keys[key];
    if (key === undefined || definition === undefined) {
      if (collection.isNamedInside && member.key === "name") continue;
      unknownKey(member, [...names.keys()], `of the ${noun} ${quote(name)}`, problems);
      continue;
    }
    if (isLater(definition, member.value)) noteLater(member, problems);
    const other = fields.get(key);
    if (other !== undefined) {
      const message = `${quote(member.key)} and ${quote(other.key)} are the same key`;
      problems.error("policy-duplicate-key", member.place, message);
      continue;
    }
    fields.set(key, { ...member, value: gather(member.value, definition, problems) });
  }
  return fields;
}

/** Names and aliases of a table's keys, each to the key. */
function fieldNames(keys: KeyTable): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(keys).flatMap(([key, definition]) =>
      [key, ...aliases(definition)].map((name) => [name, key]),
    ),
  );
}

/** A list of objects with names inside becomes one object. */
function gather(value: Json, definition: KeyDefinition, problems: Problems): Json {
  if (value.type !== "list" || !holdsNames(definition)) return value;
  const members = new Map<string, Member>();
  for (const item of value.items) {
    if (item.type === "object") {
      for (const member of item.members.values()) {
        if (admitMember(members, member.key, member.place, problems)) members.set(member.key, member);
      }
    } else if (item.type !== "broken") {
      problems.error("policy-type", item, `Expected an object, found ${describe(item)}`);
    }
  }
  const gathered: JsonObject = {
    source: value.source,
    offset: value.offset,
    path: value.path,
    type: "object",
    members,
  };
  return gathered;
}

/** Whether the value of the key is a set of names, which overlays add to. */
export function holdsNames(definition: KeyDefinition): boolean {
  return definition.type === "headers" || definition.type === "states" || definition.type === "texts";
}

/** Whether a key with this value, or absent, asks for what this version does not do yet. */
export function isLater({ later }: KeyDefinition, value: Json | undefined): boolean {
  if (later === undefined || value?.type === "null" || (value?.type === "flag" && !value.value)) return false;
  if (typeof later === "boolean") return later;
  return value?.type === "text" && later.some((beginning) => value.value.startsWith(beginning));
}

function noteLater(member: Member, problems: Problems): void {
  const { value } = member;
  const what = value.type === "text" ? `${quote(member.key)}: ${quote(value.value)}` : quote(member.key);
  problems.note("policy-not-acted-upon", member.place, `${what} is accepted and not acted upon yet`);
}

function unknownKey(member: Member, names: readonly string[], where: string, problems: Problems): void {
  const message = `Unknown key ${quote(member.key)} ${where}`;
  problems.warning("policy-unknown-key", member.place, message, () => nearest(member.key, names));
}
