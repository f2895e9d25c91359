// Telemetry over MQTT: sends a few readings; each send settles when the broker has acknowledged it. While the broker is
// away readings wait, in order, and the stream tries again as the policy says.
import { setTimeout as pause } from "node:timers/promises";
import { createContext } from "secure-streams";

const context = await createContext({
  policy: new URL("policy.jsonc", import.meta.url),
  identity: { mqttClientId: "roof-3" },
});
// An overlay changes endpoints, ports or trust in the field, without touching the program.
if (process.env.OVERLAY) context.overlay(process.env.OVERLAY);

const telemetry = context.open("telemetry", { metadata: { device: "roof-3" } });
telemetry.on("state", ({ state, reason }) => console.error(`telemetry: ${state}`, reason?.message ?? ""));

for (let number = 1; number <= 3; number += 1) {
  const { by } = await telemetry.send(JSON.stringify({ number, celsius: 20 + number / 2 }));
  console.log(`reading ${number} acknowledged by the ${by}`);
  await pause(100);
}

await context.close();
