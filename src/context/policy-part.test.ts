import { describe, expect, test } from "vitest";
import { MESSAGE_CLASSES } from "../system/index.ts";
import { createSimulation, type PeerOptions, type SimRequest, type SimResponse } from "../testing/index.ts";
import type { PolicySource } from "./load-policy.ts";
import type { SmallFiles } from "./network-ports.ts";
import type { PolicyFetchOptions } from "./policy-fetch.ts";
import { PolicyPart } from "./policy-part.ts";
import { decodeStored, encodeStored } from "./stored-policy.ts";
import { createSystemOver } from "./system.ts";
import type { PolicyEvent } from "./system-events.ts";

const RETRY = { quick: { backoff: [1000], conceal: 1, jitterpc: 0, svalidping: 0, svalidhup: 0 } };
const FETCH = {
  endpoint: "policies",
  port: 80,
  protocol: "h1",
  http_method: "GET",
  http_url: "device.json",
  retry: "quick",
  metadata: { known: "if-none-match" },
};
const TELEMETRY = { endpoint: "broker", port: 80, protocol: "ws", retry: "quick", nailed_up: true };
const BUILT_IN = { retry: RETRY, streams: { fetch_policy: FETCH, telemetry: TELEMETRY } };
const NEXT = { retry: RETRY, streams: { fetch_policy: FETCH, telemetry: TELEMETRY, config: TELEMETRY } };
const DAY = 86_400_000;
const PATH = "/var/lib/policy.json";

describe("a policy that is fetched", () => {
  test("holds POLICY_VALID until it is there, and is in force then, and stored with its tag", async () => {
    await using world = await setUp({ response: served(NEXT, '"v1"', 50) });
    await world.run(10);
    expect(world.system.state).toBe("CPD_POST_TIME");
    expect(world.system.heldBy).toMatchObject([
      { state: "POLICY_VALID", by: "policy", why: "the policy has not been fetched yet" },
    ]);

    await world.run(100);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.context.streamtypes).toContain("config");
    expect(world.files.get(PATH)).toBe(`// secure-streams: fetched, etag "v1"\n${JSON.stringify(NEXT)}`);
    expect(world.bus).toEqual(['{"policy":"updated","ts":52000}']);
    expect(world.events).toEqual([{ type: "applied", from: "server" }]);
  });

  test("is not in use where the policy has no streamtype of that name", async () => {
    await using world = await setUp({ options: { streamtype: "another" } });
    world.part.refresh();
    world.part.slept(1000);

    await world.run(10);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.requests).toEqual([]);
  });

  test("recycles the streams whose settings changed, and no others", async () => {
    const moved = { ...NEXT, streams: { ...NEXT.streams, config: { ...TELEMETRY, endpoint: "elsewhere" } } };
    await using world = await setUp({ response: served(NEXT) });
    await world.run(100);
    const kept = world.context.open("telemetry");
    const changed = world.context.open("config");
    world.peer("elsewhere:80");
    await world.run(100);

    world.answer.response = served(moved);
    await world.run(1.2 * DAY);

    expect(world.trace.states(kept)).toEqual(["creating", "connecting", "connected"]);
    expect(world.trace.states(changed).slice(-3)).toEqual(["disconnected", "connecting", "connected"]);
  });

  test("loses no message that waits or is under way, on a stream that changes or not", async () => {
    const mqtt = { ...TELEMETRY, protocol: "mqtt", mqtt_topic: "t", mqtt_qos: 1 };
    const before = { ...NEXT, streams: { ...NEXT.streams, telemetry: mqtt, config: mqtt } };
    const after = { ...before, streams: { ...before.streams, config: { ...mqtt, endpoint: "elsewhere" } } };
    await using world = await setUp({ response: served(before) });
    await world.run(5000);
    const kept = world.context.open("telemetry");
    const changed = world.context.open("config");
    const elsewhere = world.peer("elsewhere:80", world.listening);
    world.broker.hold();
    elsewhere.hold();
    await world.run(10_000);
    const sent = [1, 2, 3].flatMap((number) => [
      kept.send(`kept ${number}`),
      changed.send(`changed ${number}`),
    ]);
    world.answer.response = served(after);
    world.part.refresh();
    await world.run(100);
    expect(world.got).toEqual([]);
    expect(world.context.describe("config")?.endpoint).toBe("elsewhere");

    world.broker.release();
    elsewhere.release();
    await world.run(10_000);

    expect(await Promise.all(sent)).toHaveLength(6);
    expect([...new Set(world.got)].sort()).toEqual([
      ...["changed 1", "changed 2", "changed 3", "kept 1", "kept 2", "kept 3"],
    ]);
    expect(world.trace.states(kept)).not.toContain("disconnected");
  });
});

