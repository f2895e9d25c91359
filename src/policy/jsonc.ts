import type { ErrorCode } from "../lib/errors.ts";
import { admitMember, type Json, type Limits, type Member, quote, tooDeep } from "./json.ts";
import { END, Scanner } from "./jsonc-scanner.ts";
import type { Problems } from "./problem.ts";
import { type Place, pointer, type Source } from "./source.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

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
  const reader = new JsoncReader(source, limits, problems);
  if (text.length > limits.size) {
    reader.refuse("policy-too-large", `The policy has ${text.length} characters, at most ${limits.size}`);
    return undefined;
  }
  reader.push(text);
  return reader.finish();
}

interface ObjectFrame {
  readonly type: "object";
  readonly place: Place;
  readonly members: Map<string, Member>;
  needsComma: boolean;
  step: "member" | "key" | "colon";
  /** The member that is being read, from its colon on. */
  key: string;
  keyPlace: Place;
}

interface ListFrame {
  readonly type: "list";
  readonly place: Place;
  readonly items: Json[];
  needsComma: boolean;
}

/**
 * As `readJsonc`, for a text that comes in pieces, cut anywhere: what comes of them is the same wherever they are cut.
 * A fault is reported with the piece that shows it; a word that is none of JSON when it ends, or has 61 characters.
 * Kept are the tree, where lines begin, and the beginning of a text or word that is not complete.
 */
export class JsoncReader {
  readonly #source: Source;
  readonly #limits: Limits;
  readonly #problems: Problems;
  readonly #scanner: Scanner;
  /** Objects and lists that are open, the innermost last. */
  readonly #frames: (ObjectFrame | ListFrame)[] = [];
  /** A value comes next, and this will be its pointer. */
  #path: string | undefined = "";
  /** A text or word has begun here. */
  #begun: (Place & { readonly isText: boolean }) | undefined;
  #root: Json | undefined;
  #size = 0;
  #count = 0;
  #isRefused = false;

  constructor(source: Source, limits: Limits, problems: Problems) {
    this.#source = source;
    this.#limits = limits;
    this.#problems = problems;
    this.#scanner = new Scanner(source, problems);
    source.add("");
  }

  /** Whether what follows can no longer matter. */
  get isFailed(): boolean {
    return this.#isRefused || this.#scanner.isFailed;
  }

