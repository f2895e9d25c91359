export { DhcpClient } from "./dhcp-client.ts";
export type { DhcpEvents, DhcpLeaseEvent, DhcpStateEvent } from "./events.ts";
export type { DhcpClientOptions } from "./options.ts";
export type { DhcpDiagnostics, DhcpPorts } from "./ports.ts";
