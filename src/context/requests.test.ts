import { describe, expect, test } from "vitest";
import { createSimulation, type PeerOptions } from "../testing/index.ts";
import type { Reply } from "./reply.ts";

const RETRY = { backoff: [1000, 2000], conceal: 2, jitterpc: 0 };
const POLICY = {
  retry: { calm: RETRY },
  streams: {
    get: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_method: "GET" },
    post: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_method: "POST" },
    put: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_method: "PUT" },
    item: {
      endpoint: "peer",
      port: 80,
      protocol: "h1",
      retry: "calm",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own template
      http_url: "items/${id}",
      metadata: { id: "", tag: "X-Tag:", etag: "ETag:" },
    },
    expect404: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_expect: 404 },
    mapped: {
      endpoint: "peer",
      port: 80,
      protocol: "h1",
      retry: "calm",
      http_resp_map: [{ "418": 1000 }, { "503": 1001 }],
    },
    limited: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", timeout_ms: 500 },
    polled: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", nailed_up: true },
    small: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", client_buflen: 10 },
    form: {
      endpoint: "peer",
      port: 80,
      protocol: "h1",
      retry: "calm",
      http_multipart_name: "file",
      http_multipart_filename: 'a"b',
      http_mime_content_type: "text/plain",
    },
    ws: { endpoint: "peer", port: 80, protocol: "ws", http_resp_map: { "101": 1002, "503": 1001 } },
  },
} as const;

