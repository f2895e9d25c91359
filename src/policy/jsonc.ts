import { admitMember, type Json, type Limits, type Member, quote, tooDeep } from "./json.ts";
import type { Problems } from "./problem.ts";
import { type Place, pointer, type Source } from "./source.ts";

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /[^\s,:{}[\]"/]+/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/**
 * The tree of a JSON text in which comments and trailing commas may stand; undefined where the text breaks off or
 * goes on in a way that leaves nothing to check. A missing comma is reported and reading goes on.
 */
export function readJsonc(
  text: string,
  source: Source,
  limits: Limits,
  problems: Problems,
): Json | undefined {
  if (text.length > limits.size) {
    const place = { source, offset: 0, path: "" };
    problems.error(
      "policy-too-large",
      place,
      `The policy has ${text.length} characters, at most ${limits.size}`,
    );
    return undefined;
  }
  return new Reader(text, source, limits, problems).document();
}

class Reader {
  readonly #text: string;
  readonly #source: Source;
  readonly #limits: Limits;
  readonly #problems: Problems;
  #at = 0;
  #count = 0;

  constructor(text: string, source: Source, limits: Limits, problems: Problems) {
    this.#text = text;
    this.#source = source;
    this.#limits = limits;
    this.#problems = problems;
  }

  document(): Json | undefined {
    if (this.#text.startsWith("\ufeff")) this.#at = 1;
    if (!this.#skip()) return undefined;
    if (this.#at === this.#text.length) return this.#fail("The policy is empty");
    const value = this.#value("", 0);
    if (value === undefined || !this.#skip()) return undefined;
    if (this.#at < this.#text.length) return this.#fail("Expected the end of the policy");
    return value;
  }

  #value(path: string, depth: number): Json | undefined {
    const place = this.#place(path);
    if (++this.#count > this.#limits.values) {
      this.#problems.error(
        "policy-too-large",
        place,
        `The policy has more than ${this.#limits.values} values`,
      );
      return undefined;
    }
    const first = this.#text[this.#at];
    if (first === '"') {
      const value = this.#string();
      return value === undefined ? undefined : { ...place, type: "text", value };
    }
    if (first !== "{" && first !== "[") return this.#word(place);
    if (depth === this.#limits.depth) {
      tooDeep(place, this.#limits, this.#problems);
      return undefined;
    }
    return first === "{" ? this.#object(place, depth) : this.#list(place, depth);
  }

  #object(place: Place, depth: number): Json | undefined {
    const members = new Map<string, Member>();
    let needsComma = false;
    for (this.#at++; ; ) {
      if (!this.#skip()) return undefined;
      const next = this.#text[this.#at];
      if (next === "}") break;
      if (next === "," && needsComma) {
        this.#at++;
        needsComma = false;
        continue;
      }
      if (next !== '"') return this.#fail('Expected a key in double quotes or "}"');
      if (needsComma) this.#report('Expected "," before the next key');
      const keyAt = this.#at;
      const key = this.#string();
      if (key === undefined || !this.#skip()) return undefined;
      if (this.#text[this.#at] !== ":") return this.#fail(`Expected ":" after ${quote(key)}`);
      this.#at++;
      if (!this.#skip()) return undefined;
      const path = pointer(place.path, key);
      const value = this.#value(path, depth + 1);
      if (value === undefined) return undefined;
      const at = { source: this.#source, offset: keyAt, path };
      if (admitMember(members, key, at, this.#problems)) members.set(key, { key, place: at, value });
      needsComma = true;
    }
    this.#at++;
    return { ...place, type: "object", members };
  }

  #list(place: Place, depth: number): Json | undefined {
    const items: Json[] = [];
    let needsComma = false;
    for (this.#at++; ; ) {
      if (!this.#skip()) return undefined;
      const next = this.#text[this.#at];
      if (next === "]") break;
      if (next === "," && needsComma) {
        this.#at++;
        needsComma = false;
        continue;
      }
      if (next === "}" || next === ":") return this.#fail('Expected a value or "]"');
      if (needsComma) this.#report('Expected "," before the next value');
      const value = this.#value(pointer(place.path, items.length), depth + 1);
      if (value === undefined) return undefined;
      items.push(value);
      needsComma = true;
    }
    this.#at++;
    return { ...place, type: "list", items };
  }

  #word(place: Place): Json | undefined {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0] ?? "";
    const start = this.#at;
    this.#at += word.length;
    if (word === "true" || word === "false") return { ...place, type: "flag", value: word === "true" };
    if (word === "null") return { ...place, type: "null" };
    NUMBER.lastIndex = start;
    if (NUMBER.exec(this.#text)?.[0] === word) {
      const value = Number(word);
      if (Number.isFinite(value)) return { ...place, type: "number", value };
      this.#problems.error("policy-number", place, `The number ${quote(word)} is too large for any program`);
      return { ...place, type: "broken" };
    }
    this.#at = start;
    if (word === "") return this.#fail("Expected a value");
    return this.#fail(`Expected a value, found ${quote(word)}: text stands in double quotes`);
  }

  /** The string that begins here, and past it. */
  #string(): string | undefined {
    const start = this.#at;
    let value = "";
    for (let from = ++this.#at; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) {
        value += this.#text.slice(from, this.#at++);
        return value;
      }
      if (code === 0x5c) {
        const escaped = this.#escape();
        if (escaped === undefined) return undefined;
        value += this.#text.slice(from, this.#at) + escaped.value;
        this.#at += escaped.length - 1;
        from = this.#at + 1;
      } else if (Number.isNaN(code) || code === 0x0a) {
        this.#at = start;
        return this.#fail("The text has no closing double quote");
      } else if (code < 0x20) {
        return this.#fail(`Write the control character ${code} as \\u${code.toString(16).padStart(4, "0")}`);
      }
    }
  }

  #escape(): { readonly value: string; readonly length: number } | undefined {
    const letter = this.#text.charAt(this.#at + 1);
    const simple = ESCAPES.get(letter);
    if (simple !== undefined) return { value: simple, length: 2 };
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter === "u" && /^[0-9a-fA-F]{4}$/.test(digits)) {
      return { value: String.fromCharCode(Number.parseInt(digits, 16)), length: 6 };
    }
    return this.#fail('Not an escape of JSON: write "\\\\" for one backslash');
  }

  /** Past white space and comments; false where a comment has no end. */
  #skip(): boolean {
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) continue;
      if (code !== 0x2f) return true;
      const second = this.#text[this.#at + 1];
      if (second !== "/" && second !== "*") return true;
      const end = second === "/" ? "\n" : "*/";
      const close = this.#text.indexOf(end, this.#at + 2);
      if (close === -1 && second === "*") {
        this.#fail("The comment has no end");
        return false;
      }
      this.#at = close === -1 ? this.#text.length - 1 : close + end.length - 1;
    }
  }

  #place(path: string): Place {
    return { source: this.#source, offset: this.#at, path };
  }

  #report(message: string): void {
    this.#problems.error("policy-syntax", this.#place(""), message);
  }

  #fail(message: string): undefined {
    this.#report(message);
    return undefined;
  }
}
