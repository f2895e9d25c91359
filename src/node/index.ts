export { systemClock } from "./clock.ts";
export { createNodePorts, type NodePortsOptions } from "./node-ports.ts";
export { systemRandom } from "./random.ts";
