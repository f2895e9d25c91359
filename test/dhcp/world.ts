import {
  type Arp,
  type ClientInput,
  type ClientOutput,
  type ClientSettings,
  DEFAULT_SETTINGS,
  DhcpMachine,
  decodeArp,
  decodeDatagram,
  decodeMessage,
  encodeArp,
  encodeDatagram,
  encodeMessage,
  type Fields,
  type Lease,
  MESSAGE_TYPE,
  type Message,
  OPTION,
} from "../../src/dhcp/index.ts";
import { TIMEOUT } from "../../src/lib/machine.ts";
import { SeededRandom, type SimDhcpServer } from "../../src/testing/index.ts";

export const MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
export const OTHER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0b);
export const LINK = { hardwareAddress: MAC, mtu: 1500, hasCarrier: true };

const NAMES = new Map<number | undefined, string>(
  Object.entries(MESSAGE_TYPE).map(([name, code]) => [code, name]),
);

export interface Sent {
  readonly at: number;
  readonly type: string;
  /** `datagrams` or `dhcp`. */
  readonly via: string;
  readonly message: Message;
  readonly to: string;
  readonly from: string;
}

export interface SentArp {
  readonly at: number;
  readonly arp: Arp;
}

export interface WorldOptions {
  readonly settings?: Partial<ClientSettings>;
  readonly servers?: readonly SimDhcpServer[];
  readonly seed?: number;
  readonly start?: number;
  /** When the answer to a message arrives, in ms after it was sent: none, one, or several times. */
  readonly wire?: (sent: Sent) => readonly number[];
}

/** One machine on a simulated link with servers and its own clock; everything it says is kept. */
export class World {
  readonly machine: DhcpMachine;
  readonly sent: Sent[] = [];
  readonly arps: SentArp[] = [];
  readonly outputs: { readonly at: number; readonly output: ClientOutput }[] = [];
  /** Hardware address by IP address: hosts that answer ARP. */
  readonly hosts = new Map<string, Uint8Array>();
  readonly channels = new Map<number, string>();
  now: number;
  lease: Lease | undefined;
  wire: (sent: Sent) => readonly number[];
  servers: readonly SimDhcpServer[];
  /** Frames that stand in for a server's: sees every message, may feed anything. */
  hook: ((sent: Sent) => void) | undefined;
  #queue: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;

  constructor({ settings, servers = [], seed = 1, start = 0, wire = () => [1] }: WorldOptions = {}) {
    this.machine = new DhcpMachine(
      { ...DEFAULT_SETTINGS, conflictDetection: false, ...settings },
      new SeededRandom(seed),
    );
    this.servers = servers;
    this.now = start;
    this.wire = wire;
  }

  /** States with the seconds at which they were entered. */
  get states(): string[] {
    return this.outputs.flatMap(({ output, at }) =>
      output.type === "state" ? [`${at / 1000} ${output.state}`] : [],
    );
  }

  get stateNames(): string[] {
    return this.outputs.flatMap(({ output }) => (output.type === "state" ? [output.state] : []));
  }

  get dropped(): string[] {
    return this.outputs.flatMap(({ output }) => (output.type === "dropped" ? [output.why] : []));
  }

  /** The reason of the last change of state. */
  get reason(): string | undefined {
    const last = this.outputs.findLast(
      ({ output }) => output.type === "state" && output.reason !== undefined,
    );
    return last?.output.type === "state" ? last.output.reason?.code : undefined;
  }

  start(rest: Partial<Extract<ClientInput, { type: "start" }>> = {}): this {
    this.feed({ type: "start", link: LINK, ...rest });
    return this;
  }

  channel(kind: string): number {
    for (const [channel, each] of this.channels) if (each === kind) return channel;
    return 0;
  }

