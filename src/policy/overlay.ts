import { collect, type Draft, type Entries, type Entry, holdsNames } from "./draft.ts";
import { type Member, quote } from "./json.ts";
import type { KeyTable } from "./key-definition.ts";
import { COLLECTIONS, type CollectionName, POLICY_KEYS } from "./keys.ts";
import { nearest } from "./nearest.ts";
import type { Problems } from "./problem.ts";

/** Comparisons of new names with old ones, so that a large overlay costs no square. */
const MOST_COMPARED = 10_000;

/** `overlay` laid over `base`; neither is changed. A new name that is nearly an old one is a warning. */
export function mergeDrafts(base: Draft, overlay: Draft, problems: Problems): Draft {
  return {
    settings: mergeFields(base.settings, overlay.settings, POLICY_KEYS),
    collections: collect((name) =>
      mergeEntries(name, base.collections[name], overlay.collections[name], problems),
    ),
  };
}

function mergeEntries(name: CollectionName, base: Entries, overlay: Entries, problems: Problems): Entries {
  const { noun, keys } = COLLECTIONS[name];
  const merged = new Map(base);
  let compared = 0;
  for (const entry of overlay.values()) {
    const old = base.get(entry.name);
    if (old === undefined) compared += base.size;
    const isAsked = old === undefined && compared <= MOST_COMPARED;
    const suggestion = isAsked ? nearest(entry.name, base.keys()) : undefined;
    if (suggestion !== undefined) {
      const message = `The overlay adds the ${noun} ${quote(entry.name)}`;
      problems.warning("policy-unknown-name", entry.place, message, () => suggestion);
    }
    merged.set(entry.name, old === undefined ? added(entry) : edited(old, entry, keys));
  }
  return merged;
}

function added(entry: Entry): Entry {
  return { ...entry, fields: mergeFields(new Map(), entry.fields, {}) };
}

function edited(base: Entry, overlay: Entry, keys: KeyTable): Entry {
  return { ...base, fields: mergeFields(base.fields, overlay.fields, keys) };
}

type Fields = ReadonlyMap<string, Member>;

function mergeFields(base: Fields, overlay: Fields, keys: KeyTable): Fields {
  const merged = new Map(base);
  for (const [key, member] of overlay) {
    const definition = keys[key];
    const old = base.get(key);
    if (member.value.type === "null") merged.delete(key);
    else if (old !== undefined && definition !== undefined && holdsNames(definition)) {
      merged.set(key, mergeNames(old, member));
    } else merged.set(key, member);
  }
  return merged;
}

function mergeNames(base: Member, overlay: Member): Member {
  if (base.value.type !== "object" || overlay.value.type !== "object") return overlay;
  const members = mergeFields(base.value.members, overlay.value.members, {});
  return { ...overlay, value: { ...overlay.value, members } };
}
