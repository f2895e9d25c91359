import type { Problems } from "./problem.ts";
import { type Place, placeText, pointer } from "./source.ts";

/** A JSON value that remembers where it stands. `broken` was reported already. */
export type Json =
  | (Place & { readonly type: "text"; readonly value: string })
  | (Place & { readonly type: "number"; readonly value: number })
  | (Place & { readonly type: "flag"; readonly value: boolean })
  | (Place & { readonly type: "null" })
  | (Place & { readonly type: "broken" })
  | JsonList
  | JsonObject;

export type JsonList = Place & { readonly type: "list"; readonly items: readonly Json[] };
export type JsonObject = Place & { readonly type: "object"; readonly members: ReadonlyMap<string, Member> };

/** A member of an object: its name stands at `place`. */
export interface Member {
  readonly key: string;
  readonly place: Place;
  readonly value: Json;
}

/** What a policy text or object may cost. */
export interface Limits {
  /** Characters of text. */
  readonly size: number;
  /** Objects and lists within one another. */
  readonly depth: number;
  /** Values in all. */
  readonly values: number;
}

export const LIMITS: Limits = { size: 8 * 1024 * 1024, depth: 64, values: 250_000 };

const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** Whether the member may stay; says why not where it may not. */
export function admitMember(
  members: ReadonlyMap<string, { readonly place: Place }>,
  key: string,
  place: Place,
  problems: Problems,
): boolean {
  if (FORBIDDEN.has(key)) {
    problems.error("policy-forbidden-key", place, `The key "${key}" is not allowed: choose another name`);
    return false;
  }
  const first = members.get(key);
  if (first !== undefined) {
    const where = placeText(first.place);
    problems.error("policy-duplicate-key", place, `${quote(key)} stands twice: the first is at ${where}`);
    return false;
  }
  return true;
}

/** What a value is, in words: `text "abc"`, `a number`. */
export function describe(value: Json): string {
  switch (value.type) {
    case "text":
      return `the text ${quote(value.value)}`;
    case "number":
    case "flag":
      return `${value.value}`;
    case "list":
      return "a list";
    case "object":
      return "an object";
    default:
      return "null";
  }
}

/** `text` in quotes, escaped and cut to what a message can bear. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/**
 * The tree of a value that was JSON, or could be. Members that are undefined do not exist; what JSON cannot hold,
 * and what passes the limits, is a problem.
 */
export function fromValue(value: unknown, root: Place, limits: Limits, problems: Problems): Json {
  let count = 0;
  let isCut = false;
  return convert(value, root, 0);

  function convert(value: unknown, place: Place, depth: number): Json {
    if (++count > limits.values || depth > limits.depth) {
      isCut = true;
      if (depth > limits.depth) tooDeep(place, limits, problems);
      else problems.error("policy-too-large", place, `The policy has more than ${limits.values} values`);
      return { ...place, type: "broken" };
    }
    if (value === null) return { ...place, type: "null" };
    if (typeof value === "string") return { ...place, type: "text", value };
    if (typeof value === "boolean") return { ...place, type: "flag", value };
    if (typeof value === "number") {
      if (Number.isFinite(value)) return { ...place, type: "number", value };
      problems.error("policy-number", place, `The number ${value} is not finite`);
      return { ...place, type: "broken" };
    }
    if (Array.isArray(value)) return convertList(value, place, depth);
    const kind =
      typeof value === "object" ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
    if (typeof value === "object" && kind === "Object") return convertObject(value, place, depth);
    problems.error("policy-type", place, `Expected what JSON can hold, found a ${kind}`);
    return { ...place, type: "broken" };
  }

  function convertList(values: readonly unknown[], place: Place, depth: number): Json {
    const items: Json[] = [];
    for (const [index, item] of values.entries()) {
      items.push(convert(item, { ...place, path: pointer(place.path, index) }, depth + 1));
      if (isCut) break;
    }
    return { ...place, type: "list", items };
  }

  function convertObject(value: object, place: Place, depth: number): Json {
    const members = new Map<string, Member>();
    for (const key of Object.keys(value)) {
      const at = { ...place, path: pointer(place.path, key) };
      if (!admitMember(members, key, at, problems)) continue;
      const member = Object.getOwnPropertyDescriptor(value, key)?.value;
      if (member !== undefined) members.set(key, { key, place: at, value: convert(member, at, depth + 1) });
      if (isCut) break;
    }
    return { ...place, type: "object", members };
  }
}

export function tooDeep(place: Place, limits: Limits, problems: Problems): void {
  problems.error("policy-too-deep", place, `Objects and lists are nested deeper than ${limits.depth}`);
}
