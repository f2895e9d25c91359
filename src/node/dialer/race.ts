import { connect, type Socket } from "node:net";
import {
  Attempts,
  type AttemptsInput,
  type AttemptsOutput,
  type Family,
  familyOf,
  type HostResolver,
  MOST_ADDRESSES,
} from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { TIMEOUT, type Timeout } from "../../lib/machine.ts";
import { type Millis, NEVER } from "../../lib/millis.ts";
import { connectReason } from "./connect-reason.ts";
import { hostPort } from "./peer-name.ts";
import { findSources } from "./source-address.ts";

export interface RaceRequest {
  readonly host: string;
  readonly port: number;
  /** On the clock of `performance.now()`. */
  readonly deadline: Millis;
  readonly keepAliveProbe?: Millis | undefined;
}

export interface RaceEvents {
  connected(socket: Socket, info: RaceInfo): void;
  failed(reason: Reason): void;
}

export interface RaceInfo {
  /** In the order they came. */
  readonly addresses: readonly string[];
  /** When a resolver gave the first; undefined where none was asked. */
  readonly resolvedAt: Millis | undefined;
}

/** Drives `Attempts` with real sockets: one of the two events, once; after the returned cancel none and no socket. */
export function startRace(request: RaceRequest, resolver: HostResolver, events: RaceEvents): () => void {
  const race = new Race(request, resolver, events);
  race.begin();
  return () => race.cancel();
}

class Race {
  readonly #request: RaceRequest;
  readonly #resolver: HostResolver;
  readonly #events: RaceEvents;
  readonly #started = performance.now();
  readonly #machine: Attempts;
  readonly #sockets = new Map<number, Socket>();
  readonly #addresses: string[] = [];
  /** Source probes under way, and what is known of the end of resolution, of each family. */
  readonly #probes: Record<Family, number> = { 4: 0, 6: 0 };
  readonly #ends = new Map<Family, Reason | undefined>();
  #undo: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #resolvedAt: Millis | undefined;
  #isOver = false;

  constructor(request: RaceRequest, resolver: HostResolver, events: RaceEvents) {
    this.#request = request;
    this.#resolver = resolver;
    this.#events = events;
    this.#machine = new Attempts({ deadline: request.deadline });
  }

