import { type Arp, decodeArp, encodeArp, type Ipv4 } from "../dhcp/index.ts";
import { equalBytes } from "../lib/bytes.ts";
import type { Millis } from "../lib/millis.ts";
import type { SeededRandom } from "./seeded.ts";
import type { SimClock } from "./sim-clock.ts";

export const IPV4 = 0x0800;
export const ARP = 0x0806;
export const TO_ALL: Uint8Array = new Uint8Array(6).fill(0xff);

/** An Ethernet frame. */
export interface SimFrame {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly etherType: number;
  readonly payload: Uint8Array;
  /** VLAN id of a tag. */
  readonly vlan?: number | undefined;
}

/** Whatever is plugged into a segment. */
export interface SimStation {
  readonly hardwareAddress: Uint8Array;
  /** IPv4 addresses that it answers ARP for. */
  readonly addresses: readonly Ipv4[];
  frame(frame: SimFrame): void;
}

export interface SimSegmentOptions {
  /** One way, in ms; default 1. */
  readonly latency?: Millis;
  /** Up to so much more, evenly spread: frames overtake each other. Default 0. */
  readonly jitter?: Millis;
  /** The share of frames that is lost, for each receiver; default 0. */
  readonly loss?: number;
  /** The share of frames that comes twice; default 0. */
  readonly duplication?: number;
}

/** A simulated Ethernet: who is plugged in gets what is sent to it or to all. Its faults come from the seed. */
export class SimSegment {
  /** What was sent, lost frames too. */
  readonly frames: { readonly at: Millis; readonly frame: SimFrame }[] = [];
  readonly #clock: SimClock;
  readonly #random: SeededRandom;
  readonly #stations = new Set<SimStation>();
  #options: SimSegmentOptions;

  constructor(clock: SimClock, random: SeededRandom, options: SimSegmentOptions = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  /** Other faults from now on. */
  change(options: SimSegmentOptions): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Plugs a station in; returns the way to unplug it. */
  plug(station: SimStation): () => void {
    this.#stations.add(station);
    return () => void this.#stations.delete(station);
  }

  /** Who has an address, as ARP would find out. */
  owner(address: Ipv4): SimStation | undefined {
    return [...this.#stations].find(({ addresses }) => addresses.includes(address));
  }

  send(frame: SimFrame): void {
    const { loss = 0, duplication = 0 } = this.#options;
    this.frames.push({ at: this.#clock.now(), frame });
    for (const station of this.#stations) {
      const { hardwareAddress } = station;
      if (equalBytes(hardwareAddress, frame.from)) continue;
      if (!equalBytes(frame.to, TO_ALL) && !equalBytes(frame.to, hardwareAddress)) continue;
      const copies = this.#random.fraction() < duplication ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        if (this.#random.fraction() >= loss) this.#carry(frame, station);
      }
    }
  }

  #carry(frame: SimFrame, station: SimStation): void {
    const { latency = 1, jitter = 0 } = this.#options;
    this.#clock.wake(this.#clock.now() + latency + jitter * this.#random.fraction(), () => {
      if (!this.#stations.has(station)) return;
      if (frame.etherType === ARP) this.#answerArp(frame, station);
      station.frame(frame);
    });
  }

  /** As an operating system does by itself. */
  #answerArp({ payload }: SimFrame, { addresses, hardwareAddress }: SimStation): void {
    const { operation, target, sender, senderHardware }: Arp = decodeArp(payload);
    if (operation !== "request" || sender === target || !addresses.includes(target)) return;
    const answer = { sender: target, senderHardware: hardwareAddress, target: sender };
    const bytes = encodeArp({ ...answer, operation: "reply", targetHardware: senderHardware });
    this.send({ from: hardwareAddress, to: senderHardware, etherType: ARP, payload: bytes });
  }
}

/** A host that only has an address. */
export class SimHost implements SimStation {
  readonly hardwareAddress: Uint8Array;
  readonly addresses: readonly Ipv4[];

  constructor(address: Ipv4, hardwareAddress: Uint8Array) {
    this.addresses = [address];
    this.hardwareAddress = hardwareAddress;
  }

  frame(): void {}
}
