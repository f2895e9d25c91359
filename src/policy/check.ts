import type { Draft } from "./draft.ts";
import { describe, type Json, type Member, quote } from "./json.ts";
import type { KeyDefinition, KeyTable, Referent, ValueOf } from "./key-definition.ts";
import type { CollectionName } from "./keys.ts";
import { nearest } from "./nearest.ts";
import type { Problems, Suggest } from "./problem.ts";
import { readSocks5, type Socks5Address } from "./socks5-address.ts";
import type { Place } from "./source.ts";

/** The checked values of one entry. What was wrong is absent, and reported. */
export class Values<T extends KeyTable> {
  readonly #fields: ReadonlyMap<string, Member>;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(fields: ReadonlyMap<string, Member>, keys: T, draft: Draft, problems: Problems) {
    this.#fields = fields;
    const check = new Check(draft, problems);
    const values = new Map<string, unknown>();
    for (const [key, member] of fields) {
      values.set(key, check.value(member.key, member.value, keys[key] as KeyDefinition));
    }
    this.#values = values;
  }

  get<K extends keyof T & string>(key: K): ValueOf<T[K]> | undefined {
    return this.#values.get(key) as ValueOf<T[K]> | undefined;
  }

  /** Each key that is written, and how. */
  written(): IterableIterator<[string, Member]> {
    return this.#fields.entries();
  }

  /** The member as written; undefined where the key is absent. */
  member(key: keyof T & string): Member | undefined {
    return this.#fields.get(key);
  }
}

const COLLECTION_OF: Readonly<Record<Referent, CollectionName>> = {
  retry: "retry",
  "trust store": "trust_stores",
  certificate: "certs",
  auth: "auth",
  streamtype: "s",
};

/** Characters of one text. */
const LONGEST_TEXT = 65_536;
/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CONTROL = /[\u0000-\u001f\u007f]/;

class Check {
  readonly #draft: Draft;
  readonly #problems: Problems;

  constructor(draft: Draft, problems: Problems) {
    this.#draft = draft;
    this.#problems = problems;
  }

