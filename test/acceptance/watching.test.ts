import { type ChannelListener, subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, onTestFinished, test } from "vitest";
import { createContext, type Logger } from "../../src/index.ts";
import { startHttp, startTcp } from "../loopback-peers.ts";

test("states, connections, messages and policies come over node:diagnostics_channel, and states to the logger", async () => {
  const raw = await startTcp((socket) => void socket.pipe(socket));
  const lines: string[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    lines.push([level, message, "state" in fields ? fields.state : ""].join(" "));
  };
  const logger: Logger = {
    ...{ trace: log("trace"), debug: log("debug"), info: log("info") },
    ...{ warn: log("warn"), error: log("error") },
  };
  const heard = { state: [], connection: [], message: [], policy: [] } as Record<string, unknown[]>;
  for (const [name, messages] of Object.entries(heard)) {
    const listener: ChannelListener = (message) => void messages.push(message);
    subscribe(`secure-streams:${name}`, listener);
    onTestFinished(() => void unsubscribe(`secure-streams:${name}`, listener));
  }
  const context = await createContext({
    policy: { streams: { one: { endpoint: "127.0.0.1", port: raw.port, protocol: "raw" } } },
    logger,
  });
  const stream = context.open("one");
  await stream.send("hello");
  for await (const message of stream) {
    expect(message.text()).toBe("hello");
    break;
  }
  const peer = `127.0.0.1:${raw.port}`;
  const during = context.inspect();
  context.overlay({ streams: { two: { endpoint: "127.0.0.1" } } });
  await context.close();

  expect(heard.state?.map((event) => (event as { state: string }).state)).toEqual([
    ...["creating", "poll", "connecting", "connected", "disconnected", "destroying"],
  ]);
  expect(heard.connection).toMatchObject([
    { type: "opened", protocol: "raw", peer },
    { type: "closed", protocol: "raw", peer },
  ]);
  expect(heard.message).toMatchObject([
    { stream: stream.id, streamtype: "one", outcome: "acknowledged", bytes: 5 },
    { stream: stream.id, streamtype: "one", outcome: "received", bytes: 5 },
  ]);
  expect(heard.policy).toMatchObject([{ revision: 2, changes: { added: ["two"] } }]);
  expect(during).toMatchObject({
    streams: [{ id: stream.id, streamtype: "one", state: "connected", failures: 0 }],
    connections: [{ protocol: "raw", peer, state: "open", streams: 1 }],
  });
  expect(context.inspect()).toEqual({ streams: [], connections: [] });
  expect(lines).toContain("info stream.state connected");
  expect(lines).toContain("debug stream.state connecting");
});

test("no log line and no channel holds what the program keeps secret", async () => {
  const peer = await startHttp((_, response) => void response.writeHead(401).end());
  const lines: string[] = [];
  const log = (fields: object, message: string): void => void lines.push(JSON.stringify([fields, message]));
  const listener: ChannelListener = (message) => void lines.push(JSON.stringify(message));
  for (const name of ["state", "connection", "message", "policy"]) {
    subscribe(`secure-streams:${name}`, listener);
    onTestFinished(() => void unsubscribe(`secure-streams:${name}`, listener));
  }
  const context = await createContext({
    policy: {
      streams: {
        one: {
          ...{ endpoint: "127.0.0.1", port: peer.port, protocol: "h1", http_auth_header: "authorization" },
          metadata: { key: "x-api-key" },
        },
      },
    },
    identity: { auth: "s3cret-token" },
    logger: { trace: log, debug: log, info: log, warn: log, error: log },
  });
  onTestFinished(() => context.close());

  await (await context.request("one", { metadata: { key: "s3cret-key" } })).text();
  await context.close();

  expect(lines.length).toBeGreaterThan(5);
  expect(lines.join("\n")).not.toContain("s3cret");
  expect(JSON.stringify(context.inspect())).not.toContain("s3cret");
});