describe("a policy that is bad", () => {
  test.each<[string, SimResponse]>([
    ["not JSON", { payload: "{" }],
    ["wrong in one key", served({ ...NEXT, streams: { telemetry: { ...TELEMETRY, port: -1 } } })],
    ["a location", { payload: "https://evil.test/policy" }],
    ["a path", { payload: "/etc/passwd" }],
    ["nothing", { payload: "" }],
  ])("because it is %s is refused whole, and the one in force stays", async (_, response) => {
    await using world = await setUp({ response: served(NEXT, '"v1"') });
    await world.run(100);
    const stream = world.context.open("telemetry");
    await world.run(100);
    world.answer.response = response;

    await world.run(1.2 * DAY);

    expect(world.events).toContainEqual({ type: "refused", from: "server", error: expect.any(Error) });
    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.context.streamtypes).toContain("config");
    expect(world.trace.states(stream)).toEqual(["creating", "connecting", "connected"]);
    expect(decodeStored(world.files.get(PATH) ?? "")).toEqual({ text: JSON.stringify(NEXT), etag: '"v1"' });
  });

  test("at the first start keeps the system waiting, and says why", async () => {
    await using world = await setUp({ response: { payload: "[]" } });

    await world.run(100);

    expect(world.system.heldBy[0]?.why).toBe(
      "http://policies/device.json:1:1: error: what came is no policy, it does not begin with an object",
    );
    world.answer.response = served(NEXT);
    await world.run(10_000);
    expect(world.system.state).toBe("OPERATIONAL");
  });

  test.each<[string, SimResponse]>([
    ["cut off", { ...served(NEXT), end: "cut" }],
    ["404", { status: 404 }],
    ["304 that nobody asked for", { status: 304 }],
    ["larger than allowed", { payload: [" ".repeat(1500), JSON.stringify(NEXT)] }],
    ["said to be larger than allowed", { ...served(NEXT), headers: { "content-length": "1501" } }],
  ])("or not there, because it is %s, changes nothing", async (_, response) => {
    await using world = await setUp({ response, options: { limit: 1500 } });

    await world.run(100);

    expect(world.context.streamtypes).not.toContain("config");
    expect(world.system.state).toBe("CPD_POST_TIME");
    expect(world.events.map(({ type }) => type)).toEqual(["failed"]);
    expect(world.context.inspect().connections).toEqual([]);
  });
});

describe("a policy on its way", () => {
  const text = `// café €\n${JSON.stringify(NEXT)}`;

  test("is read as it comes, cut anywhere, and in force when all of it has come", async () => {
    const bytes = new TextEncoder().encode(text);
    const pieces = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    await using world = await setUp({ response: { payload: pieces, pace: 1 } });

    await world.run(bytes.length);
    expect(world.events).toEqual([]);
    await world.run(10);

    expect(world.events).toEqual([{ type: "applied", from: "server" }]);
    expect(world.context.streamtypes).toContain("config");
    expect(world.files.get(PATH)).toBe(`// secure-streams: fetched\n${text}`);
  });

  test.each<[string, string, string]>([
    ["is no JSON", '{"s": {\n  "a"; ', 'http://policies/device.json:2:6: error: Expected ":" after "a"'],
    [
      "nests too deep",
      '{"s":'.repeat(65),
      "http://policies/device.json:1:321: error: Objects and lists are nested",
    ],
    ["has a key twice", '{"a":1,"a":2,', 'http://policies/device.json:1:8: error: "a" stands twice'],
    [
      "becomes too large",
      `{${" ".repeat(1500)}`,
      "http://policies/device.json:1:1501: error: The policy is larger than 1500 bytes",
    ],
    [
      "has too long a key",
      `{"s": {"${"x".repeat(1500)}`,
      "http://policies/device.json:1:1501: error: The policy is larger",
    ],
    [
      "is a page",
      "<!DOCTYPE html>",
      "http://policies/device.json:1:1: error: what came is no policy, it does not begin with an object",
    ],
  ])("ends with the piece in which it %s, and its connection with it", async (_, bad, why) => {
    await using world = await setUp({ response: served(NEXT), options: { limit: 1500 } });
    await world.run(10_000);
    world.events.length = 0;
    world.answer.response = { payload: [bad, ...Array.from({ length: 1000 }, () => " ")], pace: 1000 };

    world.part.refresh();
    await world.run(10);

    const told = world.events.at(-1);
    expect(told?.type === "failed" && told.why).toContain(why);
    expect(world.server.connections.size).toBe(0);
    expect(world.context.streamtypes).toContain("config");
    expect(world.context.inspect().streams.map(({ streamtype }) => streamtype)).not.toContain("fetch_policy");
  });

  test.each<[string, SimResponse]>([
    ["says 404", { status: 404 }],
    ["says how much too large it is", { headers: { "content-length": "2000000" } }],
  ])("is not waited for where its head %s", async (_, head) => {
    await using world = await setUp({ response: { payload: [" ", " "], ...head, end: "hang" } });

    await world.run(10);

    expect(world.events.map(({ type }) => type)).toEqual(["failed"]);
    expect(world.server.connections.size).toBe(0);
  });

  test("that breaks off is none, and one that stops coming is given up after a minute", async () => {
    const half = JSON.stringify(NEXT).slice(0, 100);
    await using world = await setUp({ response: { payload: half, end: "cut" } });
    await world.run(10);
    expect(world.events.map(({ type }) => type)).toEqual(["failed"]);
    world.answer.response = { payload: half, end: "hang" };

    await world.run(10_000);
    expect(world.server.connections.size).toBe(1);
    await world.run(60_000);

    expect(world.system.heldBy[0]?.why).toBe("no answer within 60 s");
    expect(world.server.connections.size).toBe(0);
    expect(world.context.streamtypes).not.toContain("config");
  });

  test("is called by its URL without the query", async () => {
    const asked = { ...FETCH, http_url: "device.json?token=secret" };
    const built = { retry: RETRY, streams: { fetch_policy: asked, telemetry: TELEMETRY } };
    await using world = await setUp({ response: { payload: "{]" }, policy: built });

    await world.run(10);

    expect(world.requests[0]?.path).toBe("/device.json?token=secret");
    expect(world.system.heldBy[0]?.why).toMatch(
      /^http:\/\/policies\/device\.json:1:2: error: Expected a key/,
    );
  });
});

