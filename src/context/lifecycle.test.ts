import { describe, expect, test } from "vitest";
import { UsageError } from "../lib/errors.ts";
import { type DEFAULT_POLICY, definePolicy } from "../policy/index.ts";
import { createSimulation, type PeerOptions, type SimulationOptions } from "../testing/index.ts";
import { DESTROY_ME, DISCONNECT_ME, type Logger, type Message, type Stream, type Verdict } from "./index.ts";

const RETRY = { backoff: [1000], conceal: 2, jitterpc: 0 };
const POLICY = definePolicy({
  retry: { calm: RETRY },
  streams: {
    ws: { endpoint: "peer", port: 80, protocol: "ws", retry: "calm", metadata: { id: "x-id" } },
    other: { endpoint: "peer", port: 80, protocol: "ws", retry: "calm", nailed_up: true },
    http: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_method: "GET", timeout_ms: 500 },
    post: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_method: "POST" },
    mqtt: { endpoint: "peer", port: 80, protocol: "mqtt", mqtt_topic: "t", retry: "calm" },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own template
    there: { endpoint: "${host}", port: 80, protocol: "ws", nailed_up: true, metadata: { host: "" } },
  },
});

describe("open()", () => {
  test("names the streamtype that was meant", async () => {
    await using world = await setUp();

    expect(() => world.context.open("htpt" as "http")).toThrow(
      expect.objectContaining({
        code: "streamtype-unknown",
        message: expect.stringContaining('did you mean "http"?'),
      }),
    );
    expect(() => world.context.open("zzzzzzzzzz" as "http")).toThrow("it has ws, other");
  });

  test("plans a nailed-up stream at once, so that missing metadata is told to whoever opens it", async () => {
    await using world = await setUp();

    expect(() => world.context.open("there")).toThrow("it is empty");
    expect(world.context.inspect().streams).toEqual([]);
  });

  test("closes the stream when its signal fires, and forgets the signal when the stream is closed", async () => {
    await using world = await setUp();
    const controller = new AbortController();
    const first = world.context.open("ws", { signal: controller.signal });
    const second = world.context.open("ws", { signal: controller.signal });
    second.close();
    controller.abort();

    expect([first.state, second.state]).toEqual(["destroying", "destroying"]);
    expect(() => world.context.open("ws", { signal: controller.signal })).toThrow();
  });

  test("tells `aborted` of what its signal ends, with the signal's own reason as the cause", async () => {
    await using world = await setUp();
    world.server.silence();
    const controller = new AbortController();
    const stream = world.context.open("ws", { signal: controller.signal });
    const sent = caught(stream.send("x"));
    const reached = caught(stream.reached("connected"));
    controller.abort("enough");

    expect(await sent).toMatchObject({ code: "aborted", layer: "stream", cause: "enough" });
    expect(await reached).toMatchObject({ code: "aborted" });
    expect(world.trace.entries.at(-1)).toMatchObject({ state: "destroying", reason: { code: "aborted" } });
  });

  test.each<[string, readonly unknown[], string]>([
    ["no name", [], "Cannot open a stream: expected the name of a streamtype, found undefined"],
    ["a number", [5], "Cannot open a stream: expected the name of a streamtype, found a number"],
    ["an object", [{}], "Cannot open a stream: expected the name of a streamtype, found an object"],
    ["no options", ["ws", null], "Cannot open a stream: what follows the streamtype is null"],
    ["options of a text", ["ws", "id"], "Cannot open a stream: what follows the streamtype is a string"],
    [
      "metadata of true",
      ["ws", { metadata: true }],
      "Cannot set metadata: what should hold names and values is a boolean",
    ],
    [
      "metadata of a number",
      ["ws", { metadata: { id: 7 } }],
      'Cannot use metadata "id": its value is not a string',
    ],
  ])("says what is wrong with %s", async (_, given, message) => {
    await using world = await setUp();
    const open = world.context.open.bind(world.context) as (...values: readonly unknown[]) => void;

    expect(() => open(...given)).toThrow(message);
    expect(() => open(...given)).toThrow(UsageError);
    expect(world.context.inspect().streams).toEqual([]);
  });

  test("gives a stream that says what is wrong with metadata", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");

    for (const values of [null, undefined, 5])
      expect(() => stream.setMetadata(values as never)).toThrow(UsageError);
  });

  test("is over once the context is closed", async () => {
    const world = await setUp();
    const stream = world.context.open("other");
    await world.run(10);
    await world.context.close();

    expect(stream.state).toBe("destroying");
    expect(world.trace.states().slice(-2)).toEqual(["disconnected", "destroying"]);
    expect(world.context.inspect()).toEqual({ streams: [], connections: [] });
    expect(() => world.context.open("ws")).toThrow("the context is closed");
  });

  test("does not compile with names that the policy does not have", async () => {
    await using world = await setUp();
    const { context } = world;

    const wrong = [
      // @ts-expect-error a streamtype that the policy does not have
      () => context.open("wss"),
      // @ts-expect-error metadata that the streamtype does not have
      () => context.open("ws", { metadata: { idd: "1" } }),
      // @ts-expect-error metadata of a streamtype that has none
      () => context.open("other", { metadata: { id: "1" } }),
      // @ts-expect-error metadata that the streamtype does not have
      () => context.open("ws").setMetadata({ idd: "1" }),
    ];
    for (const each of wrong) expect(each).toThrow();
    const stream: Stream<"id"> = context.open("ws", { metadata: { id: "1" } });
    expect(stream.streamtype).toBe("ws");
  });
});

