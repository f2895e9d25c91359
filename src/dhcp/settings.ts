import { UsageError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { ClientIdChoice } from "./client-id.ts";
import { encodeRequest } from "./request.ts";
import { isDomain } from "./text.ts";

/** What a client does and says; every value is set. */
export interface ClientSettings {
  readonly clientId: ClientIdChoice;
  /** A name with a dot goes out as option 81 (RFC 4702), one without as option 12. */
  readonly hostname: string | undefined;
  readonly vendorClass: Uint8Array | undefined;
  readonly userClass: readonly Uint8Array[];
  /** Codes to ask for beside the usual ones. */
  readonly requestOptions: readonly number[];
  /** Says nothing that could tell who this is (RFC 7844): no names, no memory, the hardware address as identifier. */
  readonly anonymous: boolean;
  /** Take an address from one exchange of two messages (RFC 4039). */
  readonly rapidCommit: boolean;
  /** Ask whether the network wants IPv6 alone, and do as it says (RFC 8925). */
  readonly requestIpv6Only: boolean;
  /** Probe, announce and defend (RFC 5227). */
  readonly conflictDetection: boolean;
  /** How long offers are collected before the best is taken; 0 takes the first good one. */
  readonly waitForOffers: Millis;
  /** Ask for answers by broadcast. */
  readonly broadcast: boolean;
  readonly allowWideRoutes: boolean;
  /** How a renewal goes out: by the system's UDP, which needs the address on the interface, or by packet socket. */
  readonly unicast: "datagrams" | "packets";
}

export const DEFAULT_SETTINGS: ClientSettings = {
  clientId: { type: "duid" },
  hostname: undefined,
  vendorClass: undefined,
  userClass: [],
  requestOptions: [],
  anonymous: false,
  rapidCommit: false,
  requestIpv6Only: false,
  conflictDetection: true,
  waitForOffers: 0,
  broadcast: false,
  allowWideRoutes: false,
  unicast: "datagrams",
};

/** The largest message that fits an Ethernet frame. */
const MOST_BYTES = 1472;

/** Throws UsageError where a setting cannot be sent. */
export function checkSettings(settings: ClientSettings): void {
  const { clientId, hostname, vendorClass, userClass, requestOptions, waitForOffers } = settings;
  if (clientId.type === "given" && !hasLength(clientId.bytes, 2))
    misuse("a client identifier has 2 to 255 bytes");
  if (clientId.type === "uuid" && clientId.uuid.length !== 16) misuse("a UUID has 16 bytes");
  if (hostname !== undefined && !isDomain(hostname)) misuse(`"${hostname}" is no host name`);
  if (vendorClass !== undefined && !hasLength(vendorClass, 1)) misuse("a vendor class has 1 to 255 bytes");
  if (!userClass.every((each) => hasLength(each, 1))) misuse("a user class has 1 to 255 bytes");
  if (!requestOptions.every(isOptionCode)) misuse("the code of an option is 1 to 254");
  if (!(waitForOffers >= 0 && waitForOffers <= 60_000)) misuse("the wait for offers is 0 to 60 000 ms");
  const longest = { type: "request", xid: 0, secs: 0, requested: "0.0.0.0", server: "0.0.0.0" } as const;
  const { length } = encodeRequest(longest, { hardwareAddress: new Uint8Array(6), settings, mtu: 1500 });
  if (length > MOST_BYTES) misuse(`a message would have ${length} bytes, at most ${MOST_BYTES}`);
}

function misuse(why: string): never {
  throw new UsageError(`Cannot make a DHCP client: ${why}`, "usage", "dhcp");
}

function hasLength({ length }: Uint8Array, least: number): boolean {
  return length >= least && length <= 255;
}

function isOptionCode(code: number): boolean {
  return Number.isInteger(code) && code >= 1 && code <= 254;
}
