import {
  DEFAULT_SETTINGS,
  DhcpMachine,
  decodeArp,
  decodeDatagram,
  decodeMessage,
  encodeDatagram,
  encodeMessage,
  type Lease,
  parseLeaseFile,
} from "../../src/dhcp/index.ts";
import { concat } from "../../src/lib/bytes.ts";
import { Malformed } from "../../src/lib/malformed.ts";
import { SeededRandom, SimDhcpServer } from "../../src/testing/index.ts";
import { LINK } from "./world.ts";

type Integer = (below: number) => number;

export interface MutationRun {
  /** What was thrown beside Malformed, with the bytes. */
  readonly throws: readonly string[];
  /** Leases that were taken. */
  readonly taken: number;
  /** Taken leases that no host should use. */
  readonly insane: readonly string[];
  /** Messages that decode to something else once encoded again. */
  readonly unstable: readonly string[];
  /** Milliseconds for the slowest one; one that seems slow is decoded again, alone. */
  readonly slowest: number;
}

/** Feeds `count` replies with faults to machines that await one, as an OFFER or as an ACK. */
export function runMutations(count: number, integer: Integer): MutationRun {
  const throws: string[] = [];
  const insane: string[] = [];
  const unstable: string[] = [];
  let taken = 0;
  let slowest = 0;
  let seat = new Seat(integer(2) === 0);
  for (let run = 0; run < count; run++) {
    const bytes = packetOf(seat.reply, integer);
    const begun = performance.now();
    try {
      decodeAll(bytes, run % 10 === 0 ? unstable : undefined);
      const lease = seat.feed(bytes);
      if (lease !== undefined) {
        taken += 1;
        if (!isSane(lease) && insane.length < 5) insane.push(JSON.stringify(lease));
      }
    } catch (error) {
      if (throws.length < 5) throws.push(`${String(error)} ${Buffer.from(bytes).toString("hex")}`);
    }
    let took = performance.now() - begun;
    // The process may have lost its processor, or collected garbage.
    for (let again = 0; took > 5 && again < 5; again++) took = Math.min(took, timed(bytes));
    slowest = Math.max(slowest, took);
    if (!seat.isWaiting) seat = new Seat(integer(2) === 0);
  }
  return { throws, taken, insane, unstable, slowest };
}

/** A machine that waits for an OFFER, or for the ACK after it, and the reply that it waits for. */
class Seat {
  readonly #machine = new DhcpMachine({ ...DEFAULT_SETTINGS, conflictDetection: false }, new SeededRandom(5));
  readonly #server = new SimDhcpServer({ options: RICH });
  #state = "";
  reply = new Uint8Array(0);

  constructor(wantsOffer: boolean) {
    this.#answer(this.#machine.handle({ type: "start", link: LINK }, 0));
    if (!wantsOffer) this.feed(packet(this.reply));
    this.#state = this.#machine.state;
  }

  get isWaiting(): boolean {
    return this.#machine.state === this.#state;
  }

  feed(bytes: Uint8Array): Lease | undefined {
    const given = { bytes, checksum: "full", vlan: undefined } as const;
    const outputs = this.#machine.handle({ type: "packet", channel: 1, packet: given }, 0);
    this.#answer(outputs);
    const configured = outputs.find(({ type }) => type === "configure");
    return configured?.type === "configure" ? configured.lease : undefined;
  }

  #answer(outputs: ReturnType<DhcpMachine["handle"]>): void {
    for (const output of outputs) {
      if (output.type !== "send") continue;
      const { payload } = decodeDatagram({ bytes: output.bytes, checksum: "full", vlan: undefined });
      const reply = this.#server.answer(payload);
      if (reply !== undefined) this.reply = Uint8Array.from(encodeMessage(reply));
    }
  }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Every option that is looked into. */