describe("states", () => {
  test("come with reason, attempt and the time until the next try", async () => {
    await using world = await setUp();
    world.server.refuse();
    const stream = world.context.open("other");
    const event = await world.until(stream.reached("unreachable"));

    expect(event).toEqual({
      streamtype: "other",
      state: "unreachable",
      previous: "connecting",
      reason: { layer: "tcp", code: "connection-refused", message: "The peer refused the connection" },
      attempt: 1,
      retryIn: 1000,
    });
    expect(stream.inspect()).toMatchObject({ state: "unreachable", failures: 1, retryIn: 1000 });
  });

  test("reach those who listen, until they stop", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    const seen: string[] = [];
    const stop = stream.on("state", ({ state }) => seen.push(state));
    stream.connect();
    stop();
    await world.run(10);

    expect(seen).toEqual(["connecting"]);
    expect(() => stream.on("message" as "state", () => {})).toThrow('there is no event "message"');
  });

  test("reach the others when one listener throws", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    const seen: string[] = [];
    stream.on("state", () => {
      throw new Error("listener");
    });
    stream.on("state", ({ state }) => seen.push(state));
    stream.connect();
    await world.clock.run(10);

    expect(seen).toEqual(["connecting", "connected"]);
    expect(world.takeRaised()).toMatchObject([{ message: "listener" }, { message: "listener" }]);
  });

  test("surface what a listener throws where a simulation runs", async () => {
    await using world = await setUp();
    world.context.open("other").on("state", () => {
      throw new Error("listener");
    });

    await expect(world.run(10)).rejects.toThrow("listener");
  });

  test("are in order when a listener closes its own stream", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    const seen: string[] = [];
    stream.on("state", ({ state }) => {
      if (state === "connected") stream.close();
    });
    stream.on("state", ({ state }) => seen.push(state));
    stream.connect();
    await world.run(10);

    expect(seen).toEqual(["connecting", "connected", "disconnected", "destroying"]);
    expect(world.context.inspect()).toEqual({ streams: [], connections: [] });
  });

  test("reached() resolves at once, later, or not at all", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    const controller = new AbortController();
    const never = caught(stream.reached("auth-failed", { signal: controller.signal }));
    const closed = caught(stream.reached("all-retries-failed"));
    const ending = stream.reached("destroying");

    expect(await stream.reached("creating")).toMatchObject({ state: "creating", attempt: 1 });
    controller.abort("enough");
    expect(await never).toBe("enough");
    await expect(stream.reached("connected", { signal: controller.signal })).rejects.toBe("enough");
    stream.close();
    expect(await closed).toMatchObject({
      code: "closed",
      message: "The stream was closed before it was all-retries-failed",
    });
    expect((await ending).state).toBe("destroying");
    await expect(stream.reached("connected")).rejects.toMatchObject({ code: "closed" });
  });

  test("include the timeout that the program starts", async () => {
    await using world = await setUp();
    const stream = world.context.open("http");
    stream.timeout();
    const event = world.until(stream.reached("timeout"));
    await event;
    expect(world.clock.now()).toBe(500);
    stream.timeout(100);
    stream.cancelTimeout();
    world.context.open("ws").timeout();
    await world.run(10_000);

    expect(world.trace.states().filter((state) => state === "timeout")).toHaveLength(1);
  });

  test("await using closes a stream and a context", async () => {
    const world = await setUp();
    let opened: Stream<"id">;
    {
      await using context = world.context;
      await using stream = context.open("ws");
      opened = stream;
    }

    expect(opened.state).toBe("destroying");
    expect(() => world.context.open("ws")).toThrow("closed");
  });

  test("disconnect() hangs up and the retry rules apply", async () => {
    await using world = await setUp();
    const stream = world.context.open("other");
    await world.run(10);
    stream.disconnect();
    await world.run(2000);

    expect(world.trace.states(stream).slice(-3)).toEqual(["disconnected", "connecting", "connected"]);
  });
});

