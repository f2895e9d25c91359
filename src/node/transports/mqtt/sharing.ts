import { toHex } from "../../../lib/bytes.ts";
import type { Millis } from "../../../lib/millis.ts";
import type { Random } from "../../../lib/random.ts";
import type { SessionSettings } from "../../../mqtt/index.ts";
import type { MqttTarget, Target } from "../../../stream/index.ts";

/** The largest packet taken from a broker, unless a stream's buffer is larger. */
const MAXIMUM_PACKET = 1_048_576;
const RECEIVE_MAXIMUM = 1024;
/** Seconds. A session of 3.1.1 never expires; one whose name was made up is of no use to a later process. */
const NEVER_EXPIRES = 0xffff_ffff;
const OWN_NAME_EXPIRES = 3600;

/** What makes a session the same: broker, trust, credentials, version, client identifier. */
export function sessionKey(target: Target, mqtt: MqttTarget): string {
  const password = typeof mqtt.password === "object" ? toHex(mqtt.password) : mqtt.password;
  return JSON.stringify([target.shareKey, mqtt.version, mqtt.clientId, mqtt.username, password]);
}

/** 23 characters at most are taken by every broker (MQTT 3.1.1, 3.1.3.1). */
export function randomClientId(random: Random): string {
  return `ss-${toHex(random.bytes(10))}`;
}

export function settingsOf(target: Target, mqtt: MqttTarget, clientId: string): SessionSettings {
  const { version, username, password, keepAlive, cleanStart, will } = mqtt;
  const expiry = mqtt.clientId === "" ? OWN_NAME_EXPIRES : NEVER_EXPIRES;
  return {
    version,
    clientId,
    username,
    password,
    keepAlive,
    cleanStart,
    will,
    sessionExpiry: cleanStart ? 0 : expiry,
    receiveMaximum: RECEIVE_MAXIMUM,
    maximumPacketSize: Math.max(MAXIMUM_PACKET, target.streamtype.buffer.size),
  };
}

/** Which of its settings a stream would not get on a connection made with `settings`; empty where it gets all. */
export function conflicts(settings: SessionSettings, mqtt: MqttTarget): readonly string[] {
  const found: string[] = [];
  if (mqtt.cleanStart !== settings.cleanStart) found.push("mqtt_clean_start");
  if (mqtt.keepAlive > 0 && !isCovered(settings.keepAlive, mqtt.keepAlive)) found.push("mqtt_keep_alive");
  if (mqtt.will !== undefined && JSON.stringify(mqtt.will) !== JSON.stringify(settings.will)) {
    found.push("mqtt_will_topic");
  }
  return found;
}

/** A shorter keep-alive does for a longer one. */
function isCovered(given: Millis, wanted: Millis): boolean {
  return given > 0 && given <= wanted;
}
