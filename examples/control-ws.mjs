// A control channel over WebSocket: obeys commands and answers each, until told to stop or until Ctrl-C. The loop does
// not notice when the connection is lost and made again.
import { createContext } from "secure-streams";

const context = await createContext({ policy: new URL("policy.jsonc", import.meta.url) });
// An overlay changes endpoints, ports or trust in the field, without touching the program.
if (process.env.OVERLAY) context.overlay(process.env.OVERLAY);

const stop = new AbortController();
process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());

const control = context.open("control", { signal: stop.signal });
control.on("state", ({ state, reason }) => console.error(`control: ${state}`, reason?.message ?? ""));

for await (const message of control) {
  const command = message.text();
  console.log(`obeying "${command}"`);
  await control.send(`done: ${command}`);
  if (command === "stop") break;
}

await context.close();
console.log("stopped");
