import { isOutOfDescriptors } from "../lib/descriptors.ts";
import { type Millis, seconds } from "../lib/millis.ts";
import type { Attempt } from "./attempt.ts";
import { Channels, waitingOn } from "./channels.ts";
import { Connections } from "./connections.ts";
import type { Question } from "./message.ts";
import { encodeRequest } from "./request.ts";
import type { ResolvConf } from "./resolv-conf.ts";
import { Server } from "./server.ts";
import { formatServer, type ServerAddress } from "./server-address.ts";
import { typeNumber } from "./type.ts";
import type { Verdict } from "./verdict.ts";
import { Window } from "./window.ts";
import type { ChannelId, ConnectionId, DropReason, ResolverInput } from "./words.ts";
import type { Work } from "./work.ts";

/** Servers that are not configured but were named by a lookup; the oldest is forgotten. */
const MAX_GUESTS = 64;
/** What every path carries (RFC 6891, 6.2.5): where an answer did not come, it may have been too large for its path. */
const SMALL_EDNS = 512;
/** RFC 7766 names no figure; as long as the waits over UDP but the last. */
const TCP_WAIT: Millis = 2000;

type FromSocket = Extract<
  ResolverInput,
  { readonly type: "datagram" | "channel-failed" | "connected" | "stream" | "disconnected" }
>;

/** What is to be sent. */
export interface Asking {
  readonly question: Question;
  /** The question's name, in lower case. */
  readonly wire: Uint8Array;
  /** Without letters of random case. */
  readonly isPlain: boolean;
  /** Sends to this server before; each doubles the wait. */
  readonly round: number;
}

/** The name servers, the sockets to them, and how they are to be asked. */
export class Network {
  readonly work: Work;
  readonly channels: Channels;
  readonly connections: Connections;
  /** resolv.conf(5): `rotate`. */
  rotate = false;
  /** Sends of one query to one server over one transport. */
  attempts: number;
  /** Longest wait for one try. */
  timeout: Millis;
  transport: "udp" | "tcp" = "udp";
  #configured: readonly Server[] = [];
  readonly #guests = new Map<string, Server>();

  constructor(work: Work) {
    this.work = work;
    this.channels = new Channels(work);
    this.connections = new Connections(work);
    this.attempts = work.options.attempts;
    this.timeout = work.options.timeout;
  }

  get servers(): readonly Server[] {
    return this.#configured;
  }

  /** Servers that stay keep what is known of them. Returns whether they are others than before. */
  configure({ servers: addresses, rotate, attempts, timeout, useTcp }: ResolvConf): boolean {
    const { options } = this.work;
    this.rotate = rotate;
    this.attempts = attempts === undefined ? options.attempts : Math.min(attempts, options.attempts);
    this.timeout = timeout === undefined ? options.timeout : seconds(timeout);
    this.transport = useTcp ? "tcp" : "udp";
    const known = new Map(
      [...this.#guests.values(), ...this.#configured].map((server) => [server.label, server]),
    );
    const labels = new Map(addresses.map((address) => [formatServer(address), address]));
    const before = this.#configured;
    this.#configured = [...labels].map(
      ([label, address]) => known.get(label) ?? new Server(address, new Window(this.work)),
    );
    return (
      before.length !== labels.size || before.some((server, index) => server !== this.#configured[index])
    );
  }

  /** The servers that a lookup names itself. */
  guests(addresses: readonly ServerAddress[]): readonly Server[] {
    return addresses.map((address) => {
      const label = formatServer(address);
      const known = this.#configured.find((server) => server.label === label) ?? this.#guests.get(label);
      const server = known ?? new Server(address, new Window(this.work));
      this.#guests.delete(label);
      this.#guests.set(label, server);
      if (this.#guests.size > MAX_GUESTS) {
        const [oldest] = this.#guests.keys();
        this.#guests.delete(oldest as string);
      }
      return server;
    });
  }

  /** Writes a request and hands it to a socket or connection. */
  transmit(attempt: Attempt, asked: Asking, now: Millis): void {
    const { work } = this;
    const { server, transport } = attempt;
    const { question, wire } = asked;
    const { ednsSize, casing, cookies } = work.options;
    attempt.state = "open";
    attempt.sentAt = now;
    attempt.usesEdns = ednsSize > 0 && server.usesEdns(now);
    attempt.usesCasing = casing && server.keepsCase && !asked.isPlain;
    attempt.clientCookie = attempt.usesEdns && cookies ? server.clientCookie(work.random) : undefined;
    const round = Math.max(asked.round, 0);
    const isLast = round >= this.attempts - 1;
    const wait = transport === "tcp" ? TCP_WAIT : server.retransmit({ round, isLast }, work.random);
    attempt.until = now + Math.min(wait, this.timeout);
    if (transport === "udp") this.channels.assign(attempt, now);
    else this.connections.assign(attempt);
    const form = {
      id: attempt.id,
      wire,
      type: typeNumber(question.type),
      casing: attempt.usesCasing ? work.random : undefined,
      ednsSize: attempt.usesEdns ? this.#size(transport, asked) : undefined,
      cookie: attempt.clientCookie === undefined ? undefined : server.cookie(attempt.clientCookie),
    };
    attempt.request = encodeRequest(form, work.slab);
    this.#send(attempt, question);
  }

  /** Counts what an answer was worth. */
  received(
    attempt: Attempt,
    { name, type }: Question,
    got: { verdict: Verdict; size: number },
    now: Millis,
  ): void {
    const { verdict, size } = got;
    const { server, transport } = attempt;
    if (verdict.type === "drop") {
      this.drop(server, verdict.reason, size);
      return;
    }
    if (verdict.type === "truncated") this.work.statistics.truncated += 1;
    if (verdict.type === "finding" && verdict.trailing > 0) this.work.statistics.trailing += 1;
    if (!this.work.isTraced) return;
    const outcome = describe(verdict);
    const ms = now - attempt.sentAt;
    this.work.trace({ step: "received", name, of: type, server: server.label, transport, size, outcome, ms });
  }

  silent({ server, sentAt }: Attempt, { name, type }: Question, now: Millis): void {
    this.work.statistics.silent += 1;
    this.work.trace({ step: "silent", name, of: type, server: server.label, ms: now - sentAt });
  }

  #size(transport: "udp" | "tcp", { round }: Asking): number {
    const { ednsSize } = this.work.options;
    return transport === "udp" && round > 0 ? Math.min(ednsSize, SMALL_EDNS) : ednsSize;
  }

