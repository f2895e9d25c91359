// Recovery watched: what a stream tells while its peer goes away and comes back. Stop the broker and start it again;
// the program ends when the stream has recovered once, or on Ctrl-C.
import { createContext } from "secure-streams";

const context = await createContext({ policy: new URL("policy.jsonc", import.meta.url) });
// An overlay changes endpoints, ports or trust in the field, without touching the program.
if (process.env.OVERLAY) context.overlay(process.env.OVERLAY);

const stop = new AbortController();
process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());

const stream = context.open("telemetry", { metadata: { device: "roof-3" }, signal: stop.signal });
let outages = 0;
stream.on("state", ({ state, reason, attempt, retryIn }) => {
  const why = reason === undefined ? "" : `: ${reason.message} [${reason.layer}: ${reason.code}]`;
  const next = retryIn === undefined ? "" : `; attempt ${attempt + 1} in ${(retryIn / 1000).toFixed(1)} s`;
  console.log(`${state}${why}${next}`);
  if (state === "disconnected" && retryIn !== undefined) outages += 1;
  if (state === "connected" && outages > 0) stream.close();
});

await stream.reached("destroying");
await context.close();
console.log(outages > 0 ? "recovered" : "stopped");
