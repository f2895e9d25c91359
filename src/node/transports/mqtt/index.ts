export { MqttTransport } from "./mqtt-transport.ts";
