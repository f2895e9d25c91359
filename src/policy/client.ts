import { UsageError } from "../lib/errors.ts";
import { filterFault, topicFault } from "../lib/mqtt-topic.ts";
import type { Values } from "./check.ts";
import { type Endpoint, parseEndpoint, SCHEMES } from "./endpoint.ts";
import { type Member, quote } from "./json.ts";
import type { KeyTable } from "./key-definition.ts";
import { nearest } from "./nearest.ts";
import type { Problems } from "./problem.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";
import type { Streamtype } from "./types.ts";

type Checked = Values<typeof STREAMTYPE_KEYS>;

const DEFINITIONS: KeyTable = STREAMTYPE_KEYS;
/** What may be put in its place is judged when it is. */
const TEMPLATE = /\$\{[^{}]*\}/;
const TOPICS = ["mqtt_topic", "mqtt_will_topic", "mqtt_birth_topic"] as const;

/** What can never work, or not as it is written, of a streamtype that connects. */
export function checkClient(values: Checked, streamtype: Streamtype, problems: Problems): void {
  for (const [key, member] of values.written()) {
    if (DEFINITIONS[key]?.protocols?.includes(streamtype.protocol) !== false) continue;
    const message = `${quote(member.key)} means nothing with the protocol ${quote(streamtype.protocol)}`;
    problems.warning("policy-conflict", member.place, message);
  }
  if (streamtype.protocol === "mqtt") checkTopics(values, problems);
  const written = values.member("endpoint");
  if (written === undefined || streamtype.endpoint === "" || streamtype.localSink) return;
  const port = values.member("port") ?? written;
  if (TEMPLATE.test(streamtype.endpoint)) {
    // One that is nothing but a template may become a URL or a socket.
    if (streamtype.endpoint.replace(TEMPLATE, "") !== "") checkPort(port, streamtype, undefined, problems);
    return;
  }
  const endpoint = readEndpoint(written, streamtype.endpoint, problems);
  if (endpoint === undefined) return;
  checkUrl(values, streamtype, endpoint, problems);
  checkPort(port, streamtype, endpoint, problems);
  const certificate = values.member("client_cert");
  if (certificate !== undefined && !(endpoint.tls ?? streamtype.tls)) {
    problems.warning("policy-conflict", certificate.place, '"client_cert" means nothing without "tls"');
  }
}

function checkTopics(values: Checked, problems: Problems): void {
  const check = (
    key: (typeof TOPICS)[number] | "mqtt_subscribe",
    what: string,
    faultOf: typeof topicFault,
  ) => {
    const [text, member] = [values.get(key), values.member(key)];
    if (text === undefined || member === undefined || TEMPLATE.test(text)) return;
    const why = faultOf(text);
    if (why === undefined) return;
    const message = `${quote(key)} is ${quote(text)}, which is no ${what}: ${why}`;
    problems.error("policy-value", member.value, message);
  };
  for (const key of TOPICS) check(key, "topic", topicFault);
  check("mqtt_subscribe", "topic filter", filterFault);
}

function readEndpoint({ value }: Member, text: string, problems: Problems): Endpoint | undefined {
  try {
    return parseEndpoint(text);
  } catch (error) {
    // `file://` has its note already.
    if (error instanceof UsageError && error.code === "policy-value") {
      problems.error("policy-value", value, error.message, () => nearestEndpoint(text));
    }
    return undefined;
  }
}

/** With the scheme that was probably meant, or without the port that belongs into `port`. */
function nearestEndpoint(text: string): string | undefined {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*)(:\/\/.*)$/i.exec(text) ?? [];
  if (scheme === "") return /^([^\s:/\\?#@[\]]+):\d{1,5}$/.exec(text)?.[1];
  const near = Object.hasOwn(SCHEMES, scheme.toLowerCase())
    ? undefined
    : nearest(scheme, Object.keys(SCHEMES));
  return near === undefined ? undefined : near + rest;
}

/** A URL says port, TLS and protocol by itself; what stands beside it and says otherwise is not heard. */
function checkUrl(values: Checked, streamtype: Streamtype, endpoint: Endpoint, problems: Problems): void {
  const { protocol } = streamtype;
  const scheme = /^([^:]*):\/\//.exec(streamtype.endpoint)?.[1]?.toLowerCase();
  if (scheme === undefined) return;
  const warn = (key: "endpoint" | "port" | "tls", message: string): void => {
    const member = values.member(key);
    if (member !== undefined) problems.warning("policy-conflict", member.value, message);
  };
  if (SCHEMES[scheme]?.protocols.includes(protocol) === false) {
    warn("endpoint", `The endpoint begins with "${scheme}://", and "protocol" is ${quote(protocol)}`);
  }
  if (endpoint.port !== undefined && endpoint.port !== streamtype.port) {
    warn("port", `"port" is ${streamtype.port}, and the endpoint's URL means ${endpoint.port}, which counts`);
  }
  if (streamtype.tls !== endpoint.tls) {
    warn("tls", `"tls" is ${streamtype.tls}, and the endpoint's "${scheme}://" says otherwise, which counts`);
  }
}

function checkPort(
  { value }: Member,
  { name, port }: Streamtype,
  endpoint: Endpoint | undefined,
  problems: Problems,
): void {
  if (port !== 0 || endpoint?.unixPath !== undefined || endpoint?.port !== undefined) return;
  problems.warning("policy-value", value, `The streamtype ${quote(name)} has no "port" to connect to`);
}