  after(span: number, run: () => void): void {
    this.#order += 1;
    this.#queue.push({ at: this.now + span, order: this.#order, run });
    this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  feed(input: ClientInput | typeof TIMEOUT): readonly ClientOutput[] {
    const outputs = this.machine.handle(input, this.now);
    for (const output of outputs) this.#perform(output);
    return outputs;
  }

  /** Delivers a server's reply as a packet on the link. */
  deliver(reply: Fields, { source = "192.0.2.1", destination = "255.255.255.255" } = {}): void {
    const payload = encodeMessage(reply);
    this.deliverPacket(encodeDatagram({ source, destination, sourcePort: 67, destinationPort: 68, payload }));
  }

  deliverPacket(bytes: Uint8Array, rest: { checksum?: "full" | "partial"; vlan?: number } = {}): void {
    const packet = { bytes, checksum: rest.checksum ?? "full", vlan: rest.vlan };
    this.feed({ type: "packet", channel: this.channel("dhcp"), packet });
  }

  deliverArp(arp: Partial<Arp>): void {
    const whole: Arp = {
      operation: "request",
      senderHardware: OTHER_MAC,
      sender: "0.0.0.0",
      targetHardware: new Uint8Array(6),
      target: "0.0.0.0",
      ...arp,
    };
    this.feed({ type: "arp", channel: this.channel("arp"), bytes: encodeArp(whole) });
  }

  /** Moves on by `span` ms. */
  run(span: number): void {
    this.runTo(this.now + span);
  }

  runTo(end: number): void {
    for (let steps = 0; ; steps++) {
      if (steps > 1_000_000) throw new Error("The machine does not come to rest");
      const [next] = this.#queue;
      const at = Math.min(next?.at ?? Number.POSITIVE_INFINITY, this.machine.deadline);
      if (at > end) break;
      this.now = Math.max(this.now, at);
      if (next !== undefined && next.at <= this.machine.deadline) {
        this.#queue.shift();
        next.run();
        continue;
      }
      this.feed(TIMEOUT);
      if (this.machine.deadline <= this.now) throw new Error("A served timeout left something due");
    }
    this.now = end;
  }

  /** Moves on until a state is entered; throws when that takes longer than `limit` ms. */
  until(state: string, limit = 10_000_000): void {
    const end = this.now + limit;
    const before = this.stateNames.length;
    while (this.machine.state !== state && !this.stateNames.slice(before).includes(state)) {
      const next = Math.min(this.#queue[0]?.at ?? Number.POSITIVE_INFINITY, this.machine.deadline);
      if (next > end) throw new Error(`Not ${state} but ${this.machine.state} at ${this.now} ms`);
      this.runTo(Math.max(next, this.now));
    }
  }

  /** Seconds at which messages of a type were sent. */
  times(type: string): number[] {
    return this.sent.filter((each) => each.type === type).map(({ at }) => at / 1000);
  }

  #perform(output: ClientOutput): void {
    this.outputs.push({ at: this.now, output });
    if (output.type === "open") this.channels.set(output.channel, output.kind);
    else if (output.type === "close") this.channels.delete(output.channel);
    else if (output.type === "configure") this.lease = output.lease;
    else if (output.type === "withdraw") this.lease = undefined;
    else if (output.type === "send") this.#send(output);
  }

  #send({ channel, bytes, to }: Extract<ClientOutput, { type: "send" }>): void {
    const via = this.channels.get(channel);
    if (via === undefined) throw new Error("Sent on a channel that is not open");
    if (via === "arp") {
      const arp = decodeArp(bytes);
      this.arps.push({ at: this.now, arp });
      const owner = this.hosts.get(arp.target);
      if (owner !== undefined && arp.sender !== arp.target) {
        this.after(1, () =>
          this.deliverArp({
            operation: "reply",
            senderHardware: owner,
            sender: arp.target,
            target: arp.sender,
          }),
        );
      }
      return;
    }
    const datagram =
      via === "dhcp" ? decodeDatagram({ bytes, checksum: "full", vlan: undefined }) : undefined;
    const payload = datagram?.payload ?? bytes;
    const message = decodeMessage(payload);
    const type = NAMES.get(message.options.get(OPTION.messageType)?.[0]) ?? "?";
    const destination = to ?? datagram?.destination ?? "";
    const sent: Sent = { at: this.now, type, via, message, to: destination, from: datagram?.source ?? "" };
    this.sent.push(sent);
    this.hook?.(sent);
    for (const server of this.servers) {
      if (destination !== "255.255.255.255" && destination !== server.address) continue;
      const reply = server.answer(payload);
      if (reply !== undefined)
        for (const delay of this.wire(sent)) this.after(delay, () => this.#reply(sent, reply, server));
    }
  }

  /** A unicast answer to a unicast question comes to the UDP socket, and to the packet socket as well. */
  #reply(sent: Sent, reply: Fields, { address: source }: SimDhcpServer): void {
    const isNak = reply.options.get(OPTION.messageType)?.[0] === MESSAGE_TYPE.nak;
    const isUnicast = sent.message.ciaddr !== "0.0.0.0" && !isNak;
    const datagrams = this.channel("datagrams");
    if (isUnicast && datagrams !== 0) {
      this.feed({ type: "datagram", channel: datagrams, bytes: encodeMessage(reply) });
    }
    this.deliver(reply, { source, destination: isUnicast ? sent.message.ciaddr : "255.255.255.255" });
  }
}
