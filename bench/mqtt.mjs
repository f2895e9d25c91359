// mqtt publish with QoS 1, 128 bytes, 64 in flight, against mosquitto.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { createContext } from "../dist/index.js";
import { compare, inFlight, OURS } from "./_harness.mjs";

const WIDTH = 64;
const folder = mkdtempSync(join(tmpdir(), "bench-mqtt-"));
const port = await freePort();
writeFileSync(
  join(folder, "m.conf"),
  `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nset_tcp_nodelay true\n`,
);
const broker = spawn("mosquitto", ["-c", join(folder, "m.conf")], {
  stdio: "ignore",
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
});
await listening(port);

const payload = Buffer.alloc(128, "x");
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
const context = await createContext({
  policy: {
    streams: {
      publish: {
        endpoint: "127.0.0.1",
        port,
        protocol: "mqtt",
        mqtt_topic: "bench/t",
        mqtt_qos: 1,
        mqtt_clean_start: true,
      },
    },
  },
});
const stream = context.open("publish");
stream.connect();
await stream.reached("connected");

await compare(
  "mqtt QoS 1, 128 B, 64 in flight, mosquitto",
  [
    {
      name: "mqtt.js",
      run: (count) => inFlight(WIDTH, count, () => client.publishAsync("bench/t", payload, { qos: 1 })),
    },
    { name: OURS, run: (count) => inFlight(WIDTH, count, () => stream.send(payload)) },
  ],
  { count: 10_000, rounds: 41, baseline: "mqtt.js", bounds: [{ peer: "mqtt.js", atMost: 1 }] },
);

await context.close();
await client.endAsync(true);
broker.kill();
rmSync(folder, { recursive: true, force: true });
process.exit(0);

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
}

async function listening(at) {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise((resolve) => {
      const socket = connect(at, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("mosquitto does not listen");
}
