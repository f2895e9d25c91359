import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Settled, Transport } from "../src/context/index.ts";
import { SystemClock, systemClock } from "../src/node/clock.ts";
import { Dialer } from "../src/node/dialer/index.ts";
import type { TransportParts } from "../src/node/transports/index.ts";
import type { Target } from "../src/stream/index.ts";
import { targetOf } from "./http/client.ts";
import { type Cut, MemoryDialer } from "./memory-pair.ts";
import { OpenLink } from "./open-link.ts";

/** One protocol with a good peer for it. */
export interface World {
  create(parts: TransportParts): Transport;
  /** Of the streamtype, without endpoint and port. */
  readonly keys: object;
  /** The good peer on one connection: answers every request or message with "hello". */
  accept(server: Duplex): void;
  /** The same, but it never answers a request or message. */
  acceptMute(server: Duplex): void;
  /** A peer that sends `count` pieces of `size` bytes, each filled with its number modulo 256, as fast as it may. */
  acceptFlood(server: Duplex, flood: Flood): void;
  /** Says "hello" to the peer, where the protocol does not do so by opening the link. */
  greet?(link: OpenLink): Promise<Settled>;
  /** Whether a message outlives its link, to be sent again on the stream's next one. */
  readonly keepsMessages?: boolean;
  /** Whether a link ends by itself when the peer has answered. */
  readonly isTransaction: boolean;
}

export interface Flood {
  readonly count: number;
  readonly size: number;
}

const SECOND = 1000;
const STEP = 25;
const RETRY = { svalidping: 10, svalidhup: 20 };
const CUT_CODES = /^(connection-(closed|reset)|http-incomplete)$/;

/**
 * What every transport promises, checked with connections in memory and a clock that stands still unless the test moves
 * it; only what needs an address uses the loopback. `hasProbe`: the protocol can ask a silent peer for a sign of life.
 */