describe("the callback form", () => {
  test("takes messages from rx, gives them from tx, and tells states", async () => {
    await using world = await setUp({
      message: ({ payload }, connection) => void connection.send(`echo ${new TextDecoder().decode(payload)}`),
    });
    const seen: string[] = [];
    const stream = world.context.open("ws", {
      rx: (message) => void seen.push(message.text()),
      tx: () => "hello",
      state: ({ state }) => void seen.push(state),
    });
    stream.requestTx();
    await world.run(10);
    stream.requestTx();
    await world.run(10);

    expect(seen).toEqual(["creating", "poll", "connecting", "connected", "echo hello", "echo hello"]);
  });

  test("gives the stream to each callback, also while open() has not returned", async () => {
    await using world = await setUp({
      connected: (connection) => connection.send("x"),
      message: ({ payload }, connection) => void connection.send(`echo ${new TextDecoder().decode(payload)}`),
    });
    const seen: string[] = [];
    world.context.open("there", {
      state: ({ state }, stream) => {
        if (state === "creating") stream.setMetadata({ host: "peer" });
        if (state === "connected") stream.requestTx();
        return undefined;
      },
      tx: (stream) => `from ${stream.streamtype}`,
      rx: (message, stream) => {
        seen.push(`${message.text()} to ${stream.streamtype}`);
        return undefined;
      },
    });
    await world.run(10);

    expect(seen).toEqual(["x to there", "echo from there to there"]);
  });

  test("may have nothing to send", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws", { tx: () => undefined });
    stream.requestTx();
    await world.run(10);

    expect(stream.state).toBe("connected");
    expect(() => world.context.open("ws").requestTx()).toThrow("opened without tx");
  });

  test("hangs up with DISCONNECT_ME and ends with DESTROY_ME", async () => {
    await using world = await setUp();
    let count = 0;
    const stream = world.context.open("other", {
      state: ({ state }) => {
        if (state !== "connected") return undefined;
        count += 1;
        return count === 1 ? DISCONNECT_ME : DESTROY_ME;
      },
    });
    await world.run(5000);

    expect(world.trace.states(stream)).toEqual([
      "creating",
      "connecting",
      "connected",
      "disconnected",
      "connecting",
      "connected",
      "disconnected",
      "destroying",
    ]);
  });

  test("obeys tx and rx as well", async () => {
    await using world = await setUp({ connected: (connection) => connection.send("x") });
    const first = world.context.open("ws", { tx: () => DESTROY_ME });
    first.requestTx();
    const second = world.context.open("other", { rx: () => DESTROY_ME });
    await world.run(10);

    expect([first.state, second.state]).toEqual(["destroying", "destroying"]);
  });

  test("raises what a callback throws", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws", {
      tx: () => {
        throw new Error("tx");
      },
    });
    stream.requestTx();
    await world.clock.run(10);

    expect(world.takeRaised()).toMatchObject([{ message: "tx" }]);
    expect(stream.state).toBe("connected");
  });

  test("raises a piece that has no place, which is no word of the peer's", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws", { tx: () => ({ payload: "rest", start: false }) });
    stream.requestTx();
    await world.clock.run(10);

    expect(world.takeRaised()).toMatchObject([
      { name: "UsageError", code: "usage", message: "Cannot send: no message has been started" },
    ]);
    expect(stream.state).toBe("connected");
  });

  test("takes what tx gives for a whole message unless it says otherwise", async () => {
    await using world = await setUp({
      message: ({ payload }, connection) => void connection.send(`echo ${new TextDecoder().decode(payload)}`),
    });
    const seen: string[] = [];
    const stream = world.context.open("ws", {
      tx: () => ({ payload: "one" }),
      rx: (message) => void seen.push(frame(message)),
    });
    stream.requestTx();
    await world.run(10);
    stream.requestTx();
    await world.run(10);

    expect(seen).toEqual(["echo one start end", "echo one start end"]);
  });

  test("streams a body from tx and a response to rx", async () => {
    await using world = await setUp({ http: ({ body, method }) => ({ payload: [method, " ", body] }) });
    const bodies = [
      { payload: "a", end: false },
      { payload: new Uint8Array([0x62]), start: false, end: false },
      { payload: "c", start: false },
    ];
    const seen: string[] = [];
    const stream = world.context.open("post", {
      tx: () => bodies.shift(),
      rx: (message) => void seen.push(frame(message)),
    });
    stream.requestTx();
    await world.run(100);

    expect(seen).toEqual(["POST start", " ", "abc", " end"]);
  });

  test("asks tx for no body where the method has none", async () => {
    await using world = await setUp({ http: ({ method }) => ({ payload: method }) });
    const seen: string[] = [];
    const rx = (message: Message): undefined => void seen.push(frame(message));
    world.context.open("http", { rx, tx: () => "never" }).requestTx();
    await world.run(100);
    world.context.open("http", { rx }).requestTx();
    await world.run(100);

    expect(seen).toEqual(["GET start", " end", "GET start", " end"]);
  });

  test.each<Verdict>([DISCONNECT_ME, DESTROY_ME, undefined])("ends a body with %s", async (verdict) => {
    await using world = await setUp();
    const stream = world.context.open("post", { tx: () => verdict });
    stream.requestTx();
    await world.run(100);

    expect(stream.state === "destroying").toBe(verdict === DESTROY_ME);
  });

  test("takes the whole of a response from rx before the states that it leads to", async () => {
    await using world = await setUp({ http: () => ({ payload: ["a", "b"] }) });
    const seen: string[] = [];
    const stream = world.context.open("http", {
      rx: (message) => void seen.push(`rx ${frame(message)}`),
      state: ({ state }) => void seen.push(state),
    });
    stream.requestTx();
    await world.run(100);

    expect(seen.slice(3)).toEqual([
      "connected",
      "rx a start",
      "rx b",
      "rx  end",
      "qos-ack-remote",
      "disconnected",
    ]);
  });

  test.each(["qos-ack-remote", "rx a start", "rx  end"])(
    "hears nothing after destroying when it answers DESTROY_ME to %s",
    async (cue) => {
      await using world = await setUp({ http: () => ({ payload: ["a", "b"] }) });
      const seen: string[] = [];
      const answer = (event: string): Verdict => {
        seen.push(event);
        return event === cue ? DESTROY_ME : undefined;
      };
      const stream = world.context.open("http", {
        rx: (message) => answer(`rx ${frame(message)}`),
        state: ({ state }) => answer(state),
      });
      stream.requestTx();
      await world.run(100);

      expect(seen.slice(seen.indexOf(cue))).toEqual([cue, "disconnected", "destroying"]);
    },
  );

  test("does not ask again for a response that it hangs up on", async () => {
    let asked = 0;
    await using world = await setUp({
      http: () => {
        asked += 1;
        return { payload: ["a", "b"] };
      },
    });
    const seen: string[] = [];
    const stream = world.context.open("post", {
      rx: (message) => {
        seen.push(frame(message));
        return DISCONNECT_ME;
      },
    });
    stream.requestTx();
    await world.run(60_000);

    expect([asked, seen, stream.state]).toEqual([1, ["a start"], "disconnected"]);
  });

  test("tells of an answer that is cut off as the state that follows", async () => {
    await using world = await setUp({ http: () => ({ payload: ["a"], end: "cut" }) });
    const seen: string[] = [];
    const stream = world.context.open("http", { rx: (message) => void seen.push(frame(message)) });
    stream.requestTx();
    await world.run(100);

    expect(seen).toEqual(["a start"]);
    expect(world.trace.states().slice(-2)).toEqual(["connected", "disconnected"]);
  });

  test("hears of a failed transaction as a state", async () => {
    await using world = await setUp();
    world.server.refuse();
    world.context.open("post").requestTx();
    await world.run(60_000);

    expect(world.trace.states().at(-1)).toBe("all-retries-failed");
  });
});

