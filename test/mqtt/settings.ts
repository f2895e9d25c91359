import type { SessionSettings } from "../../src/mqtt/index.ts";

/** A client without wishes, for whom three messages may be under way. */
export const SETTINGS: SessionSettings = {
  version: 4,
  clientId: "me",
  username: undefined,
  password: undefined,
  keepAlive: 0,
  cleanStart: false,
  will: undefined,
  sessionExpiry: 0,
  receiveMaximum: 3,
  maximumPacketSize: 1000,
};
