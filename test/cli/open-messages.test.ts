import { beforeAll, describe, expect, test } from "vitest";
import { requireBuilt } from "../built.ts";
import { closedPort, plain, secure, startBroker, startTcp, startWs, TRUST } from "../loopback-peers.ts";
import { cli, events, fileOf, policyOf, startCli, states } from "./policies.ts";

beforeAll(requireBuilt, 120_000);

const MQTT = { protocol: "mqtt", mqtt_qos: 1, nailed_up: true };

describe("open over mqtt", () => {
  test("sends each line of stdin and leaves when all are acknowledged", async () => {
    const peer = await startBroker();
    const published: string[] = [];
    peer.broker.on("publish", ({ topic, payload }, client) => {
      if (client !== null) published.push(`${topic}: ${payload}`);
    });
    const policy = policyOf({ ...MQTT, ...secure(peer.port), mqtt_topic: "out" }, TRUST);

    const { code, stdout } = await cli(["open", "it", "--policy", policy], { stdin: "one\ntwo\nthree" });

    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(published).toEqual(["out: one", "out: two", "out: three"]);
  });

  test("gives what arrives on stdout, a line each, and leaves after --count", async () => {
    const peer = await startBroker(false);
    const policy = policyOf({ ...MQTT, ...plain(peer.port), mqtt_topic: "echo", mqtt_subscribe: "echo" });

    const { code, stdout } = await cli(["open", "it", "--policy", policy, "--count", "2"], {
      stdin: "one\ntwo\n",
    });

    expect({ code, stdout }).toEqual({ code: 0, stdout: "one\ntwo\n" });
  });

  test("leaves after --count although stdin stays open", async () => {
    const peer = await startBroker(false);
    const policy = policyOf({ ...MQTT, ...plain(peer.port), mqtt_topic: "echo", mqtt_subscribe: "echo" });
    const program = startCli(["open", "it", "--policy", policy, "--count", "1"], { stdin: { open: true } });

    program.child.stdin?.write("one\n");

    expect(await program.ended).toMatchObject({ code: 0, stdout: "one\n" });
  });

  test("tells a message with its topic with --json", async () => {
    const peer = await startBroker(false);
    const policy = policyOf({ ...MQTT, ...plain(peer.port), mqtt_topic: "a/b", mqtt_subscribe: "a/#" });

    const { stdout } = await cli([
      "open",
      "it",
      "--policy",
      policy,
      "--count",
      "1",
      "--data",
      "hi",
      "--json",
    ]);

    expect(events(stdout).filter(({ event }) => event === "message")).toEqual([
      {
        event: "message",
        at: expect.any(String),
        start: true,
        end: true,
        encoding: "utf8",
        data: "hi",
        metadata: { topic: "a/b" },
      },
    ]);
  });

  test("delivers what was sent while the broker was away", async () => {
    const peer = await startBroker(false);
    await peer.stop();
    const published: string[] = [];
    peer.broker.on("publish", ({ payload }, client) => {
      if (client !== null) published.push(String(payload));
    });
    const patient = { retry: { twice: { backoff: [50], conceal: 65_535, jitterpc: 0 } } };
    const policy = policyOf({ ...MQTT, ...plain(peer.port), mqtt_topic: "out" }, patient);
    const program = startCli(["open", "it", "--policy", policy, "--data", "late"]);
    await program.wrote(/^it: unreachable/m);

    await peer.restart();

    expect(await program.ended).toMatchObject({ code: 0 });
    expect(published).toEqual(["late"]);
  });

  test("exits with 3 when the broker stays away, and says so as an event", async () => {
    const policy = policyOf({ ...MQTT, ...plain(await closedPort()), mqtt_topic: "out" });

    const { code, stdout } = await cli(["open", "it", "--policy", policy, "--data", "x", "--json"]);

    expect(code).toBe(3);
    expect(states(stdout)).toContain("all-retries-failed");
    expect(events(stdout).at(-1)).toMatchObject({ event: "error", code: "all-retries-failed" });
  });

  test("exits with 4 when --timeout passes, although stdin stays open", async () => {
    const peer = await startTcp(() => {});
    const policy = policyOf({ ...MQTT, ...plain(peer.port), mqtt_topic: "out" });

    const result = await cli(["open", "it", "--policy", policy, "--timeout", "200"], {
      stdin: { open: true },
    });

    expect(result).toMatchObject({ code: 4, stdout: "" });
    expect(result.stderr).toContain("Not done within 200 ms");
  });

  test("exits with 130 on SIGINT while something is not acknowledged", async () => {
    const peer = await startTcp(() => {});
    const policy = policyOf({ ...MQTT, ...plain(peer.port), mqtt_topic: "out" });
    const program = startCli(["open", "it", "--policy", policy, "--data", "x"]);
    await program.wrote(/^it: connecting$/m);

    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, stdout: "" });
  });

  test("says farewell to the broker on SIGINT and exits with 0 when nothing was on the way", async () => {
    const peer = await startBroker(false);
    const left = new Promise((resolve) => peer.broker.on("clientDisconnect", resolve));
    const wills: string[] = [];
    peer.broker.on("publish", ({ topic }, client) => {
      if (client !== null || topic === "gone") wills.push(topic);
    });
    const policy = policyOf({
      ...MQTT,
      ...plain(peer.port),
      mqtt_subscribe: "in",
      mqtt_topic: "out",
      mqtt_will_topic: "gone",
      mqtt_will_message: "gone",
    });
    const program = startCli(["open", "it", "--policy", policy], { stdin: { open: true } });
    await program.wrote(/^it: connected$/m);

    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 0, stdout: "" });
    await left;
    expect(wills).toEqual([]);
  });
});

