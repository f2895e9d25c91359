// Configuration over HTTPS: one transaction, its answer as JSON, and what to do when there is none.
import { createContext, SecureStreamsError } from "secure-streams";

const context = await createContext({ policy: new URL("policy.jsonc", import.meta.url) });
// An overlay changes endpoints, ports or trust in the field, without touching the program.
if (process.env.OVERLAY) context.overlay(process.env.OVERLAY);

try {
  const reply = await context.request("config", { metadata: { device: "roof-3" } });
  if (reply.ok) {
    console.log(`version ${reply.metadata.version}`, await reply.json());
  } else {
    console.error(`The server answered ${reply.status}: ${await reply.text()}`);
    process.exitCode = 1;
  }
} catch (error) {
  // The policy's retries are used up, or its timeout has passed: go on with the configuration of yesterday.
  if (!(error instanceof SecureStreamsError)) throw error;
  console.error(`No configuration: ${error.message} [${error.code}]`);
  process.exitCode = 1;
} finally {
  await context.close();
}