describe("the last good policy", () => {
  test("is enough where the server cannot be reached", async () => {
    await using world = await setUp({ stored: encodeStored({ text: JSON.stringify(NEXT), etag: '"v1"' }) });
    world.server.refuse();

    await world.run(6000);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.context.streamtypes).toContain("config");
    expect(world.events).toContainEqual({ type: "applied", from: "store" });
  });

  test("is enough after 5 s of silence, and the server's is taken when it comes", async () => {
    const newer = { ...NEXT, streams: { ...NEXT.streams, third: TELEMETRY } };
    await using world = await setUp({
      stored: encodeStored({ text: JSON.stringify(NEXT), etag: undefined }),
      response: served(newer, undefined, 8000),
    });
    await world.run(4900);
    expect(world.system.state).toBe("CPD_POST_TIME");
    await world.run(200);
    expect(world.context.streamtypes).toEqual(["fetch_policy", "telemetry", "config"]);

    await world.run(5000);

    expect(world.context.streamtypes).toContain("third");
  });

  test("is asked about by its tag, and used when the server says that it is still right", async () => {
    await using world = await setUp({
      stored: encodeStored({ text: JSON.stringify(NEXT), etag: '"v1"' }),
      response: { status: 304 },
    });

    await world.run(100);

    expect(world.requests[0]?.headers["if-none-match"]).toBe('"v1"');
    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.context.streamtypes).toContain("config");
    expect(world.events).toEqual([{ type: "unchanged" }, { type: "applied", from: "store" }]);
  });

  test("that is none waits for the server", async () => {
    await using world = await setUp({ stored: "{ broken" });
    world.server.refuse();
    await world.run(6000);
    expect(world.system.state).toBe("CPD_POST_TIME");
    expect(world.system.heldBy[0]?.why).toMatch(/stored policy cannot be used|refused|attempts/);
    expect(world.events).toContainEqual({ type: "refused", from: "store", error: expect.any(Error) });
    const refused = world.events.find(({ type }) => type === "refused");
    expect(refused?.type === "refused" && String(refused.error)).toContain(
      '/var/lib/policy.json:1:3: error: Expected a key in double quotes or "}"',
    );

    world.server.restore();
    world.answer.response = served(NEXT);
    await world.run(20_000);

    expect(world.system.state).toBe("OPERATIONAL");
  });

  test("that cannot be read or written is a pity, no more", async () => {
    await using world = await setUp({ response: served(NEXT), broken: true });

    await world.run(100);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.events.map(({ type }) => type)).toEqual(["failed", "applied", "failed"]);
  });

  test("is not kept where the program has no place for it", async () => {
    await using world = await setUp({ response: served(NEXT), options: { store: undefined } });

    await world.run(100);

    expect(world.files.size).toBe(0);
    expect(world.system.state).toBe("OPERATIONAL");
  });
});

