import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_OPTIONS, type LookupId, ResolverMachine, type ResolverOutput } from "../../src/dns/index.ts";
import { TIMEOUT } from "../../src/lib/machine.ts";
import { mutate, seededInteger } from "./mutate.ts";
import { a, answerBytes, cname, soa } from "./responder.ts";
import { SEEDS } from "./seeds.ts";
import { framed, seeded } from "./world.ts";

type Input = Parameters<ResolverMachine["handle"]>[0];

const NAMES = ["one.example", "two.example", "three.example", "four.example"];
const SERVERS = [53, 54, 55].map((last) => ({ address: `192.0.2.${last}`, port: 53 }));

/** What may happen, as numbers that mean something only to a machine in a certain state. */
const HAPPENING = fc.record({
  what: fc.constantFrom<What>(
    ...(["lookup", "lookup", "answer", "answer", "answer", "garbage", "truncated", "refused"] as const),
    ...(["alias", "not-found", "abort", "socket-fails", "connected", "hang-up", "wait", "wait"] as const),
    ...(["stale-input", "configure", "timeout"] as const),
  ),
  which: fc.nat(1000),
  span: fc.constantFrom(0, 1, 10, 250, 900, 2000, 12_000),
});

type What =
  | "lookup"
  | "answer"
  | "garbage"
  | "truncated"
  | "refused"
  | "alias"
  | "not-found"
  | "abort"
  | "socket-fails"
  | "connected"
  | "hang-up"
  | "wait"
  | "stale-input"
  | "configure"
  | "timeout";

test("keeps the six promises of a machine, each lookup ends once, and no socket is left, whatever happens", () => {
  fc.assert(
    fc.property(fc.array(HAPPENING, { maxLength: 80 }), fc.nat(1e6), (happenings, seed) => {
      const [first, second] = [new Run(seed), new Run(seed)];
      for (const happening of happenings) {
        first.happen(happening);
        second.happen(happening);
      }
      first.end();
      second.end();

      expect(second.log).toEqual(first.log);
    }),
    { numRuns: 300 },
  );
});

/** A machine with all that it opened and was asked, checked after every input. */
class Run {
  readonly log: string[] = [];
  readonly #machine: ResolverMachine;
  readonly #integer: (below: number) => number;
  readonly #sockets = new Map<string, Uint8Array | undefined>();
  readonly #pending = new Set<LookupId>();
  #now = 0;
  #nextId = 1;

  constructor(seed: number) {
    this.#integer = seededInteger(seed);
    const options = {
      ...DEFAULT_OPTIONS,
      freshPorts: { burst: 2, perSecond: 1 },
      sharedPorts: { count: 2, uses: 5 },
      cookies: seed % 2 === 0,
      cache: { ...DEFAULT_OPTIONS.cache, maxEntries: 3, maxStale: 60, prefetch: true },
    };
    this.#machine = new ResolverMachine({ random: seeded(seed), options });
    this.#feed({ type: "configure", conf: conf(SERVERS.slice(0, 2)) });
  }