describe("request()", () => {
  test("gives status, headers and payload, and the states of a transaction", async () => {
    await using world = await setUp({ http: () => ({ headers: { "X-Kind": "test" }, payload: ["a", "b"] }) });
    const stream = world.context.open("get");

    const reply = await world.until(stream.request());

    expect([reply.status, reply.ok, reply.header("x-kind"), reply.header("nothing")]).toEqual([
      200,
      true,
      "test",
      undefined,
    ]);
    expect(await world.until(reply.text())).toBe("ab");
    expect(world.trace.states()).toEqual([
      "creating",
      "poll",
      "connecting",
      "connected",
      "qos-ack-remote",
      "disconnected",
    ]);
  });

  test("gives a status that does not acknowledge to the caller as well", async () => {
    await using world = await setUp({ http: () => ({ status: 404, payload: "{}" }) });
    const stream = world.context.open("get");

    const reply = await world.until(stream.request());

    expect([reply.status, reply.ok, await world.until(reply.json())]).toEqual([404, false, {}]);
    expect(world.trace.states().slice(-3)).toEqual(["connected", "qos-nack-remote", "disconnected"]);
  });

  test("acknowledges with the one status that the policy expects", async () => {
    await using world = await setUp({ http: ({ path }) => ({ status: path === "/" ? 404 : 200 }) });

    expect((await world.until(world.context.open("expect404").request())).ok).toBe(true);
    expect(world.trace.states()).toContain("qos-ack-remote");
  });

  test("reports the user state that the policy maps a status to", async () => {
    await using world = await setUp({ http: () => ({ status: 418 }) });

    await world.until(world.context.open("mapped").request());
    await world.run(10);

    expect(world.trace.states()).toContain("user-1000");
    expect(world.trace.states().slice(-3)).toEqual(["connected", "qos-nack-remote", "disconnected"]);
  });

  test("carries metadata there and back, that of the stream and that of the transaction", async () => {
    const seen: string[] = [];
    await using world = await setUp({
      http: ({ path, headers }) => {
        seen.push(`${path} ${headers["x-tag"]}`);
        return { headers: { etag: "e1" } };
      },
    });
    const stream = world.context.open("item", { metadata: { id: "1", tag: "a" } });
    const first = await world.until(stream.request());
    await world.until(stream.request({ metadata: { id: "2" } }));
    stream.setMetadata({ tag: undefined, id: "3" });
    await world.until(stream.request());

    expect(seen).toEqual(["/items/1 a", "/items/2 a", "/items/3 undefined"]);
    expect(first.metadata).toEqual({ etag: "e1" });
    expect(stream.received).toEqual({ etag: "e1" });
  });

  test("refuses metadata that is unknown or unsafe before anything is sent", async () => {
    await using world = await setUp();
    const stream = world.context.open("item", { metadata: { id: "1" } });

    expect(() => stream.setMetadata({ idd: "1" } as never)).toThrow('declares "id", "tag", "etag"');
    expect(() => stream.setMetadata({ id: "a\r\nb" })).toThrow("a control character");
    expect(() => stream.request({ metadata: { id: "a b" } })).toThrow("a separator of paths");
    expect(() => world.context.open("item", { metadata: { nothing: "1" } as never })).toThrow("declares");
    expect(world.server.attempts).toEqual([]);
  });

  test("carries concurrent calls one after the other, in order", async () => {
    await using world = await setUp({
      http: ({ body }) => ({ payload: body, after: body.length === 1 ? 500 : 1 }),
    });
    const stream = world.context.open("put");
    const replies = ["a", "bb", "ccc"].map(async (payload) => (await stream.request({ payload })).text());

    expect(stream.inspect().transactions).toBe(3);
    expect(await world.until(Promise.all(replies))).toEqual(["a", "bb", "ccc"]);
    expect(stream.inspect().transactions).toBe(0);
  });

  test("tries again until the peer is there", async () => {
    await using world = await setUp();
    world.server.outages([{ at: 0, span: 2000 }]);

    expect((await world.until(world.context.open("post").request({ payload: "x" }))).status).toBe(200);
    expect(world.server.attempts).toEqual([0, 1002, 3004]);
  });

  test("rejects everything that waits once the policy's retries are used up", async () => {
    await using world = await setUp();
    world.server.refuse();
    const stream = world.context.open("get");
    const errors = [caught(stream.request()), caught(stream.request())];

    const [first, second] = await world.until(Promise.all(errors));

    expect(first).toMatchObject({ code: "all-retries-failed", streamtype: "get" });
    expect(second).toMatchObject({ code: "all-retries-failed" });
    expect(world.server.attempts).toHaveLength(3);
  });

  test("waits as long as Retry-After says", async () => {
    let count = 0;
    await using world = await setUp({
      http: () => {
        count += 1;
        return count === 1 ? { status: 503, headers: { "Retry-After": "120" } } : {};
      },
    });

    expect((await world.until(world.context.open("get").request())).status).toBe(200);
    expect(world.server.attempts).toEqual([0, 120_002]);
    expect(world.trace.entries.find(({ reason }) => reason !== undefined)).toMatchObject({
      state: "unreachable",
      retryIn: 120_000,
      reason: { code: "http-retry-later", status: 503 },
    });
  });

  test("tells the user state of a 503 before it tries again", async () => {
    let count = 0;
    await using world = await setUp({ http: () => ({ status: count++ === 0 ? 503 : 200 }) });

    await world.until(world.context.open("mapped").request());

    expect(world.trace.states().slice(0, 5)).toEqual([
      "creating",
      "poll",
      "connecting",
      "user-1001",
      "unreachable",
    ]);
  });

  test.each([
    ["opens", undefined, ["connecting", "user-1002", "connected"]],
    [
      "does not open",
      { layer: "ws", code: "ws-handshake", message: "Refused", status: 503 } as const,
      ["connecting", "user-1001", "unreachable"],
    ],
  ])("tells the user state of a WebSocket that %s", async (_, refusal, states) => {
    await using world = await setUp({ upgrade: { status: 101, headers: [] } });
    if (refusal !== undefined) world.server.refuse(refusal);
    world.context.open("ws").connect();
    await world.run(10);

    expect(world.trace.states()).toEqual(["creating", ...states]);
  });

  test("gives a 503 to the caller where the body cannot be sent again", async () => {
    await using world = await setUp({ http: () => ({ status: 503 }) });

    const reply = await world.until(world.context.open("post").request({ payload: pieces("a") }));

    expect([reply.status, reply.ok]).toEqual([503, false]);
  });

  test("does not repeat what may have been done", async () => {
    await using world = await setUp({ http: () => ({ after: 1000 }) });
    const stream = world.context.open("post");
    const asked = caught(stream.request({ payload: "x" }));
    await world.run(500);
    world.server.cut();

    expect(await world.until(asked)).toMatchObject({
      code: "outcome-unknown",
      cause: { code: "connection-reset" },
    });
    await world.run(60_000);
    expect(world.server.attempts).toHaveLength(1);
  });

  test("does not repeat on a nailed-up stream what may have been done", async () => {
    const policy = { retry: POLICY.retry, streams: { post: { ...POLICY.streams.post, nailed_up: true } } };
    await using simulation = await createSimulation({ policy });
    const bodies: number[] = [];
    const server = simulation.peer("peer:80", {
      http: ({ body }) => {
        bodies.push(body.length);
        return { after: 1000 };
      },
    });
    const asked = caught(simulation.context.open("post").request({ payload: "x" }));
    await simulation.run(1500);
    server.cut();

    expect(await simulation.until(asked)).toMatchObject({
      code: "outcome-unknown",
      cause: { code: "connection-reset" },
    });
    await simulation.run(20_000);
    expect(bodies.filter((length) => length > 0)).toHaveLength(1);
  });

  test("repeats what is idempotent", async () => {
    await using world = await setUp({ http: () => ({ after: 1000 }) });
    const asked = world.context.open("put").request({ payload: "x" });
    await world.run(500);
    world.server.cut();

    expect((await world.until(asked)).status).toBe(200);
    expect(world.server.attempts).toHaveLength(2);
  });

  test("rejects the payload of a reply that is cut off, and does not repeat it", async () => {
    await using world = await setUp({ http: () => ({ payload: ["a", "b"], end: "cut" }) });
    const reply = await world.until(world.context.open("get").request());

    expect(await world.until(caught(reply.text()))).toMatchObject({ code: "connection-reset" });
    await world.run(60_000);
    expect(world.server.attempts).toHaveLength(1);
  });
});

