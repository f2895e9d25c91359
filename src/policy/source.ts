/** What a policy or overlay is read from, and where the lines of its text begin. The text itself is not kept. */
export class Source {
  readonly name: string;
  readonly isOverlay: boolean;
  /** The first `#lines` of them hold where a line begins. */
  #starts = new Uint32Array(64);
  /** 0 where there is no text: the policy came as an object, and its places are JSON pointers alone. */
  #lines = 0;
  #length = 0;

  constructor(name: string, isOverlay = false) {
    this.name = name;
    this.isOverlay = isOverlay;
  }

  /** The next piece of the text; the first may be empty. */
  add(text: string): void {
    if (this.#lines === 0) this.#begin(0);
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
      this.#begin(this.#length + at + 1);
    }
    this.#length += text.length;
  }

  /** Line and column of a character, both from 1; undefined where there is no text. */
  position(offset: number): { readonly line: number; readonly column: number } | undefined {
    if (this.#lines === 0) return undefined;
    let low = 0;
    let high = this.#lines - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#startOf(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#startOf(low) + 1 };
  }

  #startOf(line: number): number {
    return Number(this.#starts[line]);
  }

  #begin(start: number): void {
    if (this.#lines === this.#starts.length) {
      const starts = new Uint32Array(2 * this.#lines);
      starts.set(this.#starts);
      this.#starts = starts;
    }
    this.#starts[this.#lines] = start;
    this.#lines += 1;
  }
}

/** Where something stands. */
export interface Place {
  readonly source: Source;
  readonly offset: number;
  /** JSON pointer (RFC 6901); the whole document is "". */
  readonly path: string;
}

/** `path` and one more member name or index. */
export function pointer(path: string, step: string | number): string {
  return `${path}/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** `file:line:column`, or `name#/pointer` where there is no text. */
export function placeText(place: Place): string {
  const at = place.source.position(place.offset);
  const where = at === undefined ? `#${place.path}` : `:${at.line}:${at.column}`;
  return `${place.source.isOverlay ? "overlay " : ""}${place.source.name}${where}`;
}