const RICH: readonly (readonly [number, Uint8Array])[] = [
  [3, Uint8Array.of(192, 0, 2, 1)],
  [6, Uint8Array.of(192, 0, 2, 1, 192, 0, 2, 2)],
  [12, text("box")],
  [15, text("a.test")],
  [26, Uint8Array.of(5, 0x78)],
  [28, Uint8Array.of(192, 0, 2, 255)],
  [42, Uint8Array.of(192, 0, 2, 1)],
  [43, Uint8Array.of(1, 1, 9)],
  [56, text("hello")],
  [58, Uint8Array.of(0, 0, 1, 0)],
  [59, Uint8Array.of(0, 0, 2, 0)],
  [81, Uint8Array.of(4, 0, 0, 1, 97, 0)],
  [100, text("UTC0")],
  [101, text("Etc/UTC")],
  [114, text("https://x.test/a")],
  [119, Uint8Array.of(1, 97, 0, 1, 98, 0xc0, 0)],
  [121, Uint8Array.of(24, 10, 0, 0, 192, 0, 2, 1, 0, 192, 0, 2, 1)],
  [252, text("http://x/w")],
];

/** A packet with faults in its payload and right sums, or with faults anywhere. */
function packetOf(reply: Uint8Array, integer: Integer): Uint8Array {
  return integer(8) === 0 ? mutate(packet(reply), integer) : packet(mutate(reply, integer));
}

function packet(payload: Uint8Array): Uint8Array {
  const ports = { sourcePort: 67, destinationPort: 68 };
  return encodeDatagram({ source: "192.0.2.1", destination: "255.255.255.255", ...ports, payload });
}

/** Up to four faults, most of them among the options. */
function mutate(seed: Uint8Array, integer: Integer): Uint8Array {
  let bytes = Uint8Array.from(seed);
  for (let faults = 1 + integer(4); faults > 0; faults--) {
    const from = integer(4) === 0 ? 0 : Math.min(240, bytes.length);
    const at = from + integer(Math.max(bytes.length - from, 1));
    switch (integer(6)) {
      case 0:
        bytes[at] = Number(bytes[at] ?? 0) ^ (1 << integer(8));
        break;
      case 1:
        bytes[at] = integer(256);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        // An option of any code that claims any length.
        bytes[at] = integer(256);
        bytes[at + 1] = integer(256);
        break;
      case 4:
        bytes[at] = [0, 1, 52, 53, 54, 119, 121, 255][integer(8)] as number;
        break;
      default:
        bytes = Uint8Array.from(
          concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - integer(300)))]),
        );
    }
    bytes = bytes.slice(0, 1472);
  }
  return bytes;
}

function timed(bytes: Uint8Array): number {
  const begun = performance.now();
  attempt(() => decodeAll(bytes, undefined));
  return performance.now() - begun;
}

function decodeAll(bytes: Uint8Array, unstable: string[] | undefined): void {
  const payload = attempt(() => decodeDatagram({ bytes, checksum: "full", vlan: undefined }).payload);
  const message = payload === undefined ? undefined : attempt(() => decodeMessage(payload));
  attempt(() => decodeArp(bytes));
  if (message === undefined || unstable === undefined || unstable.length > 4) return;
  if (parseLeaseFile(bytes) !== undefined) unstable.push("A packet is no lease file");
  const again = decodeMessage(encodeMessage(message));
  const isSame = JSON.stringify([...again.options]) === JSON.stringify([...message.options]);
  if (!isSame || again.xid !== message.xid || again.yiaddr !== message.yiaddr) {
    unstable.push(Buffer.from(bytes).toString("hex"));
  }
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** What must hold of every lease that is put on an interface, written down a second time. */
function isSane(lease: Lease): boolean {
  const [first = 0] = lease.address.split(".").map(Number);
  const texts = [
    lease.hostname,
    lease.domainName,
    lease.captivePortal,
    lease.message,
    lease.bootFile,
    lease.wpad,
  ];
  return (
    first > 0 &&
    first !== 127 &&
    first < 224 &&
    lease.address !== lease.server &&
    lease.prefixLength >= 8 &&
    lease.leaseSeconds > 0 &&
    lease.renewSeconds <= lease.rebindSeconds &&
    (lease.mtu === undefined || (lease.mtu >= 576 && lease.mtu <= 1500)) &&
    lease.routes.every((route) => route.prefixLength === 0 || route.prefixLength >= 8) &&
    lease.routes.length <= 64 &&
    lease.dnsServers.length <= 16 &&
    texts.every((each) => each === undefined || /^[\x20-\x7e]*$/.test(each)) &&
    lease.searchDomains.every((each) => /^[a-z0-9_.-]+$/i.test(each))
  );
}
