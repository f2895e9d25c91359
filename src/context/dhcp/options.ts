import { type ClientSettings, checkSettings, DEFAULT_SETTINGS, parseIpv4 } from "../../dhcp/index.ts";
import { UsageError } from "../../lib/errors.ts";

/** Settings of a DHCP client; all but the interface have defaults. */
export interface DhcpClientOptions extends Partial<Omit<ClientSettings, "unicast">> {
  /** As `ip link` shows it: `eth0`. */
  readonly interface: string;
  /** Put address, routes and MTU on the interface; default true. Without it the lease is only kept and told. */
  readonly configure?: boolean;
  /**
   * Metric of the routes: the lowest of several interfaces is used; default 1024. The next free one where another
   * route to the same destination has it: it would be replaced.
   */
  readonly metric?: number;
  /**
   * The address of the interface was set by hand, and is this one: ask a server for the rest only (DHCPINFORM). It is told
   * by the event `configuration`; nothing but `resolvConf` is written.
   */
  readonly inform?: string;
  /** Remembers the lease over a restart, so that the same address is asked for. */
  readonly leaseFile?: string;
  /** Name servers and search list are written here while there is a lease, and what stood there is put back after it. */
  readonly resolvConf?: string;
}

export const DEFAULT_METRIC = 1024;
/** Leaves room for the next free one. */
const MAX_METRIC = 0x7fffffff;

/** The settings of the machine. Throws UsageError where one cannot be sent. */
export function settingsOf(options: DhcpClientOptions): ClientSettings {
  const { interface: _, configure = true, metric = DEFAULT_METRIC, inform, ...others } = options;
  const { leaseFile: __, resolvConf: ___, ...rest } = others;
  if (!Number.isInteger(metric) || metric < 0 || metric > MAX_METRIC)
    misuse(`the metric ${metric} is not 0 to ${MAX_METRIC}`);
  if (inform !== undefined && parseIpv4(inform) === undefined) misuse(`"${inform}" is no IPv4 address`);
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

function misuse(why: string): never {
  throw new UsageError(`Cannot make a DHCP client: ${why}`, "usage", "dhcp");
}
