export { RawTransport } from "./raw-transport.ts";
