import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { requireBuilt } from "../built.ts";
import { startBroker, startHttp, startTcp, startWs } from "../loopback-peers.ts";

beforeAll(requireBuilt, 120_000);

test.skipIf(process.platform === "win32")(
  "without a free file descriptor streams of every protocol wait, say why, and go on when there is one",
  async () => {
    const h1 = await startHttp((_, response) => void response.setHeader("connection", "close").end("hello"));
    const ws = await startWs(() => {}, false);
    const { port: mqtt } = await startBroker(false);
    const raw = await startTcp((socket) => void socket.write("hello"));
    const ports = { h1: h1.port, ws: ws.port, mqtt, raw: raw.port };
    const program = fileURLToPath(new URL("without-descriptors.mjs", import.meta.url));

    const child = spawn("sh", [
      "-c",
      `ulimit -n 256; exec "$0" "$1" "$2"`,
      process.execPath,
      program,
      JSON.stringify(ports),
    ]);
    onTestFinished(() => void child.kill("SIGKILL"));
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    await new Promise((resolve) => child.once("close", resolve));

    expect(JSON.parse(said)).toEqual({
      states: Array(4).fill("unreachable"),
      left: { streams: [], connections: [] },
      active: expect.not.arrayContaining(["Timeout", "TCPSocketWrap", "TLSSocketWrap"]),
    });
  },
);
