import { type ClientSettings, checkSettings, DEFAULT_SETTINGS } from "../../dhcp/index.ts";

/** Settings of a DHCP client; all but the interface have defaults. */
export interface DhcpClientOptions extends Partial<Omit<ClientSettings, "unicast">> {
  /** As `ip link` shows it: `eth0`. */
  readonly interface: string;
  /** Put address, routes and MTU on the interface; default true. Without it the lease is only kept and told. */
  readonly configure?: boolean;
  /** Metric of the routes: the lowest of several interfaces is used; default 1024. */
  readonly metric?: number;
  /** Remembers the lease over a restart, so that the same address is asked for. */
  readonly leaseFile?: string;
  /** Name servers and search list are written here while there is a lease, and what stood there is put back after it. */
  readonly resolvConf?: string;
}

export const DEFAULT_METRIC = 1024;

/** The settings of the machine. Throws UsageError where one cannot be sent. */
export function settingsOf(options: DhcpClientOptions): ClientSettings {
  const { interface: _, configure = true, metric: __, leaseFile: ___, resolvConf: ____, ...rest } = options;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  // An address that is not on the interface cannot send a datagram.
  const settings: ClientSettings = {
    ...DEFAULT_SETTINGS,
    ...given,
    unicast: configure ? "datagrams" : "packets",
  };
  checkSettings(settings);
  return settings;
}
