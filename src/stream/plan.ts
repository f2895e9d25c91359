import { UsageError } from "../lib/errors.ts";
import { filterFault, topicFault } from "../lib/mqtt-topic.ts";
import { type Endpoint, type MqttMessage, parseEndpoint, type Streamtype } from "../policy/index.ts";
import type { Identity } from "./identity.ts";
import {
  expand,
  headerName,
  type MetadataValues,
  metadataHeaders,
  requireSafe,
  requireSafeBlob,
  trimmed,
} from "./metadata.ts";
import { expandUrl } from "./request-path.ts";
import type { ClientCertificate, HttpTarget, MqttTarget, Target, TlsTarget } from "./target.ts";

export interface PlanOptions {
  readonly identity: Identity;
  /** Names the revision of the policy: TLS sessions and connections are shared within it only. */
  readonly scope: string;
  /** Whether the transaction carries a body: decides the method where the policy names none. */
  readonly hasBody: boolean;
}

/**
 * Where `streamtype` with these metadata values goes, and what it says there.
 *
 * Throws UsageError `metadata-unknown`, `metadata-unsafe`, `blob-missing`, `policy-value` or `unsupported`; nothing
 * has been sent then.
 */
export function planTarget(streamtype: Streamtype, values: MetadataValues, options: PlanOptions): Target {
  requireClient(streamtype);
  const endpoint = planEndpoint(streamtype, values);
  const tls = planTls(streamtype, endpoint, options);
  const port = endpoint.unixPath === undefined ? (endpoint.port ?? streamtype.port) : 0;
  if (endpoint.unixPath === undefined && port === 0) {
    throw new UsageError(
      `Cannot connect: streamtype "${streamtype.name}" has no port`,
      "policy-value",
      "policy",
    );
  }
  const mqtt = streamtype.protocol === "mqtt" ? planMqtt(streamtype, values, options.identity) : undefined;
  const where = endpoint.unixPath ?? `${endpoint.host.toLowerCase()}:${port}`;
  return {
    streamtype,
    protocol: streamtype.protocol,
    host: endpoint.host,
    port,
    unixPath: endpoint.unixPath,
    tls,
    socks5: endpoint.unixPath === undefined ? streamtype.viaSocks5 : undefined,
    attributes: streamtype.attributes,
    retry: streamtype.retry,
    shareKey: shareKey(streamtype, where, tls, mqtt),
    http: isHttp(streamtype) ? planHttp(streamtype, values, endpoint, port, tls, options) : undefined,
    mqtt,
  };
}

function requireClient({ name, server, localSink }: Streamtype): void {
  if (server === undefined && !localSink) return;
  const key = localSink ? "local_sink" : "server";
  throw new UsageError(
    `Cannot open "${name}": the policy's "${key}" is not acted upon yet, only clients are`,
    "unsupported",
    "policy",
  );
}

function isHttp({ protocol }: Streamtype): boolean {
  return protocol === "h1" || protocol === "h2" || protocol === "ws";
}

function planEndpoint(streamtype: Streamtype, values: MetadataValues): Endpoint {
  const alone = /^\$\{([^}]*)\}$/.exec(streamtype.endpoint)?.[1];
  const value = alone !== undefined && Object.hasOwn(values, alone) ? values[alone] : undefined;
  if (alone === undefined || value === undefined || !/^[a-z0-9]+:\/\//i.test(value)) {
    return parseEndpoint(expand(streamtype.endpoint, streamtype, values, "endpoint"));
  }
  expand(streamtype.endpoint, streamtype, {}, "endpoint");
  requireSafe(alone, value, "url");
  const endpoint = parseEndpoint(value);
  if (streamtype.tls && endpoint.tls === false) {
    throw new UsageError(
      `Cannot use metadata "${alone}": it would switch TLS off, which only the policy may do`,
      "metadata-unsafe",
    );
  }
  return endpoint;
}

function planTls(streamtype: Streamtype, endpoint: Endpoint, options: PlanOptions): TlsTarget | undefined {
  if (!(endpoint.tls ?? streamtype.tls)) return undefined;
  return {
    serverName: endpoint.unixPath === undefined ? endpoint.host : "localhost",
    trustStore: streamtype.trustStore,
    clientCertificate: clientCertificate(streamtype, options.identity),
    scope: options.scope,
  };
}

function clientCertificate(streamtype: Streamtype, identity: Identity): ClientCertificate | undefined {
  if (streamtype.clientCert === undefined) return undefined;
  const certificate = identity.clientCertificates?.[streamtype.clientCert];
  if (certificate === undefined) throw missing(streamtype, `client certificate ${streamtype.clientCert}`);
  return certificate;
}

function planHttp(
  streamtype: Streamtype,
  values: MetadataValues,
  endpoint: Endpoint,
  port: number,
  tls: TlsTarget | undefined,
  { identity, hasBody }: PlanOptions,
): HttpTarget {
  const { http } = streamtype;
  const path = endpoint.url === undefined || endpoint.url === "" ? http.url : endpoint.url;
  const headers = [...metadataHeaders(streamtype, values), ...identityHeaders(streamtype, identity)];
  if (!hasBody) dropHeader(headers, "content-length");
  if (http.formUrlencoded && hasBody) {
    dropHeader(headers, "content-type");
    headers.push("content-type", "application/x-www-form-urlencoded");
  }
  return {
    method: streamtype.protocol === "ws" ? "GET" : (http.method ?? (hasBody ? "POST" : "GET")).toUpperCase(),
    authority: authority(endpoint, port, tls !== undefined),
    path: requestPath(expandUrl(path, streamtype, values), streamtype),
    headers,
  };
}