describe("a new policy", () => {
  test("that is bad changes nothing", async () => {
    await using world = await setUp();
    const stream = world.context.open("other");
    await world.run(10);

    await expect(world.context.replacePolicy('{"s":[{"other":{"endpoint":7}}]}')).rejects.toThrow();
    expect(() => world.context.overlay('{"s":[{"other":{"port":-1}}]}')).toThrow();
    expect(() => world.context.overlay({ streams: { other: { protocol: "h9" } } })).toThrow();
    await world.run(60_000);

    expect(world.trace.states(stream)).toEqual(["creating", "connecting", "connected"]);
    expect(world.context.streamtypes).toContain("other");
  });

  test("recycles what it changes and leaves the others connected", async () => {
    await using world = await setUp();
    world.peer("elsewhere:80");
    const changed = world.context.open("other");
    const kept = world.context.open("ws");
    kept.connect();
    await world.run(10);

    world.context.overlay({ streams: { other: { endpoint: "elsewhere" } } });
    await world.run(10);

    expect(world.trace.states(changed).slice(-3)).toEqual(["disconnected", "connecting", "connected"]);
    expect(world.trace.states(kept).at(-1)).toBe("connected");
    expect(world.context.inspect().connections.map(({ peer }) => peer)).toEqual(["peer:80", "elsewhere:80"]);
    expect(world.trace.entries.find(({ state }) => state === "disconnected")?.reason?.code).toBe(
      "policy-changed",
    );
  });

  test("closes what it no longer has", async () => {
    await using world = await setUp();
    const stream = world.context.open("other");
    await world.run(10);
    const { other: _, ...streams } = POLICY.streams;
    await world.context.replacePolicy({ ...POLICY, streams });

    const gone = { code: "policy-changed", message: 'The new policy has no streamtype "other"' };
    expect(stream.state).toBe("destroying");
    expect(world.trace.entries.slice(-2)).toMatchObject([
      { state: "disconnected", reason: gone },
      { state: "destroying", reason: gone },
    ]);
    expect(() => world.context.open("other")).toThrow("no such streamtype");
  });

  test("lets a transaction under way end as it began, once", async () => {
    await using world = await setUp({ http: () => ({ after: 500, payload: "old" }) });
    world.peer("elsewhere:80", { http: () => ({ payload: "new" }) });
    const stream = world.context.open("post");
    const asked = stream.request({ payload: "x" });
    await world.run(100);
    world.context.overlay({ streams: { post: { endpoint: "elsewhere" } } });
    const next = stream.request({ payload: "y" });

    expect(await world.until(asked.then((reply) => reply.text()))).toBe("old");
    expect(await world.until(next.then((reply) => reply.text()))).toBe("new");
    expect(world.server.attempts).toHaveLength(1);
  });

  test("rejects what waits for a protocol that the stream no longer speaks", async () => {
    await using world = await setUp();
    world.server.silence();
    const stream = world.context.open("ws");
    const sent = caught(stream.send("x"));
    await world.run(10);
    world.context.overlay({ streams: { ws: { protocol: "h1" } } });

    expect(await sent).toMatchObject({ code: "policy-changed" });
    world.server.restore();
    expect((await world.until(stream.request())).status).toBe(200);
  });

  test("is known to those who look", async () => {
    const lines: string[] = [];
    await using world = await setUp({}, { logger: loggerOf(lines) });
    world.context.overlay({ release: "2" });

    expect(lines).toContain("info policy.replaced");
    expect(world.context.problems).toEqual([]);
  });
});

