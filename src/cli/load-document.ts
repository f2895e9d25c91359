import { createNodePorts } from "../node/index.ts";
import { type Parsed, parsePolicy } from "../policy/index.ts";
import { until } from "./interrupt.ts";

/** The policy at a path or URL, parsed whole, faults and all. Rejects with `policy-unreadable`. */
export async function loadDocument(location: string, strict: boolean, signal: AbortSignal): Promise<Parsed> {
  const ports = createNodePorts();
  try {
    return parsePolicy(await until(signal, ports.readPolicy(location)), { source: location, strict });
  } finally {
    await ports.close();
  }
}