/**
 * One leading slash, whatever the protocol; no fragment, which never travels (RFC 9110, 4.2.5); what is not ASCII as
 * UTF-8 in percent signs (RFC 3987, 3.1).
 */
function requestPath(url: string, { name }: Streamtype): string {
  const [path = ""] = url.split("#", 1);
  if (/[\x00-\x20\x7f-\x9f]|[\ud800-\udfff]/u.test(path)) {
    throw new UsageError(
      `Cannot connect: the path of streamtype "${name}" has a space, a control character or half a character`,
      "policy-value",
      "policy",
    );
  }
  return `/${path.replace(/^\/+/, "").replace(/[^\x21-\x7e]+/gu, encodeURIComponent)}`;
}

function dropHeader(headers: string[], name: string): void {
  for (let index = 0; index < headers.length; ) {
    if (headers[index] === name) headers.splice(index, 2);
    else index += 2;
  }
}

function authority({ host, unixPath }: Endpoint, port: number, tls: boolean): string {
  if (unixPath !== undefined) return "localhost";
  const name = host.includes(":") ? `[${host}]` : host;
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`;
}

function identityHeaders(streamtype: Streamtype, identity: Identity): string[] {
  const { http } = streamtype;
  const headers: string[] = [];
  const add = (
    header: string | undefined,
    value: string | undefined,
    blob: string,
    preamble: string,
  ): void => {
    if (header === undefined) return;
    if (value === undefined) throw missing(streamtype, blob);
    requireSafeBlob(blob, value);
    headers.push(headerName(header), trimmed(preamble + value));
  };
  add(http.authHeader, identity.auth, "auth", http.authPreamble);
  add(http.serialHeader, identity.serial, "serial", "");
  add(http.firmwareHeader, identity.firmwareVersion, "firmwareVersion", "");
  add(http.deviceTypeHeader, identity.deviceType, "deviceType", "");
  return headers;
}

function planMqtt(streamtype: Streamtype, values: MetadataValues, identity: Identity): MqttTarget {
  const { mqtt } = streamtype;
  const fill = (template: string, place: "topic" | "text", faultOf: typeof topicFault): string => {
    const text = expand(template, streamtype, values, place);
    requireTopic(template, text, faultOf(text));
    return text;
  };
  const topic = (template: string): string => fill(template, "topic", topicFault);
  const message = (template: MqttMessage | undefined): MqttMessage | undefined =>
    template === undefined
      ? undefined
      : {
          ...template,
          topic: topic(template.topic),
          payload: expand(template.payload, streamtype, values, "text"),
        };
  const filter = mqtt.subscribe;
  // A program that may name the whole filter may use wildcards; one that fills a gap in it may not.
  const place = filter !== undefined && /^\$\{[^}]*\}$/.test(filter) ? "text" : "topic";
  return {
    version: mqtt.version,
    clientId: identity.mqttClientId ?? "",
    username: identity.mqttUsername,
    password: identity.mqttPassword,
    topic: mqtt.topic === undefined ? undefined : topic(mqtt.topic),
    subscribe: filter === undefined ? undefined : fill(filter, place, filterFault),
    qos: mqtt.qos,
    retain: mqtt.retain,
    keepAlive: mqtt.keepAlive,
    cleanStart: mqtt.cleanStart,
    will: message(mqtt.will),
    birth: message(mqtt.birth),
  };
}

/** What the policy writes is judged where it is read; what metadata makes of it, here. */
function requireTopic(template: string, text: string, why: string | undefined): void {
  // What is declared and not set yet leaves nothing, and the stream may do without.
  if (why === undefined || text === "") return;
  throw new UsageError(
    `Cannot connect: "${template}" becomes "${text.slice(0, 60)}": ${why}`,
    "metadata-unsafe",
  );
}

function shareKey(
  streamtype: Streamtype,
  where: string,
  tls: TlsTarget | undefined,
  mqtt: MqttTarget | undefined,
): string {
  const trust =
    tls === undefined
      ? "plain"
      : [tls.scope, tls.trustStore?.name ?? "", streamtype.clientCert ?? ""].join("/");
  const session = mqtt === undefined ? "" : `${mqtt.version}/${mqtt.clientId}/${mqtt.username ?? ""}`;
  return [streamtype.protocol, where, proxyKey(streamtype), trust, session].join("|");
}

function proxyKey({ viaSocks5 }: Streamtype): string {
  if (viaSocks5 === undefined) return "";
  const { host, port, username = "", password = "" } = viaSocks5;
  return JSON.stringify([host, port, username, password]);
}

function missing(streamtype: Streamtype, blob: string): UsageError {
  return new UsageError(
    `Cannot connect: streamtype "${streamtype.name}" needs ${blob}; give it in createContext({ identity })`,
    "blob-missing",
    "policy",
  );
}
