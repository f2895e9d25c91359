import type { Values } from "./check.ts";
import { checkClient } from "./client.ts";
import { BUILT_IN_RETRY } from "./defaults.ts";
import type { Entry } from "./draft.ts";
import { quote } from "./json.ts";
import type { KeyTable } from "./key-definition.ts";
import { nearest } from "./nearest.ts";
import type { Problems } from "./problem.ts";
import type { Socks5Address } from "./socks5-address.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";
import type {
  Auth,
  BufferSettings,
  HttpSettings,
  MqttMessage,
  MqttSettings,
  MultipartSettings,
  Policy,
  Protocol,
  Qos,
  Streamtype,
} from "./types.ts";

type Checked = Values<typeof STREAMTYPE_KEYS>;

/** What a streamtype may refer to. */
type Base = Pick<Policy, "retries" | "trustStores" | "auths" | "viaSocks5"> & {
  /** Names of the streamtypes that travel in another's transaction. */
  readonly rideshares: ReadonlySet<string | undefined>;
};

export function buildStreamtype(entry: Entry, values: Checked, base: Base, problems: Problems): Streamtype {
  const protocol = values.get("protocol") ?? "h1";
  const isServer = values.get("server") ?? false;
  const tls = values.get("tls") ?? false;
  const metadata = values.get("metadata") ?? new Map<string, string>();
  const streamtype: Streamtype = {
    name: entry.name,
    endpoint: values.get("endpoint") ?? "",
    port: values.get("port") ?? (isServer ? 0 : defaultPort(protocol, tls)),
    protocol,
    tls,
    clientCert: values.get("client_cert"),
    trustStore: base.trustStores.get(values.get("tls_trust_store") ?? ""),
    viaSocks5: proxyOf(values, base.viaSocks5),
    retry: base.retries.get(values.get("retry") ?? "") ?? BUILT_IN_RETRY,
    nailedUp: values.get("nailed_up") ?? false,
    opportunistic: values.get("opportunistic") ?? false,
    longPoll: values.get("long_poll") ?? false,
    allowRedirects: values.get("allow_redirects") ?? false,
    timeout: values.get("timeout_ms") || undefined,
    metadata: [...metadata].map(([name, header]) => ({ name, header: header === "" ? undefined : header })),
    directProtocolStrings: values.get("direct_proto_str") ?? false,
    attributes: {
      priority: values.get("attr_priority") ?? 0,
      lowLatency: values.get("attr_low_latency") ?? false,
      highThroughput: values.get("attr_high_throughput") ?? false,
      highReliability: values.get("attr_high_reliability") ?? false,
      lowCost: values.get("attr_low_cost") ?? false,
    },
    perf: values.get("perf") ?? false,
    payloadFormat: values.get("payload_fmt"),
    auth: authOf(values, base.auths),
    awsRegion: values.get("aws_region"),
    awsService: values.get("aws_service"),
    rideshare: values.get("rideshare"),
    http: httpSettings(values),
    ws: { subprotocol: values.get("ws_subprotocol"), binary: values.get("ws_binary") ?? false },
    mqtt: mqttSettings(values),
    buffer: bufferSettings(values, problems),
    server: isServer ? { certificate: values.get("server_cert"), key: values.get("server_key") } : undefined,
    localSink: values.get("local_sink") ?? false,
  };
  checkTemplates(values, streamtype, problems);
  if (isServer) return streamtype;
  if (streamtype.endpoint === "" && !streamtype.localSink && !base.rideshares.has(entry.name)) {
    problems.warning("policy-value", entry.place, `The streamtype ${quote(entry.name)} has no "endpoint"`);
  }
  checkClient(values, streamtype, problems);
  return streamtype;
}

/** The port of a client whose policy gives none. */
function defaultPort(protocol: Protocol, tls: boolean): number {
  switch (protocol) {
    case "raw":
      return 0;
    case "mqtt":
      return tls ? 8883 : 1883;
    default:
      return tls ? 443 : 80;
  }
}

function proxyOf(values: Checked, ofPolicy: Socks5Address | undefined): Socks5Address | undefined {
  const own = values.get("via-socks5");
  return own === "none" ? undefined : (own ?? ofPolicy);
}

