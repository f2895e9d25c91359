export { createNodePorts, type NodePortsOptions } from "./node-ports.ts";
export { readWhole } from "./read-whole.ts";
