import { type Millis, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { BROADCAST, type Ipv4, UNSPECIFIED } from "./address.ts";
import { type Arp, encodeArp } from "./arp.ts";
import type { Channels } from "./channels.ts";
import { Exchange } from "./exchange.ts";
import { CLIENT_PORT, encodeDatagram, SERVER_PORT } from "./frame.ts";
import type { Lease } from "./lease.ts";
import { renewalWait, retransmissionWait } from "./lease-times.ts";
import { Pace } from "./pace.ts";
import { encodeRequest, identifierOf, type Request } from "./request.ts";
import type { ClientSettings } from "./settings.ts";
import type { ClientOutput, LinkState } from "./words.ts";

export interface SpeakerParts {
  readonly settings: ClientSettings;
  readonly random: Random;
  readonly channels: Channels;
  readonly emit: (output: ClientOutput) => void;
}

type Saying = Omit<Request, "xid" | "secs">;

/** No two questions of one lease are closer than this. */
const LEAST_GAP = seconds(1);

/** Puts questions on the wire, in their form and at their pace. */
export class Speaker {
  readonly #parts: SpeakerParts;
  readonly #discovers = new Pace();
  readonly #requests = new Pace();
  /** As it is now: frames carry its address. */
  link: LinkState = { hardwareAddress: new Uint8Array(6), mtu: 1500, hasCarrier: false };

  constructor(parts: SpeakerParts) {
    this.#parts = parts;
  }

  get clientId(): Uint8Array {
    const { hardwareAddress } = this.link;
    return identifierOf({ settings: this.#parts.settings, hardwareAddress });
  }

  /** A question to all, to be asked as soon as the pace allows. */
  discovery(now: Millis): Exchange {
    return new Exchange(this.#xid(), now, { sendAt: this.#discovers.next(now) });
  }

  /** The question that follows from an answer to `discovery`. */
  selection(discovery: Exchange, now: Millis): Exchange {
    const { xid, secs } = discovery;
    return new Exchange(xid, now, { sendAt: this.#requests.next(now), secs });
  }

  /** A REQUEST on its own, not sooner than a second after `previous`. */
  request(now: Millis, previous?: Exchange): Exchange {
    const earliest = previous === undefined ? now : Math.max(now, previous.sentAt + LEAST_GAP);
    return new Exchange(this.#xid(), now, { sendAt: this.#requests.next(earliest) });
  }

  /** Asks again sooner than planned. */
  hasten(exchange: Exchange, now: Millis): void {
    const earliest = this.#requests.next(Math.max(now, exchange.sentAt + LEAST_GAP));
    exchange.sendAt = Math.min(exchange.sendAt, earliest);
  }

  discover(exchange: Exchange, requested: Ipv4 | undefined, now: Millis): void {
    this.#discovers.sent(now);
    this.#broadcast(exchange, { type: "discover", requested }, now);
    exchange.sendAt = this.#discovers.next(now + retransmissionWait(exchange.attempts, this.#parts.random));
  }

  inform(exchange: Exchange, ciaddr: Ipv4, now: Millis): void {
    this.#discovers.sent(now);
    this.#broadcast(exchange, { type: "inform", ciaddr }, now);
    exchange.sendAt = this.#discovers.next(now + retransmissionWait(exchange.attempts, this.#parts.random));
  }

  /** REQUESTING with the server that is meant, REBOOTING without (RFC 2131, 4.3.2). */
  select(exchange: Exchange, what: { readonly requested: Ipv4; readonly server?: Ipv4 }, now: Millis): void {
    this.#requests.sent(now);
    this.#broadcast(exchange, { type: "request", ...what }, now);
    exchange.sendAt = this.#requests.next(now + retransmissionWait(exchange.attempts, this.#parts.random));
  }

  /** RENEWING, to the lease's server; `until` is T2. */
  renew(
    exchange: Exchange,
    { lease, until }: { readonly lease: Lease; readonly until: Millis },
    now: Millis,
  ): void {
    // A server's NAK comes by broadcast, which a socket bound to our address does not hear.
    this.#parts.channels.packets("dhcp");
    this.#unicast(exchange, { type: "request", ciaddr: lease.address }, { lease, now });
    this.#repeat(exchange, { lease, until }, now);
  }

  /** REBINDING, to whoever hears it; `until` is the end of the lease. */
  rebind(
    exchange: Exchange,
    { lease, until }: { readonly lease: Lease; readonly until: Millis },
    now: Millis,
  ): void {
    if (this.#parts.settings.unicast === "datagrams") this.#parts.channels.datagrams(lease.address);
    this.#broadcast(exchange, { type: "request", ciaddr: lease.address }, now);
    this.#repeat(exchange, { lease, until }, now);
  }

  /** Gives an address back, from the address itself where it is configured. */
  release(lease: Lease, isConfigured: boolean, now: Millis): void {
    const { address, server } = lease;
    const exchange = new Exchange(this.#xid(), now, { sendAt: now });
    const saying: Saying = { type: "release", ciaddr: address, server };
    if (isConfigured) this.#unicast(exchange, saying, { lease, now });
    else this.#packet(exchange, saying, { source: UNSPECIFIED, destination: server });
  }

  decline({ address, server }: Lease, now: Millis): void {
    const exchange = new Exchange(this.#xid(), now, { sendAt: now });
    this.#broadcast(exchange, { type: "decline", requested: address, server }, now);
  }

  arp(arp: Arp): void {
    const channel = this.#parts.channels.packets("arp");
    this.#parts.emit({ type: "send", channel, bytes: encodeArp(arp), to: undefined });
  }

  #repeat(
    exchange: Exchange,
    { lease, until }: { readonly lease: Lease; readonly until: Millis },
    now: Millis,
  ): void {
    this.#requests.sent(now);
    exchange.sendAt = this.#requests.next(now + renewalWait(until - now, lease.leaseSeconds));
  }

  #unicast(
    exchange: Exchange,
    saying: Saying,
    { lease, now }: { readonly lease: Lease; readonly now: Millis },
  ): void {
    const { channels, emit, settings } = this.#parts;
    const { address, server } = lease;
    exchange.sent(now);
    if (settings.unicast === "packets") {
      this.#packet(exchange, saying, { source: address, destination: server });
      return;
    }
    const bytes = this.#encode(exchange, saying);
    emit({ type: "send", channel: channels.datagrams(address), bytes, to: server });
  }

  #broadcast(exchange: Exchange, saying: Saying, now: Millis): void {
    exchange.sent(now);
    this.#packet(exchange, saying, { source: saying.ciaddr ?? UNSPECIFIED, destination: BROADCAST });
  }

  #packet(
    exchange: Exchange,
    saying: Saying,
    { source, destination }: { readonly source: Ipv4; readonly destination: Ipv4 },
  ): void {
    const { channels, emit } = this.#parts;
    const payload = this.#encode(exchange, saying);
    const ports = { sourcePort: CLIENT_PORT, destinationPort: SERVER_PORT };
    const bytes = encodeDatagram({ source, destination, ...ports, payload });
    emit({ type: "send", channel: channels.packets("dhcp"), bytes, to: undefined });
  }

  #encode({ xid, secs }: Exchange, saying: Saying): Uint8Array {
    const { hardwareAddress, mtu } = this.link;
    return encodeRequest({ ...saying, xid, secs }, { settings: this.#parts.settings, hardwareAddress, mtu });
  }

  #xid(): number {
    return this.#parts.random.bytes(4).reduce((sum, byte) => sum * 256 + byte, 0);
  }
}
