import { type Reason, SecureStreamsError } from "../../lib/errors.ts";

export const STOPPED: Reason = { layer: "dhcp", code: "closed", message: "The DHCP client was stopped" };

export function missing(name: string): Reason {
  return {
    layer: "system",
    code: "interface-missing",
    message: `Cannot configure "${name}": there is no such network interface`,
  };
}

/** What the world refused. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof SecureStreamsError) {
    return { layer: error.layer, code: error.code, message: error.message };
  }
  return { layer: "dhcp", code: "internal", message: error instanceof Error ? error.message : String(error) };
}
