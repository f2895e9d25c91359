import { concat } from "../lib/bytes.ts";
import { type Ipv4, ipv4Bytes } from "./address.ts";
import { clientId } from "./client-id.ts";
import { encodeMessage, MESSAGE_TYPE } from "./message.ts";
import { OPTION } from "./option-code.ts";
import type { ClientSettings } from "./settings.ts";

/** A message of ours. */
export interface Request {
  readonly type: "discover" | "request" | "decline" | "release" | "inform";
  readonly xid: number;
  readonly secs: number;
  /** Ours already: it can be reached there. */
  readonly ciaddr?: Ipv4 | undefined;
  /** Option 50. */
  readonly requested?: Ipv4 | undefined;
  /** Option 54. */
  readonly server?: Ipv4 | undefined;
}

export interface Sender {
  readonly settings: ClientSettings;
  readonly hardwareAddress: Uint8Array;
  readonly mtu: number;
}

/** Classless routes come before routers (RFC 3442). */
const ASKED = [
  OPTION.subnetMask,
  OPTION.classlessRoutes,
  OPTION.router,
  OPTION.dnsServer,
  OPTION.hostname,
  OPTION.domainName,
  OPTION.mtu,
  OPTION.broadcast,
  OPTION.ntpServer,
  OPTION.renewalTime,
  OPTION.rebindingTime,
  OPTION.posixTimezone,
  OPTION.timezone,
  OPTION.captivePortal,
  OPTION.domainSearch,
];
/** As few as will do, in the order of their numbers but for the routes (RFC 7844, 3.6). */
const ASKED_ANONYMOUSLY = [
  OPTION.subnetMask,
  OPTION.classlessRoutes,
  OPTION.router,
  OPTION.dnsServer,
  OPTION.domainName,
];

/** The server updates the A record, the name is in wire form (RFC 4702, 2.1). */
const FQDN_HEAD = Uint8Array.of(0x05, 0, 0);

/** The bytes of option 61 that this sender uses. */
export function identifierOf({ settings, hardwareAddress }: Omit<Sender, "mtu">): Uint8Array {
  return clientId(settings.anonymous ? { type: "mac" } : settings.clientId, hardwareAddress);
}

/** The payload of the datagram that says it; which option goes where is in RFC 2131, table 5. */
export function encodeRequest(request: Request, sender: Sender): Uint8Array {
  const { settings } = sender;
  const options = new Map<number, Uint8Array>();
  options.set(OPTION.messageType, Uint8Array.of(MESSAGE_TYPE[request.type]));
  options.set(OPTION.clientId, identifierOf(sender));
  if (request.requested !== undefined) options.set(OPTION.requestedAddress, ipv4Bytes(request.requested));
  if (request.server !== undefined) options.set(OPTION.serverId, ipv4Bytes(request.server));
  if (request.type !== "decline" && request.type !== "release") {
    if (!settings.anonymous) describe(options, sender);
    if (request.type === "discover" && settings.rapidCommit) {
      options.set(OPTION.rapidCommit, new Uint8Array(0));
    }
    options.set(OPTION.parameterList, Uint8Array.from(asked(settings)));
  }
  return encodeMessage({
    op: "request",
    xid: request.xid,
    secs: request.secs,
    // What has an address can be answered there.
    isBroadcast: settings.broadcast && request.ciaddr === undefined,
    chaddr: sender.hardwareAddress,
    options,
    ...(request.ciaddr === undefined ? {} : { ciaddr: request.ciaddr }),
  });
}

function describe(options: Map<number, Uint8Array>, { settings, mtu }: Sender): void {
  const { hostname, vendorClass, userClass } = settings;
  const most = Math.min(Math.max(mtu - 28, 576), 1472);
  options.set(OPTION.maxMessageSize, Uint8Array.of(most >> 8, most & 0xff));
  if (vendorClass !== undefined) options.set(OPTION.vendorClass, vendorClass);
  if (userClass.length > 0) {
    options.set(OPTION.userClass, concat(userClass.flatMap((each) => [Uint8Array.of(each.length), each])));
  }
  if (hostname === undefined) return;
  if (hostname.includes(".")) options.set(OPTION.fqdn, concat([FQDN_HEAD, wireName(hostname)]));
  else options.set(OPTION.hostname, ascii(hostname));
}

function asked(settings: ClientSettings): Iterable<number> {
  const codes = new Set<number>(settings.anonymous ? ASKED_ANONYMOUSLY : ASKED);
  if (settings.requestIpv6Only) codes.add(OPTION.ipv6OnlyPreferred);
  for (const code of settings.requestOptions) codes.add(code);
  return codes;
}

function wireName(name: string): Uint8Array {
  const labels = name.replace(/\.$/, "").split(".");
  return concat([...labels.flatMap((each) => [Uint8Array.of(each.length), ascii(each)]), Uint8Array.of(0)]);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
