// Five nailed-up streams of a process that has no file descriptor left for a while. Writes what each of them goes through.
import { closeSync, openSync } from "node:fs";
import { createContext } from "../../dist/index.js";

const ports = JSON.parse(process.argv[2]);
const place = { endpoint: "127.0.0.1", nailed_up: true, retry: "quick" };
const streams = Object.entries(ports).map(([name, port]) => [
  name,
  { ...place, port, protocol: name, ...(name === "mqtt" && { mqtt_topic: "t" }) },
]);
const retry = { quick: { backoff: [50], conceal: 65_535, jitterpc: 0 } };
const context = await createContext({ policy: { retry, streams: Object.fromEntries(streams) } });
const opened = Object.keys(ports).map((name) => context.open(name));
await Promise.all(opened.map((stream) => stream.reached("connected")));

const held = [];
function take() {
  for (;;) {
    try {
      held.push(openSync("/dev/null"));
    } catch (error) {
      if (error.code !== "EMFILE") throw error;
      return;
    }
  }
}
take();
// What the streams give back when they hang up is taken, too.
const greedy = setInterval(take, 2);
const waiting = opened.map(
  (stream) =>
    new Promise((resolve) => {
      stream.on("state", ({ state, reason }) => {
        if (reason?.code === "too-many-files") resolve(state);
      });
      stream.disconnect();
    }),
);
const states = await Promise.all(waiting);
clearInterval(greedy);
for (const descriptor of held) closeSync(descriptor);
await Promise.all(opened.map((stream) => stream.reached("connected")));
await context.close();
process.stdout.write(
  `${JSON.stringify({ states, left: context.inspect(), active: process.getActiveResourcesInfo() })}\n`,
);
