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

const LASTING: ReadonlySet<string> = new Set(["not-permitted", "interface-missing", "unsupported"]);

/** Whether what the world refused will be refused again: trying later is of no use. */
export function isLasting(error: unknown): boolean {
  return !(error instanceof SecureStreamsError) || LASTING.has(error.code);
}

export function takenAway(name: string): SecureStreamsError {
  return new SecureStreamsError({
    layer: "system",
    code: "network-failed",
    message: `Cannot leave "${name}" as it is: something took away what the lease needs; it was put back`,
  });
}

export function mtuTooSmall(name: string, mtu: number): SecureStreamsError {
  return new SecureStreamsError({
    layer: "system",
    code: "network-failed",
    message: `Cannot set the MTU of "${name}" to ${mtu}: there is IPv6 on it, which needs 1280; that is set`,
  });
}
