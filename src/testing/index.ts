export {
  type Authority,
  type CertificateOptions,
  createAuthority,
  createSelfSigned,
  type Issued,
} from "./certificates/index.ts";
export { createDhcpSimulation, DhcpSimulation, type DhcpSimulationOptions } from "./dhcp-simulation.ts";
export { SeededRandom } from "./seeded.ts";
export { SimClock } from "./sim-clock.ts";
export { SimDhcpServer, type SimDhcpServerOptions } from "./sim-dhcp-server.ts";
export { type NetworkCall, type SimLinkOptions, SimNetwork } from "./sim-network.ts";
export {
  type Outage,
  type PeerMode,
  type PeerOptions,
  type SimConnection,
  type SimMessage,
  SimPeer,
  type SimRequest,
  type SimResponse,
  type SimVerdict,
} from "./sim-peer.ts";
export { type SimFrame, SimSegment, type SimSegmentOptions, type SimStation } from "./sim-segment.ts";
export { SimTransport } from "./sim-transport.ts";
export { createSimulation, Simulation, type SimulationOptions } from "./simulation.ts";
export { Trace, type TraceEntry } from "./trace.ts";
