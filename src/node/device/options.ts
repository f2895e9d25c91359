import type { DhcpClientOptions, Logger, PolicySource } from "../../context/index.ts";
import type { Blobs, HoldableState } from "../../system/index.ts";

/** What a device is to become. */
export interface DeviceOptions {
  /** A path, a URL, JSON text, or an object: what is known before anything can be fetched. */
  readonly policy: PolicySource;
  /** Interfaces to configure by DHCP, or by hand. None: whatever the machine has is used as it is. */
  readonly interfaces?: readonly (string | DhcpClientOptions | StaticInterface)[];
  /** Credentials, serial number, client certificates, time server. Never logged. */
  readonly blobs?: Blobs;
  /** False: the machine's time is right, and nothing waits for it. */
  readonly time?: TimeSettings | false;
  /** False: nobody looks for a captive portal, whatever the policy says. */
  readonly portal?: boolean;
  /** Where the last good fetched policy is kept, so that the next start works offline. */
  readonly policyStore?: string;
  /** False: a connection whose address or route is gone is left to TCP, and only told. Default: true. */
  readonly breaksConnections?: boolean;
  /** How far to go. Default: OPERATIONAL. */
  readonly target?: HoldableState;
  readonly logger?: Logger;
  /** Warnings of the policy are errors. */
  readonly strict?: boolean;
}

/** An interface that is set by hand. */
export interface StaticInterface {
  readonly interface: string;
  /** `192.0.2.10/24` */
  readonly address: string;
  readonly gateway?: string;
  readonly dns?: readonly string[];
  /** Of the default route; default 1024. */
  readonly metric?: number;
}

export interface TimeSettings {
  /** Names or addresses, asked where no lease names others. Default: the blob `ntp-server`, else pool.ntp.org. */
  readonly servers?: readonly string[];
  /** Set the system's clock (CAP_SYS_TIME). Without it the offset is kept, and certificates are judged by it. */
  readonly setsClock?: boolean;
  /** Servers that must agree before the clock jumps by more than ten years. Default: 2. */
  readonly agreement?: number;
  /** The machine's wall clock, in ms since 1970. Default: Date.now. For tests, and for clocks that are kept elsewhere. */
  readonly wall?: () => number;
}

export function isStatic(each: string | DhcpClientOptions | StaticInterface): each is StaticInterface {
  return typeof each === "object" && "address" in each;
}
