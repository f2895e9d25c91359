import { quote } from "./json.ts";
import type { Problems } from "./problem.ts";
import type { Source } from "./source.ts";

/** What `next` gives where the text ends. */
export const END = -1;

const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const WORD = /[^\s,:{}[\]"/]+/y;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const NUMBER_SO_FAR = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?$/;
/** Characters of a word that a message quotes: with one more it is known that no word of JSON will come of it. */
const LONGEST_QUOTED = 60;
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
 * The words, texts and signs of a JSON text that comes in pieces, cut anywhere. Each method gives undefined where more
 * is needed, and is then called again once there is more, or where the text failed. Of what was read nothing is kept
 * but the beginning of a text or word that is not complete.
 */
export class Scanner {
  readonly #source: Source;
  readonly #problems: Problems;
  /** What came last, after at most five characters that could not be understood without it. */
  #text = "";
  #at = 0;
  /** Where `#text` begins in the whole. */
  #base = 0;
  #isLast = false;
  #isFailed = false;
  /** What ends the comment that `#at` is in; empty outside of comments. */
  #closing = "";
  /** Whether `#at` is inside a text or word, of which `#begun` was read. */
  #isInside = false;
  #begun = "";
  /** Where the comment, text or word begins. */
  #openedAt = 0;
  /** At which length a word is looked at next. */
  #suspectAt = LONGEST_QUOTED;

  constructor(source: Source, problems: Problems) {
    this.#source = source;
    this.#problems = problems;
  }

  /** Where the next character stands in the whole text. */
  get offset(): number {
    return this.#base + this.#at;
  }

  get isFailed(): boolean {
    return this.#isFailed;
  }

  /** Where the text or word that was read last begins. */
  get openedAt(): number {
    return this.#openedAt;
  }

  /** What follows; nothing follows the last piece. */
  add(text: string, isLast: boolean): void {
    const isFirst = this.offset === 0 && this.#text === "";
    this.#base += this.#at;
    this.#text = this.#at === this.#text.length ? text : this.#text.slice(this.#at) + text;
    this.#at = isFirst && text.startsWith("\ufeff") ? 1 : 0;
    this.#isLast = isLast;
  }

  /** The code of the next character that is neither white space nor part of a comment; `END` where there is none. */
  next(): number | undefined {
    for (;;) {
      if (this.#closing !== "" && !this.#leaveComment()) return undefined;
      const text = this.#text;
      let at = this.#at;
      let code = text.charCodeAt(at);
      while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++at);
      this.#at = at;
      if (at === text.length) return this.#isLast ? END : undefined;
      if (code !== SLASH) return code;
      const second = text[at + 1];
      if (second === undefined && !this.#isLast) return undefined;
      if (second !== "/" && second !== "*") return code;
      this.#closing = second === "/" ? "\n" : "*/";
      this.#openedAt = this.offset;
      this.#at += 2;
    }
  }

  /** Past the sign that `next` gave. */
  skip(): void {
    this.#at += 1;
  }

  /** The text that begins with the double quote here, or goes on. */
  string(): string | undefined {
    if (!this.#isInside) {
      this.#open();
      this.#at += 1;
    }
    const text = this.#text;
    let from = this.#at;
    for (let at = from; ; at++) {
      const code = text.charCodeAt(at);
      if (code > BACKSLASH || (code >= 0x20 && code !== QUOTE && code !== BACKSLASH)) continue;
      const piece = text.slice(from, at);
      this.#at = at;
      if (code === QUOTE) {
        this.#at += 1;
        return this.#close(piece);
      }
      this.#begun += piece;
      if (code === BACKSLASH) {
        const length = this.#escape();
        if (length === undefined) return undefined;
        from = at + length;
        at = from - 1;
      } else if (code < 0x20 && code !== 0x0a) {
        return this.fail(`Write the control character ${code} as \\u${code.toString(16).padStart(4, "0")}`);
      } else {
        if (at === text.length && !this.#isLast) return undefined;
        return this.fail("The text has no closing double quote", this.#openedAt);
      }
    }
  }

  /** The value of the word that begins here, or goes on; Infinity for a number that is too large. */
  word(): { readonly value: boolean | null | number; readonly text: string } | undefined {
    if (!this.#isInside) this.#open();
    WORD.lastIndex = this.#at;
    const piece = WORD.exec(this.#text)?.[0] ?? "";
    this.#at += piece.length;
    if (this.#at === this.#text.length && !this.#isLast) {
      this.#begun += piece;
      if (!this.#isNone()) return undefined;
    } else {
      const text = this.#close(piece);
      if (text === "true" || text === "false") return { value: text === "true", text };
      if (text === "null") return { value: null, text };
      if (NUMBER.test(text)) return { value: Number(text), text };
      this.#begun = text;
    }
    const found = this.#begun;
    if (found === "") return this.fail("Expected a value", this.#openedAt);
    const message = `Expected a value, found ${quote(found)}: text stands in double quotes`;
    return this.fail(message, this.#openedAt);
  }

  /** Reports what is wrong; nothing is read after it. */
  fail(message: string, offset = this.offset): undefined {
    this.report(message, offset);
    this.#isFailed = true;
    return undefined;
  }

  /** Reports what is wrong; reading goes on. */
  report(message: string, offset = this.offset): void {
    this.#problems.error("policy-syntax", { source: this.#source, offset, path: "" }, message);
  }

  #open(): void {
    this.#isInside = true;
    this.#openedAt = this.offset;
    this.#begun = "";
    this.#suspectAt = LONGEST_QUOTED;
  }

  /** All of the text or word, which ends with `piece`. */
  #close(piece: string): string {
    const begun = this.#begun;
    this.#isInside = false;
    this.#begun = "";
    return ownText(begun + piece);
  }

  /**
   * Whether a long word that has no end yet can be none of JSON. It is looked at as often as its length doubles: in all
   * no more than twice, however small its pieces.
   */
  #isNone(): boolean {
    if (this.#begun.length <= this.#suspectAt) return false;
    this.#suspectAt = 2 * this.#begun.length;
    return !NUMBER_SO_FAR.test(this.#begun);
  }

  /** Takes the escape that begins here; its length, from the backslash on. */
  #escape(): number | undefined {
    const letter = this.#text.charAt(this.#at + 1);
    const simple = ESCAPES.get(letter);
    if (simple !== undefined) {
      this.#begun += simple;
      return 2;
    }
    const digits = letter === "u" ? this.#text.slice(this.#at + 2, this.#at + 6) : "";
    if (/^[0-9a-fA-F]{4}$/.test(digits)) {
      this.#begun += String.fromCharCode(Number.parseInt(digits, 16));
      return 6;
    }
    const isCut = this.#at + 2 + digits.length >= this.#text.length && !this.#isLast;
    if (isCut && (letter === "" || letter === "u") && /^[0-9a-fA-F]*$/.test(digits)) return undefined;
    return this.fail('Not an escape of JSON: write "\\\\" for one backslash');
  }

  /** Past the end of the comment; false where it has not come. */
  #leaveComment(): boolean {
    const closing = this.#closing;
    const close = this.#text.indexOf(closing, this.#at);
    if (close === -1 && !this.#isLast) {
      // The star that ends the piece may be half of the end.
      const isHalf = closing === "*/" && this.#text.endsWith("*") && this.#at < this.#text.length;
      this.#at = this.#text.length - (isHalf ? 1 : 0);
      return false;
    }
    if (close === -1 && closing === "*/") {
      this.fail("The comment has no end", this.#openedAt);
      return false;
    }
    this.#closing = "";
    this.#at = close === -1 ? this.#text.length : close + closing.length;
    return true;
  }
}

/** V8 makes a slice of so many characters a view that keeps the whole text that it is cut from. */
const LEAST_VIEW = 13;

/** The same characters in memory of their own: what is kept of a text must not keep the text, of which most may be comment. */
function ownText(text: string): string {
  return text.length < LEAST_VIEW ? text : ` ${text}`.slice(1);
}
