export { WsTransport } from "./ws-transport.ts";
