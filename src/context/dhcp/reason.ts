import { type Reason, SecureStreamsError } from "../../lib/errors.ts";
import type { Link } from "../network-ports.ts";

export const STOPPED: Reason = { layer: "dhcp", code: "closed", message: "The DHCP client was stopped" };

/** `links`: what there is instead. */
export function missing(name: string, links: readonly Link[] = []): Reason {
  const others = links.map((link) => `"${link.name}"`).join(", ");
  return {
    layer: "system",
    code: "interface-missing",
    message: `Cannot configure "${name}": there is no such network interface${others && `, only ${others}`}`,
  };
}

/** What the world refused. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof SecureStreamsError) {
    return { layer: error.layer, code: error.code, message: error.message };
  }
  return { layer: "dhcp", code: "internal", message: error instanceof Error ? error.message : String(error) };
}