  begin(): void {
    const known = knownAddresses(this.#request.host);
    if (known === undefined) {
      const resolution = this.#resolver.resolve(this.#request.host, {
        addresses: (family, addresses) => this.#probe(family, addresses.slice(0, MOST_ADDRESSES)),
        done: (family, reason) => {
          this.#ends.set(family, reason);
          this.#endFamily(family);
        },
      });
      this.#undo.push(() => resolution.cancel());
      this.#arm();
      return;
    }
    this.#addresses.push(...known);
    const candidates = known.map((address) => ({ address, source: { address, prefixLength: 0 } }));
    this.#feed({ type: "addresses", candidates });
    this.#feed({ type: "resolved", family: 6, reason: undefined });
    this.#feed({ type: "resolved", family: 4, reason: undefined });
  }

  cancel(): void {
    this.#isOver = true;
    this.#finish();
    for (const socket of this.#sockets.values()) discard(socket);
    this.#sockets.clear();
  }

  #probe(family: Family, claimed: readonly string[]): void {
    const addresses = claimed.filter((each) => familyOf(each) === family);
    if (this.#isOver || addresses.length === 0) return;
    this.#note(addresses);
    this.#probes[family] += 1;
    const stop = findSources(addresses, (candidates) => {
      this.#probes[family] -= 1;
      this.#feed({ type: "addresses", candidates });
      this.#endFamily(family);
    });
    this.#undo.push(stop);
  }

  #note(addresses: readonly string[]): void {
    this.#resolvedAt ??= performance.now();
    if (this.#addresses.length < 2 * MOST_ADDRESSES) this.#addresses.push(...addresses);
  }

  #endFamily(family: Family): void {
    if (this.#probes[family] > 0 || !this.#ends.has(family)) return;
    this.#feed({ type: "resolved", family, reason: this.#ends.get(family) });
  }

  #feed(input: AttemptsInput | Timeout): void {
    if (this.#isOver) return;
    for (const output of this.#machine.handle(input, performance.now())) this.#perform(output);
    if (!this.#isOver) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const { deadline } = this.#machine;
    if (deadline === NEVER) return;
    this.#timer = setTimeout(() => this.#feed(TIMEOUT), Math.max(0, Math.ceil(deadline - performance.now())));
  }

  #perform(output: AttemptsOutput): void {
    switch (output.type) {
      case "start":
        this.#start(output.id, output.address);
        return;
      case "abandon":
        discard(this.#sockets.get(output.id));
        this.#sockets.delete(output.id);
        return;
      case "connected": {
        const socket = this.#sockets.get(output.id);
        this.#isOver = true;
        this.#finish();
        if (socket === undefined) return;
        socket.removeAllListeners("error");
        this.#events.connected(socket, { addresses: this.#addresses, resolvedAt: this.#resolvedAt });
        return;
      }
      case "failed":
        this.#isOver = true;
        this.#finish();
        this.#events.failed(this.#summary(output));
    }
  }

  #start(id: number, address: string): void {
    const { host, port, keepAliveProbe } = this.#request;
    const where = address === host ? hostPort(host, port) : `${hostPort(host, port)} (${address})`;
    const fail = (error: unknown): void => {
      this.#sockets.delete(id);
      this.#feed({ type: "failed", id, reason: connectReason(error, where) });
    };
    let socket: Socket;
    try {
      socket = connect({
        host: address,
        port,
        noDelay: true,
        autoSelectFamily: false,
        ...(keepAliveProbe === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAliveProbe }),
      });
    } catch (error) {
      // Node throws for a port that is none, and may stand in the middle of the callee's own call.
      queueMicrotask(() => fail(error));
      return;
    }
    this.#sockets.set(id, socket);
    socket.once("connect", () => this.#feed({ type: "connected", id }));
    socket.on("error", fail);
  }

  #finish(): void {
    clearTimeout(this.#timer);
    for (const undo of this.#undo.splice(0)) undo();
  }

  #summary(failed: Extract<AttemptsOutput, { type: "failed" }>): Reason {
    const { host, port, deadline } = this.#request;
    const where = hostPort(host, port);
    const [first, ...others] = byWeight(failed.reasons);
    const span = Math.round(deadline - this.#started);
    if (failed.isTimeout && failed.unanswered.length === 0 && failed.isResolving && first === undefined) {
      return {
        layer: "dns",
        code: "dns-timeout",
        message: `Cannot resolve "${host}": no name server answered within ${span} ms; is this machine online?`,
      };
    }
    if (failed.isTimeout) {
      const silent = failed.unanswered.length === 0 ? where : failed.unanswered.join(" and ");
      const more = failed.reasons.map(({ message }) => `; ${message}`).join("");
      return {
        layer: "tcp",
        code: "connection-timeout",
        message: `Cannot connect to ${where}: no answer from ${silent} within ${span} ms; a firewall may drop the packets${more}`,
      };
    }
    if (first === undefined) {
      return { layer: "dns", code: "no-data", message: `Cannot resolve "${host}": it has no address` };
    }
    const more = others.filter(({ layer }) => layer === first.layer && first.layer !== "dns");
    return { ...first, message: [first, ...more].map(({ message }) => message).join("; ") };
  }
}

/** What says most comes first: that a network is unreachable is often only true of the other family. */
function byWeight(reasons: readonly Reason[]): readonly Reason[] {
  const isWeak = ({ code }: Reason): boolean => code === "network-unreachable" || code === "no-data";
  return [...reasons.filter((each) => !isWeak(each)), ...reasons.filter(isWeak)];
}

/** Literal addresses and `localhost` (RFC 6761, 6.3) are never asked of a resolver. */
function knownAddresses(host: string): readonly string[] | undefined {
  if (familyOf(host) !== undefined) return [host];
  return /^(.+\.)?localhost\.?$/i.test(host) ? ["::1", "127.0.0.1"] : undefined;
}

function discard(socket: Socket | undefined): void {
  socket
    ?.removeAllListeners()
    .on("error", () => {})
    .destroy();
}
