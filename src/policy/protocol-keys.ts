import { type KeyTable, U16 } from "./key-definition.ts";

const HTTP = ["h1", "h2", "h3"] as const;
const HTTP_AND_WS = ["h1", "h2", "h3", "ws"] as const;
const WS = ["ws"] as const;
const MQTT = ["mqtt"] as const;

/** What h1, h2, h3 and the handshake of ws understand. */
export const HTTP_KEYS = {
  http_method: {
    type: "text",
    form: "method",
    protocols: HTTP,
    about: "The method",
    default: "GET, or POST where there is something to send",
  },
  http_url: {
    type: "text",
    form: "url",
    isTemplate: true,
    protocols: HTTP_AND_WS,
    about: "Path and query; leading slashes make no difference",
    default: "",
  },
  http_expect: {
    type: "integer",
    min: 0,
    max: 999,
    protocols: HTTP,
    about: "The only status that acknowledges",
    default: "200 to 299",
  },
  http_fail_redirect: {
    type: "flag",
    protocols: HTTP,
    about: "A redirect is a failure (captive portal)",
    default: false,
  },
  http_resp_map: {
    type: "states",
    most: 16,
    protocols: HTTP,
    about: "Response status to user state, 1000 to 65535",
  },
  http_auth_header: {
    type: "text",
    form: "header",
    protocols: HTTP_AND_WS,
    about: "Header filled from the blob AUTH",
  },
  http_auth_preamble: {
    type: "text",
    protocols: HTTP_AND_WS,
    about: "Text before the blob AUTH",
    default: "",
  },
  http_dsn_header: {
    type: "text",
    form: "header",
    protocols: HTTP_AND_WS,
    about: "Header filled from the blob DEVICE_SERIAL",
  },
  http_fwv_header: {
    type: "text",
    form: "header",
    protocols: HTTP_AND_WS,
    about: "Header filled from the blob DEVICE_FW_VERSION",
  },
  http_devtype_header: {
    type: "text",
    form: "header",
    protocols: HTTP_AND_WS,
    about: "Header filled from the blob DEVICE_TYPE",
  },
  http_no_content_length: {
    type: "flag",
    protocols: HTTP,
    about: "Send no content-length even where it is known",
    default: false,
  },
  http_www_form_urlencoded: {
    type: "flag",
    protocols: HTTP,
    about: "The body is application/x-www-form-urlencoded",
    default: false,
  },
  http_multipart_name: { type: "text", protocols: HTTP, about: "Name of the form part; turns multipart on" },
  http_multipart_filename: {
    type: "text",
    protocols: HTTP,
    about: "File name of the part; turns multipart on",
  },
  http_mime_content_type: {
    type: "text",
    protocols: HTTP,
    aliases: ["http_multipart_content_type"],
    about: "Content type of the part; turns multipart on",
  },
  http_multipart_ss_in: {
    type: "flag",
    later: true,
    protocols: HTTP,
    about: "Take received multipart apart",
    default: false,
  },
  http_cookies: { type: "flag", protocols: HTTP_AND_WS, about: "Keep and send cookies", default: false },
  nghttp2_quirk_end_stream: { type: "flag", later: true, protocols: HTTP, about: "h2 quirk", default: false },
  h2q_oflow_txcr: { type: "flag", later: true, protocols: HTTP, about: "h2 quirk", default: false },
} as const satisfies KeyTable;

export const WS_KEYS = {
  ws_subprotocol: { type: "text", protocols: WS, about: "The subprotocol" },
  ws_binary: { type: "flag", protocols: WS, about: "Messages are binary", default: false },
  ws_prioritize_reads: {
    type: "flag",
    later: true,
    protocols: WS,
    about: "Read before writing",
    default: false,
  },
} as const satisfies KeyTable;

const QOS = { type: "integer", min: 0, max: 2, protocols: MQTT, default: 0 } as const;
const TOPIC = { type: "text", isTemplate: true, protocols: MQTT } as const;
const MESSAGE = { type: "text", form: "payload", isTemplate: true, protocols: MQTT, default: "" } as const;
const MQTT_FLAG = { type: "flag", protocols: MQTT, default: false } as const;

export const MQTT_KEYS = {
  mqtt_version: {
    type: "choice",
    values: ["3.1.1", "5"],
    protocols: MQTT,
    about: "Protocol version",
    default: "3.1.1",
  },
  mqtt_topic: { ...TOPIC, about: "Topic to publish to" },
  mqtt_subscribe: { ...TOPIC, about: "Topic filter to subscribe to" },
  mqtt_qos: { ...QOS, about: "Quality of service of publish and subscribe" },
  mqtt_retain: { ...MQTT_FLAG, about: "The broker keeps the last message" },
  mqtt_keep_alive: {
    type: "integer",
    min: 0,
    max: U16,
    unit: "s",
    protocols: MQTT,
    about: "Keep-alive of the connection; 0 sends none",
    default: 0,
  },
  mqtt_clean_start: { ...MQTT_FLAG, about: "Begin without an earlier session" },
  mqtt_will_topic: { ...TOPIC, about: "Topic of the will" },
  mqtt_will_message: { ...MESSAGE, about: "Payload of the will" },
  mqtt_will_qos: { ...QOS, about: "Quality of service of the will" },
  mqtt_will_retain: { ...MQTT_FLAG, about: "The broker keeps the will" },
  mqtt_birth_topic: { ...TOPIC, about: "Topic of the message sent once on each connection" },
  mqtt_birth_message: { ...MESSAGE, about: "Payload of the birth message" },
  mqtt_birth_qos: { ...QOS, about: "Quality of service of the birth message" },
  mqtt_birth_retain: { ...MQTT_FLAG, about: "The broker keeps the birth message" },
  aws_iot: { ...MQTT_FLAG, later: true, about: "Quirks of AWS IoT" },
} as const satisfies KeyTable;
