import { TransientMap } from "../lib/transient-map.ts";
import type { Fetch } from "./fetch.ts";
import type { RecordType } from "./type.ts";

/** The fetches under way, by what they fetch; without a text made for each look. */
export class Fetches {
  readonly #byType = new Map<RecordType, TransientMap<string, Fetch>>();

  get(type: RecordType, key: string): Fetch | undefined {
    return this.#byType.get(type)?.get(key);
  }

  set(type: RecordType, key: string, fetch: Fetch): void {
    const known = this.#byType.get(type) ?? new TransientMap<string, Fetch>();
    this.#byType.set(type, known);
    known.set(key, fetch);
  }

  delete(type: RecordType, key: string): void {
    this.#byType.get(type)?.delete(key);
  }
}