  value(key: string, value: Json, definition: KeyDefinition): unknown {
    if (value.type === "broken") return undefined;
    switch (definition.type) {
      case "flag":
        return value.type === "flag" ? value.value : this.#wrong(key, value, "true or false");
      case "integer":
        return this.#integer(key, value, definition.min, definition.max);
      case "integers":
        return this.#list(key, value, "numbers", definition.most, (item) =>
          this.#integer(key, item, 0, definition.max),
        );
      case "choice":
        return this.#choice(key, value, definition.values);
      case "reference":
        return this.#reference(key, value, definition.to);
      case "references":
        return this.#list(key, value, `${definition.to} names`, definition.most, (item) =>
          this.#reference(key, item, definition.to),
        );
      case "list":
        return this.#list(key, value, "texts", definition.most, (item) => this.#payload(key, item));
      case "headers":
        return this.#names(key, value, definition.most, (name, item) => {
          const header = this.#text(name, item);
          return header === undefined || header === "" ? header : this.#header(name, item, header);
        });
      case "texts":
        return this.#names(key, value, 255, (name, item) => this.#text(name, item));
      case "states":
        return this.#states(key, value, definition.most);
      case "proxy":
        return this.#proxy(key, value);
      case "anything":
        return undefined;
      case "text":
        return this.#formed(key, value, definition.form);
    }
  }

  #integer(key: string, value: Json, min: number, max: number): number | undefined {
    if (value.type !== "number") return this.#wrong(key, value, "a number");
    if (Number.isInteger(value.value) && value.value >= min && value.value <= max) return value.value;
    const message = `${quote(key)} is ${value.value}: expected a whole number from ${min} to ${max}`;
    return this.#fault("policy-number", value, message);
  }

  #list<V>(
    key: string,
    value: Json,
    of: string,
    most: number,
    check: (item: Json) => V | undefined,
  ): readonly V[] | undefined {
    if (value.type !== "list") return this.#wrong(key, value, `a list of ${of}`);
    if (value.items.length > most) {
      return this.#fault(
        "policy-value",
        value,
        `${quote(key)} has ${value.items.length} entries, at most ${most}`,
      );
    }
    return value.items.map(check).filter((item) => item !== undefined);
  }

  #choice(key: string, value: Json, values: readonly string[]): string | undefined {
    const wanted = `one of ${values.map(quote).join(", ")}`;
    if (value.type !== "text") return this.#wrong(key, value, wanted);
    if (values.includes(value.value)) return value.value;
    const message = `${quote(key)} is ${quote(value.value)}: expected ${wanted}`;
    return this.#fault("policy-value", value, message, () => nearest(value.value, values));
  }

  #reference(key: string, value: Json, to: Referent): string | undefined {
    const name = this.#text(key, value);
    const known = this.#draft.collections[COLLECTION_OF[to]];
    if (name === undefined || known.has(name)) return name;
    const message = `${quote(key)} names the ${to} ${quote(name)}, which the policy does not have`;
    const suggest = () => nearest(name, known.keys());
    if (to !== "streamtype") return this.#fault("policy-unknown-name", value, message, suggest);
    this.#problems.warning("policy-unknown-name", value, message, suggest);
    return undefined;
  }

  #names<V>(
    key: string,
    value: Json,
    most: number,
    check: (name: string, item: Json) => V | undefined,
  ): ReadonlyMap<string, V> | undefined {
    if (value.type !== "object") return this.#wrong(key, value, "an object, or a list of objects");
    if (value.members.size > most) {
      return this.#fault(
        "policy-value",
        value,
        `${quote(key)} has ${value.members.size} entries, at most ${most}`,
      );
    }
    const checked = new Map<string, V>();
    for (const member of value.members.values()) {
      if (member.value.type === "broken") continue;
      const result = check(member.key, member.value);
      if (result !== undefined) checked.set(member.key, result);
    }
    return checked;
  }

  #states(key: string, value: Json, most: number): ReadonlyMap<number, number> | undefined {
    const states = this.#names(key, value, most, (status, item) => {
      if (/^[1-9][0-9]{2}$/.test(status)) return this.#integer(status, item, 1000, 65_535);
      return this.#fault("policy-value", item, `${quote(status)} is no response status: expected 100 to 999`);
    });
    return states && new Map([...states].map(([status, state]) => [Number(status), state]));
  }

  #proxy(key: string, value: Json): Socks5Address | "none" | undefined {
    const text = this.#text(key, value);
    if (text === undefined) return undefined;
    if (text === "") return "none";
    const read = readSocks5(text);
    if (read.proxy !== undefined) return read.proxy;
    const shown = quote(text.slice(text.lastIndexOf("@") + 1));
    const message = `${quote(key)} is ${shown}, which is no SOCKS5 proxy: ${read.why}`;
    return this.#fault("policy-value", value, message, () => read.suggestion);
  }

  #formed(
    key: string,
    value: Json,
    form: "header" | "method" | "url" | "payload" | undefined,
  ): string | undefined {
    if (form === "payload") return this.#payload(key, value);
    const text = this.#text(key, value);
    if (text === undefined) return undefined;
    switch (form) {
      case "header":
        return this.#header(key, value, text);
      case "method":
        return this.#method(key, value, text);
      case "url":
        return text.replace(/^\/+/, "");
      default:
        return text;
    }
  }

  #method(key: string, place: Place, text: string): string | undefined {
    const said = `${quote(key)} is ${quote(text)}`;
    if (!TOKEN.test(text)) {
      return this.#fault("policy-value", place, `${said}: expected one word, such as "GET"`);
    }
    if (text.toUpperCase() !== "CONNECT") return text;
    return this.#fault("policy-value", place, `${said}, which asks for a tunnel instead of a transaction`);
  }

  /** A header name: lower case, without the colon that may end it. */
  #header(key: string, place: Place, text: string): string | undefined {
    const name = text.trim().replace(/:$/, "").toLowerCase();
    if (TOKEN.test(name)) return name;
    return this.#fault("policy-value", place, `${quote(key)} is ${quote(text)}, which is no header name`);
  }

  #text(key: string, value: Json): string | undefined {
    const text = this.#payload(key, value);
    if (text === undefined || !CONTROL.test(text)) return text;
    return this.#fault("policy-value", value, `${quote(key)} holds a control character`);
  }

  #payload(key: string, value: Json): string | undefined {
    if (value.type !== "text") return this.#wrong(key, value, "a text");
    const { length } = value.value;
    if (length <= LONGEST_TEXT) return value.value;
    return this.#fault(
      "policy-value",
      value,
      `${quote(key)} has ${length} characters, at most ${LONGEST_TEXT}`,
    );
  }

  #wrong(key: string, value: Json, wanted: string): undefined {
    return this.#fault(
      "policy-type",
      value,
      `Expected ${quote(key)} to be ${wanted}, found ${describe(value)}`,
    );
  }

  #fault(
    code: "policy-type" | "policy-number" | "policy-value" | "policy-unknown-name",
    place: Place,
    message: string,
    suggest?: Suggest,
  ): undefined {
    this.#problems.error(code, place, message, suggest);
    return undefined;
  }
}
