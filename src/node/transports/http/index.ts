export type { ConnectionEvent } from "./connection-event.ts";
export { HttpTransport, type HttpTransportOptions } from "./http-transport.ts";
