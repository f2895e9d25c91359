/** A class, because V8 gives objects written as literals a place among the old ones once many have lived on. */
class Box<Item> {
  item: Item | undefined;

  constructor(item: Item) {
    this.item = item;
  }
}

/**
 * A map of things that come and go. V8 links each table that a Map has outgrown to the next one, so that once one of
 * them is old, all that ever stood in the later ones stays in memory until a full collection; here only its box does.
 */
export class TransientMap<Key, Item extends object> {
  readonly #boxes = new Map<Key, Box<Item>>();
  /** V8 throws away the code for a shape of which a full collection finds no object. */
  readonly #keptShape = new Box<Item | undefined>(undefined);

  get size(): number {
    return this.#boxes.size;
  }

  get(key: Key): Item | undefined {
    return this.#boxes.get(key)?.item;
  }

  set(key: Key, item: Item): void {
    this.#boxes.set(key, new Box(item));
  }

  /** Returns what was there. */
  delete(key: Key): Item | undefined {
    const box = this.#boxes.get(key);
    if (box === undefined) return undefined;
    this.#boxes.delete(key);
    const { item } = box;
    box.item = this.#keptShape.item;
    return item;
  }

  /** All that is there now. */
  values(): Item[] {
    return Array.from(this.#boxes.values(), ({ item }) => item as Item);
  }
}