describe("the body of a request", () => {
  test("is sent in pieces from an iterable", async () => {
    await using world = await setUp({ http: ({ body }) => ({ payload: body }) });

    const reply = await world.until(world.context.open("post").request({ payload: pieces("a", "b") }));

    expect(await world.until(reply.text())).toBe("ab");
  });

  test("is made anew for each attempt by a function", async () => {
    await using world = await setUp({ http: ({ body }) => ({ payload: body }) });
    world.server.slam();
    const asked = world.context.open("put").request({ payload: () => pieces("x", "y") });
    await world.run(500);
    world.server.restore();

    expect(await world.until(asked.then((reply) => reply.text()))).toBe("xy");
  });

  test("that was read already ends the transaction where a second attempt would be needed", async () => {
    await using world = await setUp();
    world.server.slam();

    const error = await world.until(caught(world.context.open("put").request({ payload: pieces("x") })));

    expect(error).toMatchObject({ code: "body-not-replayable" });
  });

  test("that fails ends the transaction", async () => {
    await using world = await setUp();
    const broken = (async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      throw new Error("disk on fire");
    })();

    const error = await world.until(caught(world.context.open("post").request({ payload: broken })));

    expect(error).toMatchObject({ code: "body-failed", message: expect.stringContaining("disk on fire") });
  });

  test("whose function throws ends the transaction alone", async () => {
    await using world = await setUp();
    const stream = world.context.open("post");
    const broken = (): never => {
      throw new Error("disk on fire");
    };
    const error = await world.until(caught(stream.request({ payload: broken })));

    expect(error).toMatchObject({ code: "body-failed", message: expect.stringContaining("disk on fire") });
    expect((await world.until(stream.request({ payload: "x" }))).status).toBe(200);
  });

  test.each([[5], [null], [["x"]], [{}], [new ArrayBuffer(1)]])(
    "that is none (%j) is refused before anything is sent",
    async (payload) => {
      await using world = await setUp();

      expect(() => world.context.open("post").request({ payload: payload as never })).toThrow(
        expect.objectContaining({ name: "UsageError", code: "usage" }),
      );
      await world.run(1000);
      expect(world.server.attempts).toEqual([]);
    },
  );

  test.each([
    ["text", "x"],
    ["pieces", () => pieces("x")],
  ])("is the one part of a form where the policy says so: %s", async (_, payload) => {
    const seen: string[] = [];
    await using world = await setUp({
      http: ({ headers, body }) => {
        seen.push(headers["content-type"] ?? "", new TextDecoder().decode(body));
        return {};
      },
    });
    await world.until(world.context.open("form").request({ payload }));

    const boundary = /boundary=(ss-[0-9a-f]{32})$/.exec(seen[0] ?? "")?.[1];
    expect(seen[1]).toBe(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a%22b"\r\nContent-Type: text/plain\r\n\r\nx\r\n--${boundary}--\r\n`,
    );
  });
});

