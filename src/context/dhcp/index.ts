export { DhcpClient } from "./dhcp-client.ts";
export type { DhcpEvents, DhcpLeaseEvent, DhcpStateEvent } from "./events.ts";
export type { DhcpClientOptions } from "./options.ts";
export type { DhcpPorts } from "./ports.ts";
