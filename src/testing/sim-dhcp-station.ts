import {
  decodeDatagram,
  encodeDatagram,
  encodeMessage,
  type Ipv4,
  MESSAGE_TYPE,
  OPTION,
} from "../dhcp/index.ts";
import type { Millis } from "../lib/millis.ts";
import type { SimClock } from "./sim-clock.ts";
import type { SimDhcpServer } from "./sim-dhcp-server.ts";
import { IPV4, type SimFrame, type SimSegment, type SimStation, TO_ALL } from "./sim-segment.ts";

const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const TO_EVERYBODY = "255.255.255.255";

export interface SimDhcpStationOptions {
  readonly clock: SimClock;
  readonly segment: SimSegment;
  readonly hardwareAddress: Uint8Array;
  /** What it takes to answer, in ms. */
  readonly delay: Millis;
}

/** A DHCP server on a segment. */
export class SimDhcpStation implements SimStation {
  readonly hardwareAddress: Uint8Array;
  readonly #server: SimDhcpServer;
  readonly #options: SimDhcpStationOptions;

  constructor(server: SimDhcpServer, options: SimDhcpStationOptions) {
    this.hardwareAddress = options.hardwareAddress;
    this.#server = server;
    this.#options = options;
  }

  get addresses(): readonly Ipv4[] {
    return [this.#server.address];
  }

  frame({ etherType, payload, from }: SimFrame): void {
    if (etherType !== IPV4) return;
    const question = decodeDatagram({ bytes: payload, checksum: "full", vlan: undefined });
    const isForUs = question.destination === TO_EVERYBODY || question.destination === this.#server.address;
    if (question.destinationPort !== SERVER_PORT || !isForUs) return;
    const reply = this.#server.answer(question.payload);
    if (reply === undefined) return;
    const { clock, segment, delay } = this.#options;
    const isNak = reply.options.get(OPTION.messageType)?.[0] === MESSAGE_TYPE.nak;
    const ciaddr = reply.ciaddr ?? "0.0.0.0";
    // RFC 2131, 4.1: to the client's address where it has one; a NAK to all.
    const isUnicast = !isNak && ciaddr !== "0.0.0.0";
    const bytes = encodeDatagram({
      source: this.#server.address,
      destination: isUnicast ? ciaddr : TO_EVERYBODY,
      sourcePort: SERVER_PORT,
      destinationPort: CLIENT_PORT,
      payload: encodeMessage(reply),
    });
    const to = isUnicast ? from : TO_ALL;
    const frame = { from: this.hardwareAddress, to, etherType: IPV4, payload: bytes };
    clock.wake(clock.now() + delay, () => segment.send(frame));
  }
}
