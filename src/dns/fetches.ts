import { TransientMap } from "../lib/transient-map.ts";
import type { Fetch } from "./fetch.ts";
import type { RecordType } from "./type.ts";

/** The fetches under way, by what they fetch; without a text made for each look. */
export class Fetches {
  readonly #byType = new Map<RecordType, TransientMap<string, Fetch>>();

  get(type: RecordType, key: string): Fetch | undefined {
    return this.#of(type).get(key);
  }

  set(type: RecordType, key: string, fetch: Fetch): void {
    this.#of(type).set(key, fetch);
  }

  delete(type: RecordType, key: string): void {
    this.#of(type).delete(key);
  }

  /** All that are under way now. */
  all(): readonly Fetch[] {
    return [...this.#byType.values()].flatMap((fetches) => fetches.values());
  }

  #of(type: RecordType): TransientMap<string, Fetch> {
    let fetches = this.#byType.get(type);
    if (fetches === undefined) {
      fetches = new TransientMap();
      this.#byType.set(type, fetches);
    }
    return fetches;
  }
}
