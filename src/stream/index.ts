export type { ClientCertificate, HttpTarget, MqttTarget, Target, TlsTarget } from "./target.ts";
