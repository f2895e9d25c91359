import {
  type Answer,
  DEFAULT_OPTIONS,
  DEFAULT_RESOLV_CONF,
  type DnsFailure,
  decodeMessage,
  formatServer,
  type LookupId,
  type LookupRequest,
  type Message,
  parseServer,
  type Question,
  type ResolvConf,
  ResolverMachine,
  type ResolverOptions,
  type ResolverOutput,
  type ServerAddress,
  type TraceEvent,
} from "../../src/dns/index.ts";
import { TIMEOUT } from "../../src/lib/machine.ts";
import type { Random } from "../../src/lib/random.ts";
import { seededInteger } from "./mutate.ts";
import { answerBytes } from "./responder.ts";

/** A query as it left the machine. */
export interface Sent {
  readonly server: string;
  readonly transport: "udp" | "tcp";
  /** Number of its socket or connection. */
  readonly socket: number;
  readonly bytes: Uint8Array;
  readonly message: Message;
  readonly question: Question;
  readonly at: number;
}

export type Result =
  | { readonly answer: Answer; readonly at: number }
  | { readonly code: DnsFailure; readonly at: number };

export interface WorldOptions extends Partial<Omit<ResolverOptions, "cache">> {
  readonly cache?: Partial<ResolverOptions["cache"]>;
  readonly servers?: readonly string[];
  readonly conf?: Partial<ResolvConf>;
  readonly seed?: number;
}

/** A resolver machine among name servers that a test scripts, on a clock of its own. */
export class World {
  readonly machine: ResolverMachine;
  readonly sent: Sent[] = [];
  readonly outputs: ResolverOutput[] = [];
  readonly traced: TraceEvent[] = [];
  readonly results = new Map<LookupId, Result>();
  readonly parts: Extract<ResolverOutput, { type: "part" }>[] = [];
  /** What name servers do; nothing, at first. */
  onQuery: (sent: Sent) => void = () => {};
  /** What a server's host does with a TCP connection. */
  onConnect: (server: string) => "accept" | "refuse" | "ignore" | "starve" = () => "accept";
  now = 0;
  readonly #events: { readonly at: number; readonly run: () => void }[] = [];
  readonly #servers = new Map<string, ServerAddress>();
  readonly openChannels = new Set<number>();
  readonly openConnections = new Set<number>();
  #nextId = 1;

  constructor(options: WorldOptions = {}) {
    const { servers = ["192.0.2.53"], conf, seed = 1, cache, ...rest } = options;
    const settings = { ...DEFAULT_OPTIONS, ...rest, cache: { ...DEFAULT_OPTIONS.cache, ...cache } };
    this.machine = new ResolverMachine({ random: seeded(seed), options: settings });
    this.configure(servers, conf);
  }

  configure(servers: readonly string[], conf: Partial<ResolvConf> = {}): void {
    const addresses = servers.map((text) => parseServer(text) as ServerAddress);
    this.feed({ type: "configure", conf: { ...DEFAULT_RESOLV_CONF, ...conf, servers: addresses } });
  }

  lookup(name: string, request: Partial<LookupRequest> = {}): LookupId {
    const id = this.#nextId++;
    const full = { name, types: ["A"] as const, deadline: this.now + 10_000, ...request };
    this.feed({ type: "lookup", lookup: id, request: full });
    return id;
  }

  /** The result of a lookup that has one. */
  result(id: LookupId): Result {
    const result = this.results.get(id);
    if (result === undefined) throw new Error(`Lookup ${id} has no result at ${this.now}`);
    return result;
  }

  addresses(id: LookupId): readonly string[] {
    const result = this.result(id);
    if ("code" in result) return [result.code];
    return result.answer.records.flatMap((record) => ("address" in record ? [record.address] : []));
  }

  feed(input: Parameters<ResolverMachine["handle"]>[0]): void {
    for (const output of this.machine.handle(input, this.now)) this.#perform(output);
  }