function authOf(values: Checked, auths: ReadonlyMap<string, Auth>): Auth | undefined {
  const name = values.get("use_auth");
  return name === undefined ? undefined : auths.get(name);
}

function httpSettings(values: Checked): HttpSettings {
  return {
    method: values.get("http_method"),
    url: values.get("http_url") ?? "",
    expect: values.get("http_expect") || undefined,
    failRedirect: values.get("http_fail_redirect") ?? false,
    responseMap: values.get("http_resp_map") ?? new Map(),
    authHeader: values.get("http_auth_header"),
    authPreamble: values.get("http_auth_preamble") ?? "",
    serialHeader: values.get("http_dsn_header"),
    firmwareHeader: values.get("http_fwv_header"),
    deviceTypeHeader: values.get("http_devtype_header"),
    noContentLength: values.get("http_no_content_length") ?? false,
    formUrlencoded: values.get("http_www_form_urlencoded") ?? false,
    multipart: multipartSettings(values),
    multipartIn: values.get("http_multipart_ss_in") ?? false,
    cookies: values.get("http_cookies") ?? false,
  };
}

function multipartSettings(values: Checked): MultipartSettings | undefined {
  const name = values.get("http_multipart_name");
  const filename = values.get("http_multipart_filename");
  const contentType = values.get("http_mime_content_type");
  if (name === undefined && filename === undefined && contentType === undefined) return undefined;
  return { name, filename, contentType };
}

function mqttSettings(values: Checked): MqttSettings {
  return {
    version: values.get("mqtt_version") === "5" ? 5 : 4,
    topic: values.get("mqtt_topic"),
    subscribe: values.get("mqtt_subscribe"),
    qos: qos(values.get("mqtt_qos")),
    retain: values.get("mqtt_retain") ?? false,
    keepAlive: (values.get("mqtt_keep_alive") ?? 0) * 1000,
    cleanStart: values.get("mqtt_clean_start") ?? false,
    will: mqttMessage(values, "will"),
    birth: mqttMessage(values, "birth"),
    awsIot: values.get("aws_iot") ?? false,
  };
}

function mqttMessage(values: Checked, which: "will" | "birth"): MqttMessage | undefined {
  const topic = values.get(`mqtt_${which}_topic`);
  if (topic === undefined) return undefined;
  return {
    topic,
    payload: values.get(`mqtt_${which}_message`) ?? "",
    qos: qos(values.get(`mqtt_${which}_qos`)),
    retain: values.get(`mqtt_${which}_retain`) ?? false,
  };
}

function qos(value: number | undefined): Qos {
  return value === 1 || value === 2 ? value : 0;
}

function bufferSettings(values: Checked, problems: Problems): BufferSettings {
  const size = values.get("client_buflen") || 32_768;
  const pauseAbove = values.get("client_buflen_rxflow_on_above") || size;
  const resumeBelow = values.get("client_buflen_rxflow_off_below") || Math.floor(pauseAbove / 2);
  const written = values.member("client_buflen_rxflow_off_below");
  if (resumeBelow > pauseAbove && written !== undefined) {
    const message = `Reading would go on below ${resumeBelow} and stop above ${pauseAbove}: give the lower one here`;
    problems.error("policy-conflict", written.value, message);
  }
  return { size, pauseAbove, resumeBelow };
}

/** Every `${name}` must be metadata of the streamtype, or nothing can ever be put in its place. */
function checkTemplates(values: Checked, streamtype: Streamtype, problems: Problems): void {
  if (streamtype.directProtocolStrings) return;
  const names = new Set(streamtype.metadata.map((item) => item.name));
  for (const [key, { value }] of values.written()) {
    if (value.type !== "text" || DEFINITIONS[key]?.isTemplate !== true) continue;
    for (const [, name = ""] of value.value.matchAll(/\$\{([^{}]*)\}/g)) {
      if (names.has(name)) continue;
      const message = `${quote(key)} uses ${quote(name)}, which "metadata" does not list`;
      problems.warning("policy-unknown-name", value, message, () => nearest(name, names));
    }
  }
}

const DEFINITIONS: KeyTable = STREAMTYPE_KEYS;
