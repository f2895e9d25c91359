import { Malformed } from "../lib/malformed.ts";
import { type Ipv4, isHost, prefixLengthOf, readIpv4 } from "./address.ts";
import { type LeaseRoute, readClasslessRoutes } from "./classless-routes.ts";
import { readDomainSearch, readFqdn } from "./domain-search.ts";
import type { RawOptions } from "./option-area.ts";
import { hasRightLength, OPTION } from "./option-code.ts";
import { isDomain, isPlain, isUri, safeText } from "./text.ts";

/** Addresses of one kind that are kept; more than that no one asks. */
const MAX_ADDRESSES = 16;

/** What files, `TZ` (POSIX, 8.3) and time zones are called; nothing that a shell would act upon. */
const FILE = /^[A-Za-z0-9._/:@%+,=~\\ -]+$/;
const TZ = /^[A-Za-z0-9+,./:<>-]+$/;
const ZONE = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/;

/** Without these a reply means nothing, so that one of a wrong length spoils it all. */
const ESSENTIAL: ReadonlySet<number> = new Set([
  OPTION.subnetMask,
  OPTION.leaseTime,
  OPTION.messageType,
  OPTION.serverId,
]);

/** The options of a server's message, each as a value. Addresses are those of hosts; text is safe to print. */
export interface Options {
  readonly messageType: number | undefined;
  readonly server: Ipv4 | undefined;
  readonly leaseSeconds: number | undefined;
  readonly renewalSeconds: number | undefined;
  readonly rebindingSeconds: number | undefined;
  readonly prefixLength: number | undefined;
  readonly broadcast: Ipv4 | undefined;
  readonly routers: readonly Ipv4[];
  readonly routes: readonly LeaseRoute[] | undefined;
  readonly dnsServers: readonly Ipv4[];
  readonly ntpServers: readonly Ipv4[];
  readonly hostname: string | undefined;
  readonly fqdn: string | undefined;
  readonly domainName: string | undefined;
  readonly searchDomains: readonly string[];
  readonly mtu: number | undefined;
  readonly message: string | undefined;
  readonly clientId: Uint8Array | undefined;
  readonly isRapid: boolean;
  readonly ipv6OnlySeconds: number | undefined;
  readonly captivePortal: string | undefined;
  readonly tftpServer: string | undefined;
  readonly bootFile: string | undefined;
  readonly posixTimezone: string | undefined;
  readonly timezone: string | undefined;
  readonly vendorSpecific: Uint8Array | undefined;
  readonly wpad: string | undefined;
  /** What was wrong with options that a lease can do without; they are left out above. */
  readonly doubts: readonly string[];
}

/** Reads options; throws Malformed where an essential one is broken. */
export function readOptions(raw: RawOptions): Options {
  const reader = new Reader(raw);
  return {
    messageType: raw.get(OPTION.messageType)?.[0],
    server: reader.server(),
    leaseSeconds: reader.uint(OPTION.leaseTime),
    renewalSeconds: reader.uint(OPTION.renewalTime),
    rebindingSeconds: reader.uint(OPTION.rebindingTime),
    prefixLength: reader.prefixLength(),
    broadcast: reader.address(OPTION.broadcast),
    routers: reader.addresses(OPTION.router),
    routes: reader.tried(OPTION.classlessRoutes, readClasslessRoutes),
    dnsServers: reader.addresses(OPTION.dnsServer),
    ntpServers: reader.addresses(OPTION.ntpServer),
    hostname: reader.text(OPTION.hostname, isDomain),
    fqdn: reader.tried(OPTION.fqdn, readFqdn),
    domainName: reader.text(OPTION.domainName, isDomain),
    searchDomains: reader.tried(OPTION.domainSearch, readDomainSearch) ?? [],
    mtu: reader.uint(OPTION.mtu),
    message: reader.message(),
    clientId: raw.get(OPTION.clientId),
    isRapid: reader.value(OPTION.rapidCommit) !== undefined,
    ipv6OnlySeconds: reader.uint(OPTION.ipv6OnlyPreferred),
    captivePortal: reader.text(OPTION.captivePortal, isUri),
    tftpServer: reader.text(OPTION.tftpServer, isDomain),
    bootFile: reader.text(OPTION.bootFile, (text) => FILE.test(text)),
    posixTimezone: reader.text(OPTION.posixTimezone, (text) => TZ.test(text)),
    timezone: reader.text(OPTION.timezone, (text) => ZONE.test(text)),
    vendorSpecific: reader.vendorSpecific(),
    wpad: reader.text(OPTION.wpad, isUri),
    doubts: reader.doubts,
  };
}

