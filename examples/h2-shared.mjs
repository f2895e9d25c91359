// Several streams on one HTTP/2 session: each sensor is read by a stream of its own, all at the same time. Endpoint,
// trust and credentials are the same, so they share one connection without the program asking for it.
import { createContext } from "secure-streams";

const context = await createContext({ policy: new URL("policy.jsonc", import.meta.url) });
// An overlay changes endpoints, ports or trust in the field, without touching the program.
if (process.env.OVERLAY) context.overlay(process.env.OVERLAY);

const sensors = ["boiler", "cellar", "garden", "roof"];
const streams = sensors.map((sensor) => context.open("reading", { metadata: { sensor } }));
try {
  const replies = await Promise.all(streams.map((stream) => stream.request()));
  for (const [index, reply] of replies.entries()) console.log(`${sensors[index]}: ${await reply.text()}`);

  const { connections } = context.inspect();
  console.log(`${streams.length} streams, ${connections.length} connection`);
} finally {
  await context.close();
}