describe("giving up", () => {
  test("a signal that has fired rejects at once", async () => {
    await using world = await setUp();

    await expect(world.context.open("get").request({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
    expect(world.server.attempts).toEqual([]);
  });

  test.each<[string, PeerOptions, number]>([
    ["while connecting", { latency: 100 }, 50],
    ["while the peer thinks", { http: () => ({ after: 1000 }) }, 500],
  ])("a signal ends it %s", async (_, options, wait) => {
    await using world = await setUp(options);
    const controller = new AbortController();
    const stream = world.context.open("get");
    const asked = caught(stream.request({ signal: controller.signal }));
    await world.run(wait);
    controller.abort("enough");

    expect(await asked).toBe("enough");
    expect(world.context.inspect().connections).toEqual([]);
    expect((await world.until(stream.request())).status).toBe(200);
  });

  test("a signal ends it between attempts", async () => {
    await using world = await setUp();
    world.server.refuse();
    const controller = new AbortController();
    const asked = caught(world.context.open("get").request({ signal: controller.signal }));
    await world.run(500);
    controller.abort("enough");

    expect(await asked).toBe("enough");
    await world.run(60_000);
    expect(world.server.attempts).toHaveLength(1);
  });

  test("a signal takes it out of the queue and leaves the others", async () => {
    await using world = await setUp();
    const controller = new AbortController();
    const stream = world.context.open("get");
    const first = stream.request();
    const second = caught(stream.request({ signal: controller.signal }));
    const third = stream.request();
    controller.abort("enough");

    expect(await second).toBe("enough");
    await world.until(Promise.all([first, third]));
    expect(world.server.attempts).toHaveLength(2);
  });

  test("a signal ends the payload of the reply", async () => {
    await using world = await setUp({ http: () => ({ payload: ["a"], end: "hang" }) });
    const controller = new AbortController();
    const reply = await world.until(world.context.open("get").request({ signal: controller.signal }));
    const text = caught(reply.text());
    await world.run(10);
    controller.abort("enough");

    expect(await text).toBe("enough");
  });

  test("disconnect() ends the payload of the reply, and nothing is asked again", async () => {
    let asked = 0;
    await using world = await setUp({
      http: () => {
        asked += 1;
        return { payload: ["a"], end: "hang" };
      },
    });
    const stream = world.context.open("get");
    const reply = await world.until(stream.request());
    stream.disconnect();

    expect(await world.until(caught(reply.text()))).toMatchObject({ code: "closed" });
    await world.run(60_000);
    expect([asked, stream.state]).toEqual([1, "disconnected"]);
  });

  test("a signal that fires when all is over does nothing", async () => {
    await using world = await setUp({ http: () => ({ payload: "a" }) });
    const controller = new AbortController();
    const reply = await world.until(world.context.open("get").request({ signal: controller.signal }));
    await world.run(10);
    controller.abort();

    expect(await reply.text()).toBe("a");
  });

  test("the timeout counts from the call, retries and queue included", async () => {
    await using world = await setUp({ http: () => ({ after: 800 }) });
    const stream = world.context.open("get");
    const first = stream.request();
    const second = caught(stream.request({ timeout: 1000 }));

    expect((await world.until(first)).status).toBe(200);
    expect(await world.until(second)).toMatchObject({
      code: "timeout",
      message: "No complete answer within 1000 ms",
    });
    expect(world.clock.now()).toBe(1000);
  });

  test("a timeout of 0 or Infinity is none, and what is no span is refused", async () => {
    await using world = await setUp({ http: () => ({ after: 80_000_000 }) });
    const stream = world.context.open("get");
    const asked = [0, Number.POSITIVE_INFINITY].map((timeout) => stream.request({ timeout }));

    expect((await world.until(asked[0] as Promise<Reply>)).status).toBe(200);
    for (const timeout of [Number.NaN, -1]) {
      expect(() => stream.request({ timeout })).toThrow("is not a number of milliseconds");
      expect(() => stream.timeout(timeout)).toThrow("is not a number of milliseconds");
    }
    stream.close();
    await expect(asked[1]).rejects.toMatchObject({ code: "closed" });
  });

  test("the timeout of the policy holds where the caller gives none", async () => {
    await using world = await setUp();
    world.server.silence();

    expect(await world.until(caught(world.context.open("limited").request()))).toMatchObject({
      code: "timeout",
    });
    expect(world.clock.now()).toBe(500);
    expect(world.trace.entries.at(-1)).toMatchObject({ state: "unreachable", reason: { code: "timeout" } });
  });

  test("one that is late behind another is no failure of that one", async () => {
    await using world = await setUp();
    world.server.silence();
    const stream = world.context.open("get");
    const first = caught(stream.request({ timeout: 500 }));
    const second = caught(stream.request({ timeout: 100 }));

    expect(await world.until(second)).toMatchObject({ message: "No complete answer within 100 ms" });
    expect(await world.until(first)).toMatchObject({ message: "No complete answer within 500 ms" });
  });

  test("a timeout enters the state `timeout`, and tells what failed last", async () => {
    await using world = await setUp();
    world.server.refuse();
    const stream = world.context.open("limited");
    const error = await world.until(caught(stream.request({ timeout: 1500 })));

    const message =
      "No complete answer within 1500 ms; the last failure (tcp): The peer refused the connection";
    expect(error).toMatchObject({
      code: "timeout",
      layer: "tcp",
      message,
      cause: { code: "connection-refused", layer: "tcp", streamtype: "limited" },
    });
    expect(world.trace.states().slice(-4)).toEqual(["unreachable", "connecting", "unreachable", "timeout"]);
    expect(world.trace.entries.at(-1)).toMatchObject({ reason: { code: "timeout", layer: "tcp", message } });
  });

  test("a timeout that nothing failed before is of http, and the attempt under way ends", async () => {
    await using world = await setUp({ http: () => ({ payload: ["a"], end: "hang" }) });
    world.server.refuse();
    const stream = world.context.open("get");
    const first = caught(stream.request());
    await world.run(10_000);
    world.server.restore();
    const reply = await world.until(stream.request({ timeout: 500 }));
    const error = await world.until(caught(reply.text()));

    expect(await first).toMatchObject({ code: "all-retries-failed" });
    expect(error).toMatchObject({
      layer: "http",
      message: "No complete answer within 500 ms",
    });
    expect(error).not.toHaveProperty("cause");
    expect(world.trace.states().slice(-3)).toEqual(["connected", "timeout", "disconnected"]);
  });

  test("on a nailed-up stream ends the transaction and not the polling", async () => {
    await using world = await setUp();
    world.server.silence();
    const stream = world.context.open("polled");
    expect(await world.until(caught(stream.request({ timeout: 500 })))).toMatchObject({ code: "timeout" });
    world.server.restore();
    await world.run(60_000);

    expect(world.trace.states()).toContain("qos-ack-remote");
  });

  test("close() rejects everything that is under way and waits", async () => {
    await using world = await setUp({ http: () => ({ after: 1000 }) });
    const stream = world.context.open("get");
    const errors = Promise.all([caught(stream.request()), caught(stream.request())]);
    await world.run(10);
    stream.close();

    expect(await errors).toMatchObject([{ code: "closed" }, { code: "closed" }]);
    await expect(stream.request()).rejects.toMatchObject({ code: "closed" });
  });
});

describe("a nailed-up transaction", () => {
  test("is repeated with the policy's waits, and its answers are read by iteration", async () => {
    let count = 0;
    await using world = await setUp({ http: () => ({ payload: `answer ${++count}` }) });
    const stream = world.context.open("polled");
    await world.run(3500);

    const texts: string[] = [];
    for await (const message of stream) if (texts.push(message.text()) === 4) break;
    expect(texts).toEqual(["answer 1", "answer 2", "answer 3", "answer 4"]);
  });

  test("never gives the answer of a poll to a caller", async () => {
    await using world = await setUp({ http: ({ method }) => ({ payload: method, after: 300 }) });
    const stream = world.context.open("polled");
    await world.run(10);

    const reply = await world.until(stream.request({ payload: "x" }));

    expect(await world.until(reply.text())).toBe("POST");
  });

  test("does not wait for its turn when somebody asks", async () => {
    await using world = await setUp();
    const stream = world.context.open("polled");
    await world.run(100);
    await world.until(stream.request());

    expect(world.clock.now()).toBe(102);
  });

  test("waits for its turn during an outage, whoever asks", async () => {
    await using world = await setUp();
    world.server.refuse();
    const stream = world.context.open("polled");
    await world.run(100);
    const asked = caught(stream.request());
    await world.run(100);
    expect(world.server.attempts).toEqual([0]);
    await world.until(asked);
  });
});

describe("a reply", () => {
  test("holds the peer back while nobody reads", async () => {
    const payload = Array.from({ length: 50 }, (_, index) => String(index).padStart(4, "0"));
    await using world = await setUp({ http: () => ({ payload }) });
    const stream = world.context.open("small");
    const reply = await world.until(stream.request());
    await world.run(1000);
    expect(stream.state).toBe("connected");

    const parts: string[] = [];
    const reading = (async () => {
      for await (const piece of reply.payload) parts.push(new TextDecoder().decode(piece));
    })();
    await world.until(reading);

    expect(parts).toEqual(payload);
  });

  test("is collected once, whoever asks again is told", async () => {
    await using world = await setUp({ http: () => ({ headers: { "X-Kind": "test" }, payload: ["a", "b"] }) });
    const reply = await world.until(world.context.open("get").request());
    const first = reply.text();
    const second = caught(reply.text());

    expect(await world.until(first)).toBe("ab");
    expect(await second).toMatchObject({ name: "UsageError", message: expect.stringContaining("before") });
    expect(await caught(reply.bytes())).toMatchObject({ name: "UsageError" });
    expect([reply.header("X-KIND:"), reply.header("x-kind")]).toEqual(["test", "test"]);

    const dropped = await world.until(world.context.open("get").request());
    dropped.discard();
    expect(await caught(dropped.text())).toMatchObject({ name: "UsageError" });
  });

  test("that is discarded lets the next transaction begin", async () => {
    const payload = Array.from({ length: 50 }, () => "0000");
    await using world = await setUp({ http: () => ({ payload }) });
    const stream = world.context.open("small");
    (await world.until(stream.request())).discard();

    expect((await world.until(stream.request())).status).toBe(200);
  });

  test("that is left early lets the next transaction begin", async () => {
    const payload = Array.from({ length: 50 }, () => "0000");
    await using world = await setUp({ http: () => ({ payload }) });
    const stream = world.context.open("small");
    const reply = await world.until(stream.request());
    for await (const piece of reply.payload) if (piece.length > 0) break;

    expect((await world.until(stream.request())).status).toBe(200);
  });

  test("is not collected beyond its limit", async () => {
    await using world = await setUp({ http: () => ({ payload: "12345" }) });
    const reply = await world.until(world.context.open("get").request());

    expect(await world.until(caught(reply.bytes(4)))).toMatchObject({ code: "queue-full" });
  });
});

describe("context.request()", () => {
  test("is one transaction on a stream of its own", async () => {
    await using world = await setUp({ http: () => ({ payload: "a" }) });

    const reply = await world.until(world.context.request("get"));

    expect(await world.until(reply.text())).toBe("a");
    await world.run(10);
    expect(world.context.inspect().streams).toEqual([]);
    expect(world.trace.states().at(-1)).toBe("destroying");
  });

  test("leaves nothing behind when it fails", async () => {
    await using world = await setUp();
    world.server.refuse();

    expect(await world.until(caught(world.context.request("get")))).toMatchObject({
      code: "all-retries-failed",
    });
    expect(await caught(world.context.request("ws"))).toMatchObject({ code: "usage" });
    expect(world.context.inspect().streams).toEqual([]);
  });

  test("of a nailed-up streamtype is one transaction, too", async () => {
    await using world = await setUp();
    await (await world.until(world.context.request("polled"))).text();
    await world.run(60_000);

    expect(world.server.attempts).toHaveLength(1);
  });
});

async function setUp(options: PeerOptions = {}) {
  const simulation = await createSimulation({ policy: POLICY });
  return Object.assign(simulation, { server: simulation.peer("peer:80", options) });
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

/** What a promise rejects with. */
function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
}