class Reader {
  readonly doubts: string[] = [];
  readonly #options: RawOptions;

  constructor(options: RawOptions) {
    this.#options = options;
    for (const [code, { length }] of options) {
      if (hasRightLength(code, length)) continue;
      if (ESSENTIAL.has(code)) throw new Malformed(`Option ${code} has ${length} bytes`);
      this.#doubt(code, `has ${length} bytes`);
    }
  }

  /** The bytes of an option of the right length. */
  value(code: number): Uint8Array | undefined {
    const value = this.#options.get(code);
    return value !== undefined && hasRightLength(code, value.length) ? value : undefined;
  }

  uint(code: number): number | undefined {
    return this.value(code)?.reduce((sum, byte) => sum * 256 + byte, 0);
  }

  server(): Ipv4 | undefined {
    const value = this.value(OPTION.serverId);
    if (value === undefined) return undefined;
    const server = readIpv4(value);
    if (!isHost(server)) throw new Malformed(`The server identifier is "${server}"`);
    return server;
  }

  prefixLength(): number | undefined {
    const mask = this.value(OPTION.subnetMask);
    if (mask === undefined) return undefined;
    const length = prefixLengthOf(readIpv4(mask));
    if (length === undefined || length < 8) throw new Malformed(`The subnet mask is "${readIpv4(mask)}"`);
    return length;
  }

  address(code: number): Ipv4 | undefined {
    const value = this.value(code);
    return value === undefined ? undefined : readIpv4(value);
  }

  addresses(code: number): readonly Ipv4[] {
    const value = this.value(code) ?? new Uint8Array(0);
    const all = Array.from({ length: value.length / 4 }, (_, index) => readIpv4(value, index * 4));
    const hosts = all.filter(isHost);
    if (hosts.length < all.length) this.#doubt(code, "has an address that no host can have");
    if (hosts.length > MAX_ADDRESSES) this.#doubt(code, `has ${hosts.length} addresses`);
    return hosts.slice(0, MAX_ADDRESSES);
  }

  text(code: number, isRight: (text: string) => boolean): string | undefined {
    const value = this.value(code);
    if (value === undefined) return undefined;
    const text = safeText(value);
    if (isPlain(value) && isRight(text)) return text;
    this.#doubt(code, `is no such text: "${text}"`);
    return undefined;
  }

  /** What the server says to people: escaped, and kept. */
  message(): string | undefined {
    const value = this.value(OPTION.message);
    if (value === undefined) return undefined;
    if (!isPlain(value)) this.#doubt(OPTION.message, "has control characters");
    return safeText(value);
  }

  /** Option 43: encapsulated options by RFC 2132, 8.4; handed on as they are. */
  vendorSpecific(): Uint8Array | undefined {
    const value = this.value(OPTION.vendorSpecific);
    if (value !== undefined && !isEncapsulated(value)) {
      this.#doubt(OPTION.vendorSpecific, "is no list of options");
    }
    return value;
  }

  tried<Value>(code: number, read: (bytes: Uint8Array) => Value): Value | undefined {
    const value = this.value(code);
    if (value === undefined) return undefined;
    try {
      return read(value);
    } catch (error) {
      this.#doubt(code, `is malformed: ${(error as Malformed).message}`);
      return undefined;
    }
  }

  #doubt(code: number, fault: string): void {
    this.doubts.push(`Option ${code} ${fault}`);
  }
}

function isEncapsulated(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at];
    if (code === 255) return true;
    const length = bytes[at + 1];
    if (code === 0) at += 1;
    else if (length === undefined || at + 2 + length > bytes.length) return false;
    else at += 2 + length;
  }
  return true;
}