export function transportContract(name: string, hasProbe: boolean, makeWorld: () => World): void {
  describe(`${name} keeps the contract of transports:`, () => {
    let world: World;
    let timers = 0;
    beforeEach(() => {
      world = makeWorld();
      vi.useFakeTimers({
        toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
      });
      timers = vi.getTimerCount();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    test("it connects, speaks and closes, and leaves nothing", async () => {
      const { transport, dialer } = open(world);
      const link = new OpenLink(transport, target(world));

      await converse(world, link);

      expect(isWhole(world, link)).toBe(true);
      if (!world.isTransaction) link.link.close();
      await expectNothingLeft(transport, dialer);
    });

    test("a port where nobody listens is refused", async () => {
      vi.useRealTimers();
      const port = await closedPort();
      const transport = world.create({ dialer: new Dialer(), clock: systemClock, observe: () => undefined });
      const link = new OpenLink(transport, targetOf({ ...world.keys, port }));

      const end = await link.ended;

      expect(end).toMatchObject({ type: "failed", reason: { layer: "tcp", code: "connection-refused" } });
      expect(link.isEstablished).toBe(false);
      await transport.close();
      expect(transport.inspect()).toEqual([]);
    });

    test("a peer that accepts and says nothing is given up in time", async () => {
      const { transport, dialer } = open(world, { accept: (server) => server.resume() });
      const link = new OpenLink(transport, target(world));
      await until(() => dialer.pairs.length === 1);
      await turns();

      await advance(RETRY.svalidhup * SECOND + 1);

      expect(link.code).toMatch(/^(validity-timeout|connection-timeout)$/);
      await expectNothingLeft(transport, dialer);
    });

    test("a peer that goes silent is found after svalidhup and not before", async () => {
      const { transport, dialer } = open(world, { accept: (server) => world.acceptMute(server) });
      const link = new OpenLink(transport, target(world));
      await midway(world, link, dialer);
      const [pair] = dialer.pairs;
      if (pair === undefined) throw new Error("no connection");
      pair.freeze();
      const before = pair.client.writableLength;

      await advance((RETRY.svalidhup - 1) * SECOND);
      expect(link.end).toBeUndefined();
      expect(before).toBe(0);
      await advance(2 * SECOND);

      expect(link.code).toBe("validity-timeout");
      await expectNothingLeft(transport, dialer);
    });

    if (hasProbe)
      test("a peer that answers probes is never given up", async () => {
        const { transport, dialer } = open(world, { accept: (server) => world.acceptMute(server) });
        const link = new OpenLink(transport, target(world));
        await midway(world, link, dialer);
        const said = dialer.pairs[0]?.server.bytesRead ?? 0;

        for (let second = 0; second < 10 * RETRY.svalidhup; second++) await advance(SECOND);

        expect(link.end).toBeUndefined();
        expect(dialer.pairs[0]?.server.bytesRead).toBeGreaterThan(said);
        link.link.close();
        await expectNothingLeft(transport, dialer);
      });

    test.each(["end", "reset"] as const)(
      "a peer that closes (%s) after any byte of a good conversation makes no success",
      async (how) => {
        const length = await lengthOf(world);
        for (let after = 0; after < length; after++) {
          const { transport, dialer } = open(world, { cut: { after, how } });
          const link = new OpenLink(transport, target(world));
          const settled: Settled[] = [];

          await Promise.race([
            link.ended,
            converse(world, link, (outcome) => settled.push(outcome)).then(() => link.ended),
          ]);

          const where = `after byte ${after} of ${length}`;
          expect(link.end?.type, where).toBe("failed");
          expect(link.code, where).toMatch(CUT_CODES);
          expect("hello".startsWith(link.text), where).toBe(true);
          expect(settled.length, where).toBeLessThanOrEqual(1);
          await expectNothingLeft(transport, dialer);
        }
        expect(length).toBeGreaterThan(4);
      },
    );

    test("a reader that takes nothing stops the peer, and nothing is lost or changes places", async () => {
      const flood = { count: 4096, size: 4096 };
      const { transport, dialer } = open(world, { accept: (server) => world.acceptFlood(server, flood) });
      const link = new OpenLink(transport, target(world, { svalidping: 0, svalidhup: 0 }));
      link.isReading = false;
      if (!world.isTransaction) {
        await link.established;
        await world.greet?.(link);
      }
      await until(() => link.received.length > 0);
      await settle(() => dialer.pairs[0]?.server.bytesWritten);

      const taken = dialer.pairs[0]?.server.bytesWritten ?? 0;
      expect(taken).toBeLessThan(2 * 1024 * 1024);
      expect(bytesOf(link)).toBeLessThan(1024 * 1024);
      link.isReading = true;
      link.link.resume();
      await link.until(() => bytesOf(link) >= flood.count * flood.size);

      expectFlood(link, flood);
      link.link.close();
      await expectNothingLeft(transport, dialer);
    });

    test("a peer that ends its side and reads nothing does not hold the link, and what waits is lost or kept for the next", async () => {
      if (world.isTransaction) return;
      let peer: Duplex | undefined;
      const accept = (server: Duplex) => {
        peer = server;
        world.acceptMute(server);
      };
      const { transport, dialer } = open(world, { accept });
      const link = new OpenLink(transport, target(world, { svalidping: 0, svalidhup: 0 }));
      await link.established;
      peer?.removeAllListeners("data").pause();
      const order: string[] = [];
      void link.ended.then(() => order.push("closed"));
      void link.send(Buffer.alloc(1_000_000, "x")).then(({ type }) => order.push(type));
      await turns();

      peer?.end();
      await advance(15 * SECOND);

      expect(link.end?.type).toBe("failed");
      expect(order).toEqual(world.keepsMessages ? ["closed"] : ["lost", "closed"]);
      await expectNothingLeft(transport, dialer);
    });

    test("close() is heard by the peer at once", async () => {
      if (world.isTransaction) return;
      let hasHeard = false;
      const accept = (server: Duplex) => {
        world.acceptMute(server);
        server.on("end", () => {
          hasHeard = true;
        });
      };
      const { transport, dialer } = open(world, { accept });
      const link = new OpenLink(transport, target(world));
      await link.established;

      link.link.close();
      await turns(50);

      expect(hasHeard).toBe(true);
      await expectNothingLeft(transport, dialer);
    });

    describe("close() leaves nothing", () => {
      test("while it dials", async () => {
        const { transport, dialer } = open(world, { accept: undefined });
        const link = new OpenLink(transport, target(world));
        await turns();

        link.link.close();

        await turns();
        expect(dialer.cancelled).toBe(dialer.dials);
        expect(link.end).toBeUndefined();
        expect(transport.inspect()).toEqual([]);
        expect(vi.getTimerCount()).toBe(timers);
      });

      test("while the peer is silent", async () => {
        const { transport, dialer } = open(world, { accept: (server) => server.resume() });
        const link = new OpenLink(transport, target(world));
        await until(() => dialer.pairs.length === 1);
        await turns();

        link.link.close();
        link.link.close();

        await expectNothingLeft(transport, dialer);
        expect(link.end).toBeUndefined();
      });

      test("in the middle of a conversation, even with a peer that does not answer", async () => {
        const { transport, dialer } = open(world, { accept: (server) => world.acceptMute(server) });
        const link = new OpenLink(transport, target(world));
        await midway(world, link, dialer);
        dialer.pairs[0]?.freeze();

        link.link.close();

        await expectNothingLeft(transport, dialer);
        expect(link.end).toBeUndefined();
      });

      test("after the end", async () => {
        const { transport, dialer } = open(world, { accept: (server) => server.end() });
        const link = new OpenLink(transport, target(world));
        const end = await link.ended;

        link.link.close();
        link.link.resume();

        await expectNothingLeft(transport, dialer);
        expect(link.end).toBe(end);
      });
    });

    test("close() of the transport tells every link, and a link opened later", async () => {
      const { transport, dialer } = open(world, { accept: (server) => world.acceptMute(server) });
      const links = [1, 2, 3].map(() => new OpenLink(transport, target(world)));
      await midway(world, links[0] as OpenLink, dialer);

      const closed = transport.close();
      await advance(5 * SECOND);
      await closed;
      const late = new OpenLink(transport, target(world));
      await turns();

      for (const link of [...links, late]) expect(link.end?.type).toBe("failed");
      await expectNothingLeft(transport, dialer);
    });

    function open(of: World, options: { accept?: ((server: Duplex) => void) | undefined; cut?: Cut } = {}) {
      const accept = "accept" in options ? options.accept : (server: Duplex) => of.accept(server);
      const dialer = new MemoryDialer({ accept, cut: options.cut });
      const transport = of.create({ dialer, clock: new SystemClock(), observe: () => undefined });
      return { transport, dialer };
    }

    /** Bytes that a good peer sends until the conversation is whole. */
    async function lengthOf(of: World): Promise<number> {
      const { transport, dialer } = open(of);
      const link = new OpenLink(transport, target(of));
      await converse(of, link);
      const length = dialer.pairs[0]?.server.bytesWritten ?? 0;
      link.link.close();
      await expectNothingLeft(transport, dialer);
      return length;
    }

    async function expectNothingLeft(transport: Transport, dialer: MemoryDialer): Promise<void> {
      let isClosed = false;
      const closed = transport.close().then(() => {
        isClosed = true;
      });
      await turns();
      if (!isClosed) await advance(3 * SECOND);
      await closed;
      await turns();
      expect(transport.inspect()).toEqual([]);
      expect(dialer.isClear).toBe(true);
      expect(vi.getTimerCount()).toBe(timers);
    }
  });
}

function target(world: World, retry: object = RETRY): Target {
  return targetOf({ ...world.keys, port: 80 }, { retry });
}

/** Until the peer has answered. */
async function converse(
  world: World,
  link: OpenLink,
  settled: (outcome: Settled) => void = () => undefined,
): Promise<void> {
  if (world.isTransaction) {
    await link.ended;
    return;
  }
  await link.established.catch(() => undefined);
  if (!link.isEstablished || link.end !== undefined) return;
  void world.greet?.(link).then(settled);
  await link.until(() => link.text === "hello" || link.end !== undefined);
}

function isWhole(world: World, link: OpenLink): boolean {
  return link.text === "hello" && (!world.isTransaction || link.end?.type === "complete");
}

/** Until the connection is up, and a transaction's request is on its way. */
async function midway(world: World, link: OpenLink, dialer: MemoryDialer): Promise<void> {
  if (!world.isTransaction) await link.established;
  await until(() => (dialer.pairs[0]?.server.bytesRead ?? 0) > 0 || !world.isTransaction);
  await turns();
}

function expectFlood(link: OpenLink, { count, size }: Flood): void {
  const bytes = Buffer.concat(link.received);
  expect(bytes.length).toBe(count * size);
  for (let index = 0; index < count; index++) {
    const piece = bytes.subarray(index * size, (index + 1) * size);
    if (piece.some((byte) => byte !== index % 256)) expect.unreachable(`piece ${index} is not what was sent`);
  }
}

function bytesOf(link: OpenLink): number {
  return link.received.reduce((sum, { length }) => sum + length, 0);
}

/** Time passes in steps that leave the connections time to speak. */
async function advance(span: number): Promise<void> {
  await turns();
  for (let left = span; left > 0; left -= STEP) {
    await vi.advanceTimersByTimeAsync(Math.min(left, STEP));
    await turns(3);
  }
  await turns();
}

/** Lets all that is under way in memory come to rest. */
async function turns(count = 12): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Resolves once `value` has stood still for many turns. */
async function settle(value: () => unknown): Promise<void> {
  for (let last: unknown = {}; last !== value(); ) {
    last = value();
    await turns(100);
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await turns(1);
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
