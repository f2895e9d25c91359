import { decodeMessage, type Fields, type Ipv4, MESSAGE_TYPE, type Message, OPTION } from "../dhcp/index.ts";
import { toHex } from "../lib/bytes.ts";

export interface SimDhcpServerOptions {
  /** Its own address and identifier. Default 192.0.2.1. */
  readonly address?: Ipv4;
  /** Addresses to give, in this order. Default 192.0.2.100 to .109. */
  readonly pool?: readonly Ipv4[];
  /** Default 255.255.255.0. */
  readonly mask?: Ipv4;
  /** Default 3600. 0xffffffff is for ever. */
  readonly leaseSeconds?: number;
  /** T1 and T2 in seconds. Default: not told. */
  readonly renewalSeconds?: number;
  readonly rebindingSeconds?: number;
  /** Sent with every OFFER and ACK beside the above; default a router and a name server at its own address. */
  readonly options?: Iterable<readonly [number, Uint8Array]>;
  /** Answers a DISCOVER with an ACK where the client wants it (RFC 4039). Default false. */
  readonly rapidCommit?: boolean;
  /** Refuses addresses that it does not know of; otherwise it is silent. Default true. */
  readonly isAuthoritative?: boolean;
}

/** A DHCP server as a function: a client's message in, its reply out. It knows no time, and forgets no lease. */
export class SimDhcpServer {
  readonly address: Ipv4;
  /** What clients sent, as it came. */
  readonly received: Message[] = [];
  /** Client by address. */
  readonly leases = new Map<Ipv4, string>();
  /** Addresses that a client declined. */
  readonly declined = new Set<Ipv4>();
  #options: SimDhcpServerOptions;
  #isSilent = false;

  constructor(options: SimDhcpServerOptions = {}) {
    this.#options = options;
    this.address = options.address ?? "192.0.2.1";
  }

  /** Other settings from now on; leases that are not of the pool are refused. */
  change(options: SimDhcpServerOptions): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Says nothing until `restore`. */
  silence(): void {
    this.#isSilent = true;
  }

  restore(): void {
    this.#isSilent = false;
  }

  /** The reply to the payload of a client's datagram; undefined where there is none. */
  answer(payload: Uint8Array): Fields | undefined {
    const message = decodeMessage(payload);
    this.received.push(message);
    if (this.#isSilent) return undefined;
    switch (message.options.get(OPTION.messageType)?.[0]) {
      case MESSAGE_TYPE.discover:
        return this.#discovered(message);
      case MESSAGE_TYPE.request:
        return this.#requested(message);
      case MESSAGE_TYPE.inform:
        return this.#reply(message, MESSAGE_TYPE.ack, "0.0.0.0");
      case MESSAGE_TYPE.decline:
        this.declined.add(addressIn(message, OPTION.requestedAddress) ?? "");
        this.leases.delete(addressIn(message, OPTION.requestedAddress) ?? "");
        return undefined;
      case MESSAGE_TYPE.release:
        this.leases.delete(message.ciaddr);
        return undefined;
      default:
        return undefined;
    }
  }

  #discovered(message: Message): Fields | undefined {
    const client = clientOf(message);
    const wish = addressIn(message, OPTION.requestedAddress);
    const isFree = (address: Ipv4): boolean =>
      !this.declined.has(address) && (this.leases.get(address) ?? client) === client;
    const had = this.#pool.find((address) => this.leases.get(address) === client);
    const address =
      this.#pool.find((each) => each === wish && isFree(each)) ?? had ?? this.#pool.find(isFree);
    if (address === undefined) return undefined;
    if (this.#options.rapidCommit !== true || !message.options.has(OPTION.rapidCommit)) {
      return this.#reply(message, MESSAGE_TYPE.offer, address);
    }
    this.leases.set(address, client);
    const reply = this.#reply(message, MESSAGE_TYPE.ack, address);
    return { ...reply, options: new Map([...reply.options, [OPTION.rapidCommit, new Uint8Array(0)]]) };
  }

  #requested(message: Message): Fields | undefined {
    const server = addressIn(message, OPTION.serverId);
    if (server !== undefined && server !== this.address) return undefined;
    const wish = addressIn(message, OPTION.requestedAddress) ?? message.ciaddr;
    const client = clientOf(message);
    const holder = this.leases.get(wish);
    const isOurs = this.#pool.includes(wish) && !this.declined.has(wish) && (holder ?? client) === client;
    const isKnown = server !== undefined || holder === client;
    if (isOurs && isKnown) {
      this.leases.set(wish, client);
      return this.#reply(message, MESSAGE_TYPE.ack, wish);
    }
    if (this.#options.isAuthoritative === false) return undefined;
    return this.#reply(message, MESSAGE_TYPE.nak, "0.0.0.0");
  }

  #reply(message: Message, type: number, yiaddr: Ipv4): Fields {
    const options = new Map<number, Uint8Array>();
    options.set(OPTION.messageType, Uint8Array.of(type));
    options.set(OPTION.serverId, bytesOf(this.address));
    if (type === MESSAGE_TYPE.nak) options.set(OPTION.message, ascii("not for you"));
    else this.#describe(options, yiaddr !== "0.0.0.0");
    const clientId = message.options.get(OPTION.clientId);
    if (clientId !== undefined) options.set(OPTION.clientId, clientId);
    const { xid, chaddr, ciaddr, isBroadcast } = message;
    return { op: "reply", xid, chaddr, yiaddr, ciaddr, isBroadcast, options };
  }

  #describe(options: Map<number, Uint8Array>, isLease: boolean): void {
    const { mask = "255.255.255.0", leaseSeconds = 3600, renewalSeconds, rebindingSeconds } = this.#options;
    options.set(OPTION.subnetMask, bytesOf(mask));
    if (isLease) {
      options.set(OPTION.leaseTime, uint32(leaseSeconds));
      if (renewalSeconds !== undefined) options.set(OPTION.renewalTime, uint32(renewalSeconds));
      if (rebindingSeconds !== undefined) options.set(OPTION.rebindingTime, uint32(rebindingSeconds));
    }
    const usual: readonly (readonly [number, Uint8Array])[] = [
      [OPTION.router, bytesOf(this.address)],
      [OPTION.dnsServer, bytesOf(this.address)],
    ];
    for (const [code, value] of this.#options.options ?? usual) options.set(code, value);
  }

  get #pool(): readonly Ipv4[] {
    return this.#options.pool ?? Array.from({ length: 10 }, (_, index) => `192.0.2.${100 + index}`);
  }
}

function clientOf({ options, chaddr }: Message): string {
  return toHex(options.get(OPTION.clientId) ?? chaddr);
}

function addressIn({ options }: Message, code: number): Ipv4 | undefined {
  return options.get(code)?.join(".");
}

function bytesOf(address: Ipv4): Uint8Array {
  return Uint8Array.from(address.split("."), Number);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