  /** Sends bytes to the socket that a query came from. */
  deliver(sent: Sent, bytes: Uint8Array, after = 1): void {
    this.after(after, () => {
      if (sent.transport === "udp") this.feed({ type: "datagram", channel: sent.socket, bytes });
      else this.stream(sent, framed(bytes));
    });
  }

  /** Sends bytes as they are down the connection that a query came from. */
  stream(sent: Sent, bytes: Uint8Array): void {
    this.feed({ type: "stream", connection: sent.socket, bytes });
  }

  reply(sent: Sent, answer: Partial<Message>, after = 1): void {
    this.deliver(sent, answerBytes(sent.bytes, answer), after);
  }

  after(delay: number, run: () => void): void {
    this.#events.push({ at: this.now + delay, run });
  }

  /** Lets time pass. */
  run(duration: number): this {
    const end = this.now + duration;
    for (let steps = 0; ; steps++) {
      if (steps > 1_000_000) throw new Error("The machine does not come to rest");
      const event = this.#events.reduce<{ at: number; run: () => void } | undefined>(
        (first, each) => (first === undefined || each.at < first.at ? each : first),
        undefined,
      );
      const at = Math.min(event?.at ?? Number.POSITIVE_INFINITY, this.machine.deadline);
      if (at > end) break;
      this.now = Math.max(this.now, at);
      if (event !== undefined && event.at <= at) {
        this.#events.splice(this.#events.indexOf(event), 1);
        event.run();
      } else this.feed(TIMEOUT);
    }
    this.now = end;
    return this;
  }

  #perform(output: ResolverOutput): void {
    this.outputs.push(output);
    switch (output.type) {
      case "open":
        this.openChannels.add(output.channel);
        this.#servers.set(`udp${output.channel}`, output.server);
        return;
      case "close":
        this.openChannels.delete(output.channel);
        return;
      case "send":
        this.#receive("udp", output.channel, output.bytes);
        return;
      case "connect": {
        const { connection } = output;
        this.openConnections.add(connection);
        this.#servers.set(`tcp${connection}`, output.server);
        const does = this.onConnect(formatServer(output.server));
        if (does === "accept") this.after(1, () => this.feed({ type: "connected", connection }));
        if (does === "refuse") this.hangUp(connection);
        if (does === "starve") this.hangUp(connection, "EMFILE");
        return;
      }
      case "write":
        if (this.onConnect(this.#label("tcp", output.connection)) !== "accept") return;
        this.#receive("tcp", output.connection, output.bytes.subarray(2));
        return;
      case "disconnect":
        this.openConnections.delete(output.connection);
        return;
      case "answer":
        this.results.set(output.lookup, { answer: output.answer, at: this.now });
        return;
      case "failed":
        this.results.set(output.lookup, { code: output.code, at: this.now });
        return;
      case "part":
        this.parts.push(output);
        return;
      case "trace":
        this.traced.push(output.event);
        return;
    }
  }

  hangUp(connection: number, code = "ECONNREFUSED"): void {
    this.after(1, () => {
      this.openConnections.delete(connection);
      this.feed({ type: "disconnected", connection, code });
    });
  }

  #receive(transport: "udp" | "tcp", socket: number, bytes: Uint8Array): void {
    const message = decodeMessage(bytes) as Message;
    const server = this.#label(transport, socket);
    const sent = {
      server,
      transport,
      socket,
      bytes,
      message,
      question: message.question as Question,
      at: this.now,
    };
    this.sent.push(sent);
    this.onQuery(sent);
  }

  #label(transport: "udp" | "tcp", socket: number): string {
    return formatServer(this.#servers.get(`${transport}${socket}`) as ServerAddress);
  }
}

export function seeded(seed: number): Random {
  const integer = seededInteger(seed);
  return {
    fraction: () => integer(2 ** 32) / 2 ** 32,
    uint16: () => integer(65_536),
    bytes: (length) => Uint8Array.from({ length }, () => integer(256)),
  };
}

export function framed(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([bytes.length >> 8, bytes.length & 0xff, ...bytes]);
}
