import { channel } from "node:diagnostics_channel";
import type { Diagnostics, DiagnosticsChannel } from "../context/index.ts";

const CHANNELS: Readonly<Record<DiagnosticsChannel, ReturnType<typeof channel>>> = {
  "secure-streams:state": channel("secure-streams:state"),
  "secure-streams:connection": channel("secure-streams:connection"),
  "secure-streams:message": channel("secure-streams:message"),
  "secure-streams:policy": channel("secure-streams:policy"),
};

export const diagnostics: Diagnostics = {
  hasSubscribers: (name) => CHANNELS[name].hasSubscribers,
  publish: (name, message) => CHANNELS[name].publish(message),
};
