import { toHex } from "../lib/bytes.ts";
import type { Reason } from "../lib/errors.ts";
import type { Ipv4 } from "./address.ts";
import type { Lease } from "./lease.ts";
import type { Reply } from "./reply.ts";

export const NO_CARRIER: Reason = {
  layer: "dhcp",
  code: "dhcp-no-carrier",
  message: "The link is down or has no carrier",
};

export function refused({ server, options }: Reply): Reason {
  const words = options.message === undefined ? "" : `: "${options.message}"`;
  return { layer: "dhcp", code: "dhcp-refused", message: `The server ${server} refused the address${words}` };
}

export function expired({ address }: Lease): Reason {
  const message = `The lease of ${address} has ended, and no server extended it`;
  return { layer: "dhcp", code: "dhcp-expired", message };
}

export function conflict(address: Ipv4, hardwareAddress: Uint8Array): Reason {
  const other = toHex(hardwareAddress).replace(/..(?=.)/g, "$&:");
  return { layer: "dhcp", code: "dhcp-conflict", message: `The address ${address} is in use by ${other}` };
}

export function silent(address: Ipv4): Reason {
  const message = `No server answered the request for ${address}`;
  return { layer: "dhcp", code: "dhcp-silent", message };
}

export function ipv6Only(seconds: number): Reason {
  const message = `The network wants no IPv4 for ${seconds} s`;
  return { layer: "dhcp", code: "dhcp-ipv6-only", message };
}
