import { readdirSync, readFileSync } from "node:fs";
import type { ServerHttp2Session } from "node:http2";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { secure, startBroker, startH2, startHttps, startWs, TRUST } from "../loopback-peers.ts";
import { Program, run } from "../program.ts";

beforeAll(requireBuilt, 120_000);

describe("the examples", () => {
  test("are five programs of under 40 lines each", () => {
    const names = readdirSync(`${ROOT}examples`).filter((name) => name.endsWith(".mjs"));

    expect(names).toHaveLength(5);
    for (const name of names) {
      expect(readFileSync(`${ROOT}examples/${name}`, "utf8").split("\n").length, name).toBeLessThan(40);
    }
  });

  test("telemetry-mqtt sends readings that the broker receives and acknowledges", async () => {
    const peer = await startBroker();
    const received: string[] = [];
    peer.broker.on("publish", ({ topic, payload, qos }, client) => {
      if (client !== null) received.push(`${topic} ${payload} qos ${qos}`);
    });

    const { code, stdout } = await run(example("telemetry-mqtt"), [], overlaid("telemetry", peer.port));

    expect(code).toBe(0);
    expect(lines(stdout)).toEqual([
      "reading 1 acknowledged by the peer",
      "reading 2 acknowledged by the peer",
      "reading 3 acknowledged by the peer",
    ]);
    expect(received).toEqual([
      'plant/roof-3/telemetry {"number":1,"celsius":20.5} qos 1',
      'plant/roof-3/telemetry {"number":2,"celsius":21} qos 1',
      'plant/roof-3/telemetry {"number":3,"celsius":21.5} qos 1',
    ]);
  });

  test("config-https prints the configuration and its version", async () => {
    const asked: string[] = [];
    const peer = await startHttps((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.setHeader("etag", "v42").end('{"interval":5}');
    });

    const { code, stdout } = await run(example("config-https"), [], overlaid("config", peer.port));

    expect(code).toBe(0);
    expect(asked).toEqual(["GET /v1/devices/roof-3/config"]);
    expect(lines(stdout)).toEqual(["version v42 { interval: 5 }"]);
  });

  test("config-https says why there is no configuration", async () => {
    const peer = await startHttps((_, response) => response.writeHead(404).end("no such device"));

    const refused = await run(example("config-https"), [], overlaid("config", peer.port));
    await peer.stop();
    const unreachable = await run(example("config-https"), [], overlaid("config", peer.port));

    expect(refused).toMatchObject({ code: 1, stderr: "The server answered 404: no such device\n" });
    expect(unreachable.code).toBe(1);
    expect(unreachable.stderr).toMatch(
      /^No configuration: All 3 attempts of "config" failed; .* \[all-retries-failed\]\n$/,
    );
  });

  test("h2-shared reads four sensors over one connection", async () => {
    const sessions: ServerHttp2Session[] = [];
    const peer = await startH2((stream, path) => {
      stream.respond({ ":status": 200 });
      stream.end(path);
    }, sessions);

    const { code, stdout } = await run(example("h2-shared"), [], overlaid("reading", peer.port));

    expect(code).toBe(0);
    expect(lines(stdout)).toEqual([
      "boiler: /v1/sensors/boiler",
      "cellar: /v1/sensors/cellar",
      "garden: /v1/sensors/garden",
      "roof: /v1/sensors/roof",
      "4 streams, 1 connection",
    ]);
    expect(sessions).toHaveLength(1);
  });

  test("recovery tells the outage and ends when the stream is back", async () => {
    const peer = await startBroker();
    const program = new Program(example("recovery"), [], overlaid("telemetry", peer.port));
    await program.wrote(/^connected$/m);

    await peer.stop();
    await program.wrote(/^unreachable: .*; attempt \d+ in \d+\.\d s$/m);
    await peer.restart();
    const { code, stdout } = await program.ended;

    expect(code).toBe(0);
    expect(stdout).toMatch(/^disconnected: .* \[(tcp|mqtt): [a-z-]+\]; attempt 2 in 0\.\d s$/m);
    expect(lines(stdout).filter((line) => line === "connected")).toHaveLength(2);
    expect(lines(stdout).at(-1)).toBe("recovered");
  });

  test("recovery ends on SIGTERM", async () => {
    const peer = await startBroker();
    const program = new Program(example("recovery"), [], overlaid("telemetry", peer.port));
    await program.wrote(/^connected$/m);

    program.kill("SIGTERM");

    const { code, stdout } = await program.ended;
    expect(code).toBe(0);
    expect(lines(stdout).at(-1)).toBe("stopped");
  });

  test("control-ws obeys commands, also after the peer was away, until told to stop", async () => {
    const answers: string[] = [];
    let connections = 0;
    const peer = await startWs((socket) => {
      connections += 1;
      socket.send(connections === 1 ? "blink" : "stop");
      socket.on("message", (data) => {
        answers.push(String(data));
        if (connections === 1) socket.terminate();
      });
    });

    const { code, stdout } = await run(example("control-ws"), [], overlaid("control", peer.port));

    expect(code).toBe(0);
    expect(lines(stdout)).toEqual(['obeying "blink"', 'obeying "stop"', "stopped"]);
    expect(answers).toEqual(["done: blink", "done: stop"]);
  });

  test("control-ws ends on SIGINT", async () => {
    const peer = await startWs(() => {});
    const program = new Program(example("control-ws"), [], overlaid("control", peer.port));
    await program.wrote(/^control: connected/m);

    program.kill("SIGINT");

    const { code, stdout } = await program.ended;
    expect(code).toBe(0);
    expect(lines(stdout)).toEqual(["stopped"]);
  });
});

function example(name: string): string {
  return `${ROOT}examples/${name}.mjs`;
}

/** The environment that points a streamtype of the examples' policy to a peer of this test. */
function overlaid(streamtype: string, port: number): { readonly env: { readonly OVERLAY: string } } {
  return { env: { OVERLAY: JSON.stringify({ ...TRUST, streams: { [streamtype]: secure(port) } }) } };
}

function lines(text: string): string[] {
  return text.trimEnd().split("\n");
}
