import {
  decodeArp,
  decodeMessage,
  encodeArp,
  type Fields,
  MESSAGE_TYPE,
  type Message,
  OPTION,
} from "../../src/dhcp/index.ts";
import { loadLibc, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from "../../src/node/platform/libc.ts";
import { ReadableSocket } from "../../src/node/platform/readable-socket.ts";
import { packetOf, type Vector } from "./hostile.ts";

const AF_PACKET = 17;
const EVERY_TYPE = 0x0003;
const IPV4 = 0x0800;
const ARP = 0x0806;
const ETHERNET = 14;
const UDP = 8;
const MAC = Uint8Array.of(2, 0, 0, 0, 9, 9);
const TO_ALL = new Uint8Array(6).fill(0xff);

export const GOOD = "192.0.2.88";
export const BAD = "192.0.2.66";
export const SERVER = "192.0.2.1";
/** Whoever has this address as server or name server has believed the attacker. */
export const ATTACKER = "192.0.2.67";
export const PLAIN: Pick<Vector, "spoil"> = { spoil: () => undefined };

export type Asked = "discover" | "request";

export interface Question {
  readonly at: number;
  readonly asked: Asked;
  readonly message: Message;
}

/** A server at one end of a cable that writes its frames itself. It is at 192.0.2.1 as far as ARP goes. */
export class RawServer {
  readonly questions: Question[] = [];
  readonly #libc = loadLibc();
  readonly #link: number;
  readonly #socket: ReadableSocket;
  readonly #asked: (question: Question, server: RawServer) => void;

  #isOpen = true;

  constructor(link: number, asked: (question: Question, server: RawServer) => void) {
    this.#link = link;
    this.#asked = asked;
    const descriptor = this.#libc.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const address = this.#address(EVERY_TYPE);
    this.#socket = new ReadableSocket(this.#libc, descriptor, {
      message: (frame) => this.#read(frame),
      failed: () => {},
    });
    if (this.#libc.bind(this.#socket.descriptor, address, address.length) !== 0)
      throw new Error(`Cannot bind: errno ${this.#libc.errno()}`);
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.close();
  }

  /** Sends what a vector makes of a reply. */
  say(reply: Fields, vector: Pick<Vector, "spoil"> = PLAIN): void {
    // The answer to who has left meanwhile.
    if (!this.#isOpen) return;
    const { bytes, vlan } = packetOf(reply, vector);
    this.#send(TO_ALL, IPV4, bytes, vlan);
  }

  #read(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (frame.length < ETHERNET + 28 || frame.subarray(6, 12).every((byte, index) => byte === MAC[index]))
      return;
    if (view.getUint16(12) === ARP) this.#answerArp(frame);
    if (view.getUint16(12) !== IPV4) return;
    const udp = ETHERNET + (view.getUint8(ETHERNET) & 0x0f) * 4;
    if (view.getUint8(ETHERNET + 9) !== 17 || view.getUint16(udp + 2) !== 67) return;
    const message = decodeMessage(frame.slice(udp + UDP));
    const type = message.options.get(OPTION.messageType)?.[0];
    if (type !== MESSAGE_TYPE.discover && type !== MESSAGE_TYPE.request) return;
    const asked = type === MESSAGE_TYPE.discover ? "discover" : "request";
    const question = { at: performance.now(), asked, message } as const;
    this.questions.push(question);
    this.#asked(question, this);
  }

  #answerArp(frame: Uint8Array): void {
    const { operation, sender, target, senderHardware } = decodeArp(frame.subarray(ETHERNET));
    if (operation !== "request" || target !== SERVER) return;
    const own = { operation: "reply", senderHardware: MAC, sender: SERVER } as const;
    this.#send(senderHardware, ARP, encodeArp({ ...own, targetHardware: senderHardware, target: sender }));
  }

  #send(to: Uint8Array, etherType: number, payload: Uint8Array, vlan?: number): void {
    const tag = vlan === undefined ? [] : [0x81, 0x00, vlan >> 8, vlan & 0xff];
    const frame = Uint8Array.from([...to, ...MAC, ...tag, etherType >> 8, etherType & 0xff, ...payload]);
    const address = this.#address(0);
    const sent = this.#libc.sendto(this.#socket.descriptor, frame, frame.length, 0, address, address.length);
    if (sent !== frame.length)
      throw new Error(`Cannot send ${frame.length} bytes: errno ${this.#libc.errno()}`);
  }

  #address(etherType: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(20));
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, etherType);
    view.setInt32(4, this.#link, true);
    return new Uint8Array(view.buffer);
  }
}

/** An OFFER or ACK of the good server. */
export function goodReply({ asked, message }: Question): Fields {
  return replyOf(message, asked === "discover" ? 2 : 5, { address: GOOD, server: SERVER, dns: SERVER });
}

/** What the attacker starts from: an OFFER of .66 by a server of its own, or an ACK for what was asked for. */
export function badReply({ asked, message }: Question): Fields {
  const isOffer = asked === "discover";
  const address = isOffer ? BAD : GOOD;
  return replyOf(message, isOffer ? 2 : 5, { address, server: isOffer ? ATTACKER : SERVER, dns: ATTACKER });
}

export function withOption(reply: Fields, code: number, value: Uint8Array): Fields {
  return { ...reply, options: new Map([...reply.options, [code, value]]) };
}

export function ipv4(address: string): Uint8Array {
  return Uint8Array.from(address.split("."), Number);
}

function replyOf(
  { xid, chaddr, options }: Message,
  type: number,
  { address, server, dns }: { readonly address: string; readonly server: string; readonly dns: string },
): Fields {
  const told = new Map<number, Uint8Array>([
    [53, Uint8Array.of(type)],
    [54, ipv4(server)],
    [1, Uint8Array.of(255, 255, 255, 0)],
    [3, ipv4(SERVER)],
    [51, Uint8Array.of(0, 0, 14, 16)],
    [6, ipv4(dns)],
    [61, options.get(61) ?? new Uint8Array(2)],
  ]);
  return { op: "reply", xid, chaddr, yiaddr: address, options: told };
}