  /** Where the next piece begins. */
  get end(): Place {
    return { source: this.#source, offset: this.#size, path: "" };
  }

  push(text: string): void {
    if (this.isFailed) return;
    const { size } = this.#limits;
    const piece = this.#size + text.length > size ? text.slice(0, size - this.#size) : text;
    this.#size += piece.length;
    this.#source.add(piece);
    this.#scanner.add(piece, false);
    this.#run();
    if (piece !== text && !this.isFailed) {
      this.refuse("policy-too-large", `The policy has more than ${size} characters`);
    }
  }

  /** The text is complete. */
  finish(): Json | undefined {
    this.#scanner.add("", true);
    this.#run();
    return this.isFailed ? undefined : this.#root;
  }

  /** Reports why nothing more is read. */
  refuse(code: ErrorCode, message: string, place = this.end): void {
    this.#problems.error(code, place, message);
    this.#isRefused = true;
  }

  #run(): void {
    while (!this.isFailed && this.#step()) {}
  }

  /** Reads what can be read in one go; false where more is needed, or nothing more is wanted. */
  #step(): boolean {
    if (this.#begun !== undefined) return this.#scalar(this.#begun);
    if (this.#path !== undefined) return this.#value(this.#path);
    const frame = this.#frames.at(-1);
    if (frame === undefined) return this.#afterRoot();
    return frame.type === "object" ? this.#member(frame) : this.#item(frame);
  }

  #value(path: string): boolean {
    const first = this.#scanner.next();
    if (first === undefined) return false;
    const place = { source: this.#source, offset: this.#scanner.offset, path };
    const depth = this.#frames.length;
    if (first === END && depth === 0) return this.#fail("The policy is empty");
    if (++this.#count > this.#limits.values) {
      this.refuse("policy-too-large", `The policy has more than ${this.#limits.values} values`, place);
      return false;
    }
    this.#path = undefined;
    if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
      this.#begun = { ...place, isText: first === QUOTE };
      return this.#scalar(this.#begun);
    }
    if (depth === this.#limits.depth) {
      tooDeep(place, this.#limits, this.#problems);
      this.#isRefused = true;
      return false;
    }
    this.#scanner.skip();
    if (first === OPEN_LIST) this.#frames.push({ type: "list", place, items: [], needsComma: false });
    else {
      const [key, keyPlace] = ["", place];
      const members = new Map<string, Member>();
      this.#frames.push({ type: "object", place, members, needsComma: false, step: "member", key, keyPlace });
    }
    return true;
  }

  /** A text, number, flag or null. */
  #scalar({ source, offset, path, isText }: Place & { readonly isText: boolean }): boolean {
    if (isText) {
      const value = this.#scanner.string();
      return value !== undefined && this.#take({ source, offset, path, type: "text", value });
    }
    const word = this.#scanner.word();
    if (word === undefined) return false;
    const { value, text } = word;
    if (value === null) return this.#take({ source, offset, path, type: "null" });
    if (typeof value === "boolean") return this.#take({ source, offset, path, type: "flag", value });
    if (Number.isFinite(value)) return this.#take({ source, offset, path, type: "number", value });
    const message = `The number ${quote(text)} is too large for any program`;
    this.#problems.error("policy-number", { source, offset, path }, message);
    return this.#take({ source, offset, path, type: "broken" });
  }

  #member(frame: ObjectFrame): boolean {
    const scanner = this.#scanner;
    if (frame.step === "member") {
      const next = scanner.next();
      if (next === undefined) return false;
      if (next === CLOSE_OBJECT)
        return this.#close({ ...frame.place, type: "object", members: frame.members });
      if (next === COMMA && frame.needsComma) return this.#comma(frame);
      if (next !== QUOTE) return this.#fail('Expected a key in double quotes or "}"');
      if (frame.needsComma) scanner.report('Expected "," before the next key');
      frame.step = "key";
    }
    if (frame.step === "key") {
      const key = scanner.string();
      if (key === undefined) return false;
      const path = pointer(frame.place.path, key);
      frame.key = key;
      frame.keyPlace = { source: this.#source, offset: scanner.openedAt, path };
      frame.step = "colon";
    }
    const next = scanner.next();
    if (next === undefined) return false;
    if (next !== COLON) return this.#fail(`Expected ":" after ${quote(frame.key)}`);
    scanner.skip();
    frame.step = "member";
    this.#path = frame.keyPlace.path;
    return true;
  }

  #item(frame: ListFrame): boolean {
    const next = this.#scanner.next();
    if (next === undefined) return false;
    if (next === CLOSE_LIST) return this.#close({ ...frame.place, type: "list", items: frame.items });
    if (next === COMMA && frame.needsComma) return this.#comma(frame);
    if (next === CLOSE_OBJECT || next === COLON) return this.#fail('Expected a value or "]"');
    if (frame.needsComma) this.#scanner.report('Expected "," before the next value');
    this.#path = pointer(frame.place.path, frame.items.length);
    return true;
  }

  #comma(frame: ObjectFrame | ListFrame): boolean {
    this.#scanner.skip();
    frame.needsComma = false;
    return true;
  }

  #close(value: Json): boolean {
    this.#scanner.skip();
    this.#frames.pop();
    return this.#take(value);
  }

  /** A value is complete: it is the next of the innermost object or list, or the whole. */
  #take(value: Json): boolean {
    this.#begun = undefined;
    const frame = this.#frames.at(-1);
    if (frame === undefined) {
      this.#root = value;
      return true;
    }
    frame.needsComma = true;
    if (frame.type === "list") frame.items.push(value);
    else {
      const { members, key, keyPlace: place } = frame;
      if (admitMember(members, key, place, this.#problems)) members.set(key, { key, place, value });
    }
    return true;
  }

  #afterRoot(): boolean {
    const next = this.#scanner.next();
    if (next !== undefined && next !== END) this.#fail("Expected the end of the policy");
    return false;
  }

  #fail(message: string): false {
    this.#scanner.fail(message);
    return false;
  }
}
