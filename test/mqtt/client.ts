import type { Socket } from "node:net";
import type { Frame, Link, LinkEnd, Settled, Transport } from "../../src/context/index.ts";
import { systemClock } from "../../src/node/clock.ts";
import { Dialer } from "../../src/node/dialer/index.ts";
import type { DialerPort } from "../../src/node/transports/dialer-port.ts";
import { MqttTransport } from "../../src/node/transports/mqtt/index.ts";
import { parsePolicyValue, requirePolicy } from "../../src/policy/index.ts";
import { type MqttTarget, planTarget, type Target } from "../../src/stream/index.ts";

export interface Identity {
  readonly mqttClientId?: string;
  readonly mqttUsername?: string;
  readonly mqttPassword?: string;
  readonly clientCertificates?: readonly { readonly certificate: string; readonly key: string }[];
}

/** The target of a policy that has one mqtt streamtype with these keys. */
export function targetOf(
  port: number,
  keys: object,
  more: { retry?: object; trust?: Uint8Array; identity?: Identity } = {},
): Target {
  const certs =
    more.trust === undefined
      ? {}
      : {
          certs: { root: Buffer.from(more.trust).toString("base64") },
          trust_stores: { roots: ["root"] },
        };
  const store = more.trust === undefined ? {} : { tls_trust_store: "roots", tls: true };
  const retry = { backoff: [1000], ...more.retry };
  const streams = {
    test: { endpoint: "127.0.0.1", port, protocol: "mqtt", retry: "test", ...store, ...keys },
  };
  const { policy } = requirePolicy(parsePolicyValue({ retry: { test: retry }, ...certs, streams }));
  const streamtype = policy.streamtypes.get("test");
  if (streamtype === undefined) throw new Error("no streamtype");
  return planTarget(streamtype, {}, { identity: more.identity ?? {}, scope: "test", hasBody: false });
}

/** The same target with other MQTT settings than a policy can say. */
export function withMqtt(target: Target, settings: Partial<MqttTarget>): Target {
  if (target.mqtt === undefined) throw new Error("not an mqtt target");
  return { ...target, mqtt: { ...target.mqtt, ...settings } };
}

export interface TransportOfTest {
  readonly transport: Transport;
  /** The sockets it has had, for a test that cuts one. */
  readonly sockets: Socket[];
  readonly observed: object[];
}

export function createTransport(): TransportOfTest {
  const observed: object[] = [];
  const sockets: Socket[] = [];
  const system = new Dialer();
  const dialer: DialerPort = {
    dial: (request, { connected, failed }) =>
      system.dial(request, {
        failed,
        connected(socket, info) {
          sockets.push(socket);
          connected(socket, info);
        },
      }),
  };
  const parts = { dialer, clock: systemClock, observe: (event: object) => observed.push(event) };
  return { transport: new MqttTransport(parts), observed, sockets };
}

let streams = 1000;

/** One link of a test, with what it has told so far. */
export class TestLink {
  readonly stream: number;
  readonly link: Link;
  readonly messages: { readonly text: string; readonly frame: Frame }[] = [];
  readonly established: Promise<string>;
  readonly closed: Promise<LinkEnd>;
  isReady = true;
  isClosed = false;
  drains = 0;
  #wake: (() => void)[] = [];

  constructor(transport: Transport, target: Target, stream = ++streams) {
    this.stream = stream;
    const established = withResolvers<string>();
    const closed = withResolvers<LinkEnd>();
    this.established = established.promise;
    this.closed = closed.promise;
    let count = 0;
    this.link = transport.open(
      { stream, target },
      {
        established: ({ peer }) => {
          count += 1;
          if (count > 1) throw new Error("established twice");
          established.resolve(peer);
        },
        data: (payload, frame) => {
          if (this.isClosed) throw new Error("data after the end");
          this.messages.push({ text: Buffer.from(payload).toString(), frame });
          this.#changed();
          return this.isReady;
        },
        drained: () => {
          this.drains += 1;
          this.#changed();
        },
        closed: (end) => {
          if (this.isClosed) throw new Error("closed twice");
          this.isClosed = true;
          closed.resolve(end);
          established.reject(new Error(`closed first: ${JSON.stringify(end)}`));
          this.#changed();
        },
      },
    );
    established.promise.catch(() => {});
  }

  /** Sends text and waits until it settles. */
  send(text: string, topic?: string): Promise<Settled> {
    return new Promise((resolve) => {
      this.link.send(Buffer.from(text), { start: true, end: true, topic }, resolve);
    });
  }

  /** Resolves once `isTrue` after something has happened to the link. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  get texts(): readonly string[] {
    return this.messages.map(({ text }) => text);
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const run of wake) run();
  }
}

export interface Resolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function withResolvers<T>(): Resolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