describe("a context", () => {
  test("reads its policy as text, by path and by URL", async () => {
    const text = JSON.stringify(POLICY);
    const files = { "policy.json": text, "https://a.example/policy": text };
    for (const policy of [text, ` // comment\n${text}`, "policy.json", new URL("https://a.example/policy")]) {
      await using world = await createSimulation({ policy, files });
      expect(world.context.streamtypes).toContain("ws");
    }
    await expect(createSimulation({ policy: "nowhere.json" })).rejects.toMatchObject({
      code: "policy-unreadable",
    });
  });

  test.each([
    [null, "found null"],
    [5, "found 5"],
    [[], "found a list"],
    [Promise.resolve({}), "found a Promise"],
  ])("refuses %s as a policy", async (policy, why) => {
    await expect(createSimulation({ policy: policy as unknown as object })).rejects.toThrow(why);
  });

  test("has the built-in policy where none is given", async () => {
    await using world = await createSimulation({} as { readonly policy: typeof DEFAULT_POLICY });

    expect(world.context.streamtypes).toEqual(["__default", "captive_portal_detect"]);
    const asked = world.context.request("__default", {
      metadata: { endpoint: "a.example", accept: "text/html" },
    });
    asked.catch(() => {});
    expect(world.context.inspect().streams).toMatchObject([{ streamtype: "__default", protocol: "h2" }]);
  });

  test("tells the program the hint that the policy has for it", async () => {
    await using world = await createSimulation({
      policy: { streams: { a: { endpoint: "a.example", payload_fmt: "json" } } },
    });

    expect(world.context.open("a").inspect()).toMatchObject({ protocol: "h1", payloadFormat: "json" });
  });

  test("takes warnings for errors only where it is told to", async () => {
    const policy = '{"s":[{"a":{"endpoint":"a.example","endpont":"b"}}]}';
    const lines: string[] = [];
    await using world = await createSimulation({ policy, logger: loggerOf(lines) });

    expect(world.context.problems[0]?.code).toBe("policy-unknown-key");
    expect(lines[0]).toBe("warn policy.warning");
    await expect(createSimulation({ policy, strict: true })).rejects.toThrow("endpont");
  });

  test("logs what changes a person's world at info, what someone should look at as warn, the rest at debug", async () => {
    const lines: string[] = [];
    await using world = await setUp({}, { logger: loggerOf(lines) });
    world.context.open("ws").connect();
    await world.run(10);
    world.server.refuse();
    await world.run(10_000);

    expect(lines).toEqual([
      "debug creating",
      "debug connecting",
      "info connected",
      "info disconnected",
      "debug connecting",
      "debug unreachable",
      "debug connecting",
      "debug unreachable",
      "warn all-retries-failed",
    ]);
  });

  test("logs what an overlay or another policy brings along, once, notes at info", async () => {
    const lines: string[] = [];
    await using world = await createSimulation({
      policy: '{"s":{"a":{"endpoint":"a.example","perf":true}}}',
      logger: loggerOf(lines),
    });
    world.context.overlay('{"s":{"a":{"endpiont":"b"}}}');
    world.context.overlay('{"s":{"a":{"port":81}}}');
    await world.context.replacePolicy('{"s":{"a":{"endpoint":"a.example","perf":true}}}');

    expect(lines).toEqual([
      "info policy.note",
      "warn policy.warning",
      "info policy.replaced",
      "info policy.replaced",
      "info policy.note",
      "info policy.replaced",
    ]);
  });

  test("survives a logger that throws", async () => {
    const broken = loggerOf([], () => {
      throw new Error("log is full");
    });
    await using world = await setUp({}, { logger: broken });
    const stream = world.context.open("ws");
    stream.connect();
    await world.clock.run(10);

    expect(stream.state).toBe("connected");
    expect(world.takeRaised()).toHaveLength(3);
  });
});

async function setUp(options: PeerOptions = {}, more: Partial<SimulationOptions> = {}) {
  const simulation = await createSimulation({ policy: POLICY, ...(more as object) });
  return Object.assign(simulation, { server: simulation.peer("peer:80", options) });
}

function frame(message: Message): string {
  return [message.text(), message.start ? " start" : "", message.end ? " end" : ""].join("");
}

function loggerOf(lines: string[], before: () => void = () => {}): Logger {
  const log = (level: string) => (fields: object, message: string) => {
    before();
    lines.push(`${level} ${"state" in fields ? fields.state : message}`);
  };
  return {
    trace: log("trace"),
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
  };
}

/** What a promise rejects with. */
function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
}
