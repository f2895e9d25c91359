// Not through the index of the folder: a start would load the streams, the policy and the resolver with it.
import { DhcpClient, type DhcpClientOptions } from "./context/dhcp/index.ts";
import { createDhcpPorts } from "./node/platform/dhcp-ports.ts";

/**
 * A DHCPv4 client for one interface; nothing happens before `start()` or `bound()`. Linux, with the optional package
 * koffi and the capabilities CAP_NET_RAW, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE. Throws SecureStreamsError
 * `interface-missing` and `unsupported`, and UsageError for an option that cannot be sent.
 */
export function createDhcpClient(options: DhcpClientOptions): DhcpClient {
  return new DhcpClient(createDhcpPorts(), options);
}

export type {
  Abortable,
  DhcpClient,
  DhcpClientOptions,
  DhcpEvents,
  DhcpLeaseEvent,
  DhcpStateEvent,
} from "./context/index.ts";
export type {
  ClientIdChoice,
  Configuration,
  Lease,
  LeaseChange,
  LeaseRoute,
  StateName,
} from "./dhcp/index.ts";
export { SecureStreamsError, UsageError } from "./lib/errors.ts";