describe("a refresh", () => {
  test("comes every day with the tag of the policy in force, whatever metadata carries it", async () => {
    const direct = { ...FETCH, metadata: {}, direct_proto_str: true };
    for (const fetch of [FETCH, direct]) {
      const next = { ...NEXT, streams: { ...NEXT.streams, fetch_policy: fetch } };
      await using world = await setUp({ response: served(next, 'W/"v2"') });
      await world.run(100);
      world.answer.response = { status: 304 };

      await world.run(3.4 * DAY);

      expect(world.requests.map(({ headers }) => headers["if-none-match"])).toEqual([
        undefined,
        'W/"v2"',
        'W/"v2"',
        'W/"v2"',
      ]);
    }
  });

  test("is without a condition where the streamtype has no place for it, or the tag is none", async () => {
    const bare = { ...NEXT, streams: { ...NEXT.streams, fetch_policy: { ...FETCH, metadata: {} } } };
    for (const response of [served(bare, '"v1"'), served(NEXT, "v1")]) {
      await using world = await setUp({ response });
      await world.run(1.2 * DAY);

      expect(world.requests.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, undefined]);
    }
  });

  test("comes on demand, and ends with a policy that has no way to fetch the next", async () => {
    await using world = await setUp({ response: served(NEXT) });
    await world.run(10_000);
    world.answer.response = served({ streams: { telemetry: TELEMETRY }, retry: RETRY });

    world.part.refresh();
    await world.run(1000);
    expect(world.context.streamtypes).toEqual(["telemetry"]);

    world.part.slept(2 * DAY);
    await world.run(1000);
    expect(world.events.at(-1)).toMatchObject({
      type: "failed",
      why: expect.stringContaining("no streamtype"),
    });
    expect(world.requests).toHaveLength(2);
  });

  test("is made at once when the system comes by again and still has no policy", async () => {
    await using world = await setUp();
    world.server.refuse();
    await world.run(20_000);
    expect(world.system.state).toBe("CPD_POST_TIME");
    world.server.restore();
    world.answer.response = served(NEXT);

    world.system.hold("DHCP", "dhcp", "gone")();
    await world.run(100);

    expect(world.system.state).toBe("OPERATIONAL");
  });

  test("that takes longer than a minute is given up, and one under way ends with the system", async () => {
    await using world = await setUp({ response: served(NEXT, undefined, 10 * 60_000) });
    await world.run(61_000);
    expect(world.system.heldBy[0]?.why).toBe("no answer within 60 s");
    await world.run(10_000);
    expect(world.requests).toHaveLength(2);

    await world.system.stop();
    await world.run(20 * 60_000);

    expect(world.context.streamtypes).not.toContain("config");
    expect(world.context.inspect().connections).toEqual([]);
  });
});

function served(policy: object, etag?: string, after = 0): SimResponse {
  return { payload: JSON.stringify(policy), after, headers: etag === undefined ? {} : { ETag: etag } };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function setUp(
  options: {
    readonly response?: SimResponse;
    readonly stored?: string;
    readonly broken?: boolean;
    readonly policy?: PolicySource;
    readonly options?: Partial<PolicyFetchOptions>;
  } = {},
) {
  const policy: PolicySource = options.policy ?? BUILT_IN;
  const simulation = await createSimulation({ policy });
  const answer: { response: SimResponse } = { response: options.response ?? {} };
  const requests: SimRequest[] = [];
  const server = simulation.peer("policies:80", {
    http: (request) => {
      requests.push(request);
      return answer.response;
    },
  });
  const got: string[] = [];
  const listening: PeerOptions = {
    latency: 500,
    message: ({ payload }) => {
      got.push(decode(payload));
      return "acknowledge";
    },
  };
  const broker = simulation.peer("broker:80", listening);
  const files = new Map(options.stored === undefined ? [] : [[PATH, options.stored]]);
  const smallFiles: SmallFiles = {
    async read(path, limit) {
      if (options.broken === true) throw new Error("EIO");
      const text = files.get(path);
      return text === undefined || text.length > limit ? undefined : new TextEncoder().encode(text);
    },
    async replace(path, bytes) {
      if (options.broken === true) throw new Error("ENOSPC");
      files.set(path, decode(bytes));
    },
    async remove(path) {
      files.delete(path);
    },
  };
  const { clock, random, context } = simulation;
  const text = { encode: (value: string) => new TextEncoder().encode(value), decode };
  const part = new PolicyPart({ clock, random, text, files: smallFiles }, {
    context,
    store: PATH,
    ...options.options,
  } as PolicyFetchOptions);
  const raise = (error: unknown): never => {
    throw error;
  };
  const system = createSystemOver({ clock, random, raise }, { parts: [part] });
  const events: PolicyEvent[] = [];
  system.on("policy", (event) => events.push(event));
  const bus: string[] = [];
  system.bus.register({
    classes: MESSAGE_CLASSES["system-state"],
    message: ({ text: message }) => {
      if (message.includes("policy")) bus.push(message);
    },
  });
  const seen = { requests, files, events, bus, got, listening };
  return Object.assign(simulation, { server, broker, answer, part, system, ...seen });
}
