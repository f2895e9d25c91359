/** A text that a policy or overlay was read from, and where its lines begin. */
export class Source {
  readonly name: string;
  readonly isOverlay: boolean;
  readonly #text: string | undefined;
  #lineStarts: readonly number[] | undefined;

  /** `text` undefined: the policy came as an object, and its places are JSON pointers alone. */
  constructor(name: string, text: string | undefined, isOverlay = false) {
    this.name = name;
    this.#text = text;
    this.isOverlay = isOverlay;
  }

  /** Line and column of a character, both from 1; undefined where there is no text. */
  position(offset: number): { readonly line: number; readonly column: number } | undefined {
    if (this.#text === undefined) return undefined;
    this.#lineStarts ??= lineStarts(this.#text);
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#startOf(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#startOf(low) + 1 };
  }

  #startOf(line: number): number {
    return Number(this.#lineStarts?.[line]);
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

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