  happen({
    what,
    which,
    span,
  }: {
    readonly what: What;
    readonly which: number;
    readonly span: number;
  }): void {
    const name = NAMES[which % NAMES.length] as string;
    const sockets = [...this.#sockets.keys()];
    const socket = sockets[which % Math.max(sockets.length, 1)] ?? "udp 999";
    const [kind, number] = socket.split(" ") as [string, string];
    const query = this.#sockets.get(socket);
    switch (what) {
      case "lookup": {
        const lookup = this.#nextId++;
        this.#pending.add(lookup);
        const request = {
          name,
          types: which % 3 === 0 ? (["AAAA", "A"] as const) : (["A"] as const),
          deadline: this.#now + 5000,
          parts: which % 2 === 0,
          fresh: which % 5 === 0,
        };
        this.#feed({ type: "lookup", lookup, request });
        return;
      }
      case "abort": {
        const lookup = 1 + (which % this.#nextId);
        this.#pending.delete(lookup);
        this.#feed({ type: "abort", lookup });
        return;
      }
      case "wait":
        this.#wait(span);
        return;
      case "timeout":
        this.#feed(TIMEOUT);
        return;
      case "configure":
        this.#feed({ type: "configure", conf: conf(SERVERS.slice(which % 2, 2 + (which % 2))) });
        return;
      case "stale-input":
        this.#feed({ type: "datagram", channel: 12_345, bytes: new Uint8Array(12) });
        this.#feed({ type: "disconnected", connection: 12_345, code: "x" });
        this.#feed({ type: "connected", connection: 12_345 });
        return;
      case "socket-fails":
      case "hang-up":
        this.#sockets.delete(socket);
        if (kind === "udp")
          this.#feed({ type: "channel-failed", channel: Number(number), code: "ECONNREFUSED" });
        else this.#feed({ type: "disconnected", connection: Number(number), code: "ECONNRESET" });
        return;
      case "connected":
        this.#feed({ type: "connected", connection: Number(number) });
        return;
      case "garbage":
        this.#receive(kind, number, mutate(query === undefined ? SEEDS : [query, ...SEEDS], this.#integer));
        return;
      default:
        if (query !== undefined) this.#receive(kind, number, this.#reply(what, query));
    }
  }

  /** After the end it is silent, everyone has been told, everything is closed. */
  end(): void {
    this.#feed({ type: "close" });
    expect([...this.#pending]).toEqual([]);
    expect([...this.#sockets.keys()]).toEqual([]);
    expect(this.#machine.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(this.#machine.handle(TIMEOUT, this.#now + 1e6)).toEqual([]);
    expect(this.#machine.handle({ type: "datagram", channel: 1, bytes: new Uint8Array(12) }, 1e9)).toEqual(
      [],
    );
  }

  #reply(what: What, query: Uint8Array): Uint8Array {
    switch (what) {
      case "truncated":
        return answerBytes(query, { isTruncated: true });
      case "refused":
        return answerBytes(query, { rcode: 5 });
      case "not-found":
        return answerBytes(query, { rcode: 3, authorities: [soa("example", 5)] });
      case "alias":
        return answerBytes(query, {
          answers: NAMES.map((name, index) => cname(name, NAMES[index + 1] ?? name)),
        });
      default:
        return answerBytes(query, { answers: NAMES.map((name) => a(name, "192.0.2.1", 20)) });
    }
  }

  #receive(kind: string, number: string, bytes: Uint8Array): void {
    if (kind === "udp") this.#feed({ type: "datagram", channel: Number(number), bytes });
    else this.#feed({ type: "stream", connection: Number(number), bytes: framed(bytes) });
  }

  #wait(span: number): void {
    const end = this.#now + span;
    for (let steps = 0; this.#machine.deadline <= end; steps++) {
      expect(steps).toBeLessThan(10_000);
      const due = this.#machine.deadline;
      if (due > this.#now) {
        // An early timeout does nothing.
        const early = this.#now + (due - this.#now) / 2;
        if (early < due) expect(this.#machine.handle(TIMEOUT, early)).toEqual([]);
        expect(this.#machine.deadline).toBe(due);
      }
      this.#now = Math.max(this.#now, due);
      this.#feed(TIMEOUT);
      expect(this.#machine.deadline).toBeGreaterThan(this.#now);
    }
    this.#now = end;
  }

  #feed(input: Input): void {
    for (const output of this.#machine.handle(input, this.#now)) this.#perform(output);
  }

  #perform(output: ResolverOutput): void {
    this.log.push(`${this.#now} ${JSON.stringify(output)}`);
    switch (output.type) {
      case "open":
        this.#open(`udp ${output.channel}`);
        return;
      case "connect":
        this.#open(`tcp ${output.connection}`);
        return;
      case "send":
        this.#use(`udp ${output.channel}`, output.bytes);
        return;
      case "write":
        this.#use(`tcp ${output.connection}`, output.bytes.slice(2));
        return;
      case "close":
        this.#sockets.delete(`udp ${output.channel}`);
        return;
      case "disconnect":
        this.#sockets.delete(`tcp ${output.connection}`);
        return;
      case "part":
        expect(this.#pending.has(output.lookup)).toBe(true);
        return;
      case "answer":
      case "failed":
        expect(this.#pending.delete(output.lookup), `lookup ${output.lookup} ends once`).toBe(true);
    }
  }

  #open(socket: string): void {
    expect(this.#sockets.has(socket)).toBe(false);
    this.#sockets.set(socket, undefined);
  }

  #use(socket: string, query: Uint8Array): void {
    expect(this.#sockets.has(socket), `${socket} is open`).toBe(true);
    this.#sockets.set(socket, query);
  }
}

function conf(servers: readonly (typeof SERVERS)[number][]): Extract<Input, { type: "configure" }>["conf"] {
  return {
    servers,
    search: ["example"],
    ndots: 1,
    timeout: undefined,
    attempts: undefined,
    rotate: false,
    useTcp: false,
  };
}
