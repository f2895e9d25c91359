import { concat } from "../lib/bytes.ts";

/** What stands in option 61. */
export type ClientIdChoice =
  /** An IAID from the hardware address and a DUID-LL (RFC 4361, 6.1). */
  | { readonly type: "duid" }
  /** An IAID from the hardware address and a DUID-UUID of these 16 bytes (RFC 6355). */
  | { readonly type: "uuid"; readonly uuid: Uint8Array }
  /** Hardware type and address, as RFC 2132 has it. */
  | { readonly type: "mac" }
  /** These bytes, type included. */
  | { readonly type: "given"; readonly bytes: Uint8Array };

const ETHERNET = Uint8Array.of(1);
/** Type 255: IAID and DUID follow. */
const NODE_SPECIFIC = Uint8Array.of(255);
const DUID_LL = Uint8Array.of(0, 3, 0, 1);
const DUID_UUID = Uint8Array.of(0, 4);

/** The bytes of option 61 for an interface. */
export function clientId(choice: ClientIdChoice, hardwareAddress: Uint8Array): Uint8Array {
  const iaid = hardwareAddress.subarray(2);
  switch (choice.type) {
    case "duid":
      return concat([NODE_SPECIFIC, iaid, DUID_LL, hardwareAddress]);
    case "uuid":
      return concat([NODE_SPECIFIC, iaid, DUID_UUID, choice.uuid]);
    case "mac":
      return concat([ETHERNET, hardwareAddress]);
    default:
      return choice.bytes;
  }
}
