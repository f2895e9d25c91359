export { DEFAULT_TIMEOUT as CONNECT_TIMEOUT } from "./dialer/index.ts";
export { createNodePorts, type NodePortsOptions } from "./node-ports.ts";
export { readWhole } from "./read-whole.ts";
