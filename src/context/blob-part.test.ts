import { describe, expect, test } from "vitest";
import { Blobs } from "../system/index.ts";
import { createSimulation, SeededRandom, type SimConnection } from "../testing/index.ts";
import { BlobPart } from "./blob-part.ts";
import { identityOf } from "./identity.ts";
import type { Context } from "./index.ts";
import { createSystemOver } from "./system.ts";
import { createGatePart } from "./system-part.ts";

const PEER = { endpoint: "peer", port: 80 };
const CLIENT = { ...PEER, protocol: "raw", tls: true, client_cert: 0, nailed_up: true } as const;
const POLICY = {
  streams: {
    token: { ...PEER, protocol: "h1", http_url: "token", http_method: "GET" },
    telemetry: { ...PEER, protocol: "ws", nailed_up: true, http_auth_header: "authorization" },
    raw: CLIENT,
  },
};

describe("a blob that is set later", () => {
  test("reaches what is open", async () => {
    await using world = await setUp();
    const stream = world.context.open("telemetry", { state: () => {} });
    await world.run(100);
    expect(stream.state).toBe("unreachable");

    world.blobs.set("auth", "token");
    await world.run(100);

    expect(stream.state).toBe("connected");
    expect(world.opened.at(-1)?.target.http?.headers).toEqual(["authorization", "token"]);
  });

  test("makes one new connection with what is set in the same turn: a certificate and its key", async () => {
    await using world = await setUp();
    world.blobs.set("client-certificate", "c1");
    world.blobs.set("client-key", "k1");
    await world.run(100);
    world.context.open("raw");
    await world.run(100);

    world.blobs.set("client-certificate", "c2");
    world.blobs.set("client-key", "k2");
    await world.run(100);

    const shown = world.opened.map(({ target }) => target.tls?.clientCertificate);
    expect(shown.map((each) => Buffer.from(each?.key as Uint8Array).toString())).toEqual(["k1", "k2"]);
  });

  test("that was set while the device was made counts too", async () => {
    const blobs = new Blobs();
    const simulation = await createSimulation({ policy: POLICY, identity: identityOf(blobs) });
    await using world = await setUp(blobs, simulation);
    blobs.set("auth", "early");
    await world.run(100);

    world.context.open("telemetry");
    await world.run(100);

    expect(world.opened.at(-1)?.target.http?.headers).toEqual(["authorization", "early"]);
  });

  test("does nothing once the system has ended", async () => {
    const world = await setUp();
    await world.run(100);
    world.blobs.set("auth", "one");
    await world.system.stop();
    world.blobs.set("auth", "two");
    world.context.open("telemetry");
    await world.run(100);

    expect(world.opened.at(-1)?.target.http?.headers).toEqual(["authorization", "one"]);
    await world.context.close();
  });

  test("tells another time server once, and the end of one", async () => {
    await using world = await setUp();
    await world.run(100);

    world.blobs.set("ntp-server", "time.test");
    await world.run(1);
    world.blobs.set("serial", "1");
    await world.run(1);
    world.blobs.delete("ntp-server");
    await world.run(1);

    expect(world.servers).toEqual(["time.test", undefined]);
  });
});

test("a device that has to log in holds AUTH1 until its token is there, and streams use it from then on", async () => {
  await using world = await setUp(new Blobs(), undefined, { holdsAuth: true });
  await world.run(1000);

  expect(world.states).toEqual(expect.arrayContaining(["REGISTERED", "AUTH1", "OPERATIONAL"]));
  expect(world.trace.states()).toContain("connected");
  expect(world.opened.at(-1)?.target.http?.headers).toEqual(["authorization", "fetched"]);
});

async function setUp(
  blobs = new Blobs(),
  simulation?: Awaited<ReturnType<typeof createSimulation>>,
  { holdsAuth = false } = {},
) {
  const world = simulation ?? (await createSimulation({ policy: POLICY, identity: identityOf(blobs) }));
  const context = world.context as unknown as Context;
  const opened: SimConnection[] = [];
  const servers: (string | undefined)[] = [];
  world.peer("peer:80", {
    connected: (connection) => opened.push(connection),
    http: () => ({ payload: "fetched" }),
  });
  const raise = (error: unknown): void => {
    throw error;
  };
  const part = new BlobPart({ blobs, contexts: [context], timeServer: (server) => servers.push(server) });
  const login = createGatePart(
    { name: "login", state: "AUTH1", why: "there is no token yet" },
    (gate, { entered }) => {
      entered((state) => {
        if (state !== "REGISTERED") return;
        void context
          .request("token")
          .then((reply) => reply.text())
          .then((token) => {
            blobs.set("auth", token);
            gate.open();
          });
      });
      return undefined;
    },
  );
  const system = createSystemOver(
    { clock: world.clock, random: new SeededRandom(1), raise },
    { parts: holdsAuth ? [part, login] : [part] },
  );
  const states: string[] = [];
  system.on("state", ({ state }) => {
    states.push(state);
    if (holdsAuth && state === "OPERATIONAL") context.open("telemetry", { state: () => {} });
  });
  return Object.assign(world, { context, blobs, system, opened, servers, states });
}