describe("open over ws", () => {
  test("exchanges text and leaves after --count", async () => {
    const peer = await startWs((socket) => {
      socket.on("message", (data) => socket.send(`echo ${data}`));
    });
    const policy = policyOf({ protocol: "ws", ...secure(peer.port), http_url: "chat" }, TRUST);

    const { code, stdout } = await cli(["open", "it", "--policy", policy, "--count", "2"], {
      stdin: "a\nb\n",
    });

    expect({ code, stdout }).toEqual({ code: 0, stdout: "echo a\necho b\n" });
  });

  test("exits with 130 on SIGINT while messages of --count are missing", async () => {
    const peer = await startWs((socket) => socket.send("first"), false);
    const policy = policyOf({ protocol: "ws", nailed_up: true, ...plain(peer.port) });
    const program = startCli(["open", "it", "--policy", policy, "--count", "2"], { stdin: { open: true } });
    await program.wrote(/^first$/m);

    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, stdout: "first\n" });
  });

  test("sends the bytes of a line, whatever they are", async () => {
    const received: Buffer[] = [];
    const peer = await startWs((socket) => {
      socket.on("message", (data) => received.push(data as Buffer));
    }, false);
    const policy = policyOf({ protocol: "ws", ws_binary: true, ...plain(peer.port) });
    const program = startCli(["open", "it", "--policy", policy], { stdin: { open: true } });

    program.child.stdin?.write(Buffer.from([0xff, 0xfe]));
    program.child.stdin?.end(Buffer.from([0x80, 0x0d, 0x0a, 0x0a, 0x61]));

    expect(await program.ended).toMatchObject({ code: 0 });
    expect(received).toEqual([Buffer.from([0xff, 0xfe, 0x80]), Buffer.alloc(0), Buffer.from("a")]);
  });

  test("says so where there was nothing to send", async () => {
    const peer = await startWs(() => {}, false);
    const policy = policyOf({ protocol: "ws", ...plain(peer.port) });

    const { code, stderr } = await cli(["open", "it", "--policy", policy]);

    expect(code).toBe(0);
    expect(stderr).toContain("Nothing was sent: stdin was empty. Give --data TEXT");
  });

  test("sends a file as one message", async () => {
    const received: string[] = [];
    const peer = await startWs((socket) => {
      socket.on("message", (data) => {
        received.push(String(data));
        socket.send("thanks");
      });
    }, false);
    const policy = policyOf({ protocol: "ws", ...plain(peer.port) });
    const file = fileOf("line one\nline two\n", "message.txt");

    const { code } = await cli(["open", "it", "--policy", policy, "--data", `@${file}`, "--count", "1"]);

    expect(code).toBe(0);
    expect(received).toEqual(["line one\nline two\n"]);
  });

  test("keeps a message of many pieces together when it counts", async () => {
    const large = "x".repeat(300_000);
    const peer = await startWs((socket) => {
      socket.send(large);
      socket.send("last");
    }, false);
    const policy = policyOf({ protocol: "ws", ...plain(peer.port), nailed_up: true });

    const { code, stdout } = await cli(["open", "it", "--policy", policy, "--count", "2"]);

    expect(code).toBe(0);
    expect(stdout === `${large}\nlast\n`).toBe(true);
  });
});

describe("open over raw", () => {
  test("sends lines as they are, line ends and bytes that are no text included", async () => {
    const received: Buffer[] = [];
    const peer = await startTcp((socket) => {
      socket.on("data", (bytes) => received.push(bytes));
    });
    const policy = policyOf({ protocol: "raw", ...plain(peer.port) });
    const lines = Buffer.from([0x61, 0x0d, 0x0a, 0xff, 0x00, 0x0a, 0x0a, 0x62]);
    const program = startCli(["open", "it", "--policy", policy], { stdin: { open: true } });

    program.child.stdin?.end(lines);

    expect(await program.ended).toMatchObject({ code: 0 });
    expect(Buffer.concat(received)).toEqual(lines);
  });

  test("exchanges bytes", async () => {
    const peer = await startTcp((socket) => void socket.pipe(socket));
    const policy = policyOf({ protocol: "raw", ...plain(peer.port) });

    const { code, stdout } = await cli(["open", "it", "--policy", policy, "--count", "1", "--data", "ping"]);

    expect({ code, stdout }).toEqual({ code: 0, stdout: "ping" });
  });
});