  #send({ channel, connection, request, server, transport }: Attempt, { name, type }: Question): void {
    const { work } = this;
    if (channel !== undefined) {
      work.statistics.sentUdp += 1;
      work.emit({ type: "send", channel: channel.id, bytes: request });
    }
    if (connection !== undefined) {
      work.statistics.sentTcp += 1;
      this.connections.send(connection, request);
    }
    if (!work.isTraced) return;
    work.trace({ step: "sent", name, of: type, server: server.label, transport, size: request.length });
  }

  /** Bytes came that are no answer: counted, and told to who listens. */
  drop(server: Server, reason: DropReason, size: number): void {
    const { statistics } = this.work;
    statistics.dropped += 1;
    if (reason === "id") statistics.wrongId += 1;
    if (reason === "question") statistics.wrongQuestion += 1;
    if (reason === "casing") statistics.wrongCase += 1;
    if (reason === "malformed") statistics.malformed += 1;
    this.work.trace({ step: "dropped", server: server.label, reason, size });
  }

  /** The system says that no answer can come. */
  #unreachable(attempt: Attempt, code: string): void {
    const { sender, server, transport } = attempt;
    const { name, type } = sender.question;
    attempt.isWithoutSocket = isOutOfDescriptors(code);
    attempt.isRepeated ||= attempt.isWithoutSocket;
    this.work.trace({ step: "unreachable", name, of: type, server: server.label, transport, code });
  }

  /** What came from a socket. */
  handle(input: FromSocket, now: Millis): void {
    switch (input.type) {
      case "datagram":
        this.#datagram(input.channel, input.bytes, now);
        return;
      case "channel-failed":
        this.#channelFailed(input.channel, input.code, now);
        return;
      case "stream":
        this.connections.get(input.connection)?.received(input.bytes, now);
        return;
      case "disconnected":
        this.#disconnected(input.connection, input.code, now);
        return;
      default:
        // A connection takes requests from its first moment.
        return;
    }
  }

  #datagram(id: ChannelId, bytes: Uint8Array, now: Millis): void {
    const channel = this.channels.get(id);
    if (channel === undefined) return;
    const { statistics } = this.work;
    statistics.received += 1;
    if (bytes.length < 12) {
      this.drop(channel.server, "short", bytes.length);
      return;
    }
    const tid = ((bytes[0] as number) << 8) | (bytes[1] as number);
    const attempt = channel.attempts.get(tid);
    if (attempt !== undefined) {
      attempt.sender.received(attempt, bytes, now);
      return;
    }
    if (channel.attempts.has(tid)) {
      statistics.late += 1;
      return;
    }
    this.drop(channel.server, "id", bytes.length);
    for (const waiting of waitingOn(channel)) waiting.sender.forged(waiting, now);
  }

  /** Closes every socket; nothing is told to who waited. */
  close(now: Millis): void {
    this.channels.close();
    this.connections.close(now);
  }

  #channelFailed(id: ChannelId, code: string, now: Millis): void {
    const channel = this.channels.get(id);
    if (channel === undefined) return;
    for (const attempt of this.channels.failed(channel)) {
      this.#unreachable(attempt, code);
      attempt.sender.unreachable(attempt, now);
    }
  }

  #disconnected(id: ConnectionId, code: string, now: Millis): void {
    const connection = this.connections.get(id);
    if (connection === undefined) return;
    for (const attempt of connection.attempts.values()) this.#unreachable(attempt, code);
    this.connections.disconnected(connection, now);
  }
}

function describe(verdict: Exclude<Verdict, { readonly type: "drop" }>): string {
  if (verdict.type === "failure") return verdict.code;
  return verdict.type === "finding" ? verdict.finding.type : verdict.type;
}
