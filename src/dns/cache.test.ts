import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collectGarbage } from "../../test/dns/garbage.ts";
import { RECORDS } from "../../test/dns/seeds.ts";
import { Cache } from "./cache.ts";
import type { Known } from "./known.ts";
import { DEFAULT_OPTIONS } from "./options.ts";
import type { DnsRecord } from "./record.ts";
import type { RecordType } from "./type.ts";

const OPTIONS = DEFAULT_OPTIONS.cache;

describe("the cache", () => {
  test("DNS-42 a million names against a limit of 10 000 leave the last 10 000, the heap flat, each put in microseconds", () => {
    const cache = new Cache(OPTIONS);
    const fill = (from: number, to: number): number[] => {
      const slow: number[] = [];
      for (let index = from; index < to; index++) {
        const start = performance.now();
        cache.put(`n${index}.example`, "A", known({ expires: 60_000, tag: index }), 0);
        const took = performance.now() - start;
        if (took > 0.02) slow.push(took);
      }
      return slow;
    };
    fill(0, 100_000);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;

    const slow = fill(100_000, 1_000_000);

    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
    expect(slow.length / 900_000).toBeLessThan(0.01);
    expect(cache.size).toBe(10_000);
    expect(cache.bytes).toBeLessThanOrEqual(OPTIONS.maxBytes);
    expect(cache.get("n990000.example", "A", 0)?.addresses).toEqual(["990000"]);
    expect(cache.get("n989999.example", "A", 0)).toBeUndefined();
    expect([...cache.entries()].length).toBe(10_000);
  });

  test("DNS-42 does what a plain list would do, whatever happens to it", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
    const type = fc.constantFrom<RecordType>("A", "AAAA", "MX");
    const action = fc.oneof(
      fc.record({
        do: fc.constant("put" as const),
        name,
        type,
        ttl: fc.integer({ min: 0, max: 20 }),
        kind: fc.constantFrom<"records" | "no-data" | "not-found">("records", "no-data", "not-found"),
      }),
      fc.record({ do: fc.constant("get" as const), name, type }),
      fc.record({ do: fc.constant("stale" as const), name, type }),
      fc.record({ do: fc.constant("clear" as const), name }),
      fc.record({ do: fc.constant("wait" as const), span: fc.integer({ min: 1, max: 12 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 60 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(0, 8),
        (actions, maxEntries, maxStale) => {
          const cache = new Cache({ ...OPTIONS, maxEntries, maxStale });
          const model = new Model(maxEntries);
          let now = 0;
          actions.forEach((each, tag) => {
            switch (each.do) {
              case "put": {
                const expires = now + each.ttl;
                const stored = known({ expires, tag, kind: each.kind, staleUntil: expires + maxStale });
                cache.put(each.name, each.type, stored, now);
                model.put(each.name, each.type, stored, now);
                break;
              }
              case "wait":
                now += each.span;
                break;
              case "clear":
                cache.clear(each.name);
                model.clear(each.name);
                break;
              default:
                expect(cache[each.do](each.name, each.type, now)).toBe(
                  model[each.do](each.name, each.type, now),
                );
            }
            expect(cache.size).toBeLessThanOrEqual(maxEntries);
            expect([...cache.entries()].map((entry) => entry.known)).toEqual(model.entries());
            expect(cache.bytes).toBe([...cache.entries()].reduce((sum, { bytes }) => sum + bytes, 0));
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  test("DNS-42 never holds more bytes than it may, whatever the records, and none that alone is too large", () => {
    const cache = new Cache({ ...OPTIONS, maxBytes: 2000 });
    for (const [index, record] of RECORDS.entries()) {
      cache.put(`n${index}`, record.type, known({ expires: 9, records: [record] }), 0);
      expect(cache.bytes).toBeLessThanOrEqual(2000);
      expect(cache.size).toBeGreaterThan(0);
    }
    const strings = Array.from({ length: 20 }, () => new Uint8Array(255));
    cache.put(
      "big",
      "TXT",
      known({ expires: 9, records: [{ type: "TXT", name: "big", ttl: 1, strings }] }),
      0,
    );

    expect(cache.get("big", "TXT", 0)).toBeUndefined();
  });
});

interface ModelEntry {
  readonly name: string;
  readonly type: RecordType;
  readonly known: Known;
}

/** What the cache should be, without any art: a list, the most recently used first. */
class Model {
  readonly #limit: number;
  #entries: ModelEntry[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(name: string, type: RecordType, now: number): Known | undefined {
    const entry = this.#find(name, type);
    if (entry === undefined) return undefined;
    const isOver = entry.known.expires <= now;
    const isKept = !isOver || isStale(entry.known, now);
    if (!isKept || !isOver) this.#entries = this.#entries.filter((each) => each !== entry);
    if (isOver) return undefined;
    this.#entries.unshift(entry);
    return entry.known;
  }

  stale(name: string, type: RecordType, now: number): Known | undefined {
    const entry = this.#find(name, type);
    return entry !== undefined && isStale(entry.known, now) ? entry.known : undefined;
  }

  put(name: string, type: RecordType, stored: Known, now: number): void {
    if (stored.expires <= now || this.#limit === 0) return;
    const replaces = (each: ModelEntry): boolean =>
      each.name === name && (each.type === type || each.known.isForName || stored.isForName);
    this.#entries = [{ name, type, known: stored }, ...this.#entries.filter((each) => !replaces(each))];
    this.#entries.length = Math.min(this.#entries.length, this.#limit);
  }

  clear(name: string): void {
    this.#entries = this.#entries.filter((each) => each.name !== name);
  }

  entries(): readonly Known[] {
    return this.#entries.map((each) => each.known);
  }

  #find(name: string, type: RecordType): ModelEntry | undefined {
    return this.#entries.find((each) => each.name === name && (each.type === type || each.known.isForName));
  }
}

function isStale({ failure, staleUntil }: Known, now: number): boolean {
  return failure === undefined && now < staleUntil;
}

function known(options: {
  readonly expires: number;
  readonly tag?: number;
  readonly kind?: "records" | "no-data" | "not-found";
  readonly staleUntil?: number;
  readonly records?: readonly DnsRecord[];
}): Known {
  const { expires, tag = 0, kind = "records", staleUntil = expires, records = [] } = options;
  return {
    failure: kind === "records" ? undefined : kind,
    canonicalName: "",
    records,
    addresses: [String(tag)],
    expires,
    staleUntil,
    isStale: false,
    isForName: kind === "not-found",
    lifetime: expires,
    source: "test",
    transport: "udp",
  };
}
