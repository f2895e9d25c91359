/** MQTT Control Packets as values. What they look like as bytes is the driver's business. */

export type Version = 4 | 5;
export type QualityOfService = 0 | 1 | 2;

export interface Will {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QualityOfService;
  readonly retain: boolean;
}

/** MQTT 5, 3.1. Version 4 leaves out what has no place in 3.1.1. */
export interface Connect {
  readonly type: "connect";
  readonly version: Version;
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Whole seconds, 0 to 65535. */
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: string | Uint8Array | undefined;
  readonly will: Will | undefined;
  /** Seconds that the server keeps the session after the connection; MQTT 5 only. */
  readonly sessionExpiry: number;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
}

export interface Publish {
  readonly type: "publish";
  /** 0 where `qos` is 0. */
  readonly id: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QualityOfService;
  readonly retain: boolean;
  readonly dup: boolean;
}

export interface Acknowledgement {
  readonly type: "puback" | "pubrec" | "pubrel" | "pubcomp";
  readonly id: number;
  /** 0 where the packet carries none. */
  readonly code: number;
}

export interface Subscribe {
  readonly type: "subscribe";
  readonly id: number;
  readonly filter: string;
  readonly qos: QualityOfService;
}

export interface Unsubscribe {
  readonly type: "unsubscribe";
  readonly id: number;
  readonly filter: string;
}

export interface PingRequest {
  readonly type: "pingreq";
}

export interface Disconnect {
  readonly type: "disconnect";
  /** Not sent to a 3.1.1 server. */
  readonly code: number;
}

/** What the client sends. */
export type Outbound =
  | Connect
  | Publish
  | Acknowledgement
  | Subscribe
  | Unsubscribe
  | PingRequest
  | Disconnect;

/** MQTT 3.1.1, 3.2 and MQTT 5, 3.2. The properties are undefined where the server says nothing. */
export interface ConnectReply {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  /** Return code of 3.1.1 or reason code of 5; 0 accepts. */
  readonly code: number;
  readonly reason?: string | undefined;
  readonly receiveMaximum?: number | undefined;
  readonly maximumQos?: number | undefined;
  readonly retainAvailable?: boolean | undefined;
  readonly maximumPacketSize?: number | undefined;
  readonly assignedClientId?: string | undefined;
  readonly wildcardAvailable?: boolean | undefined;
  readonly sharedAvailable?: boolean | undefined;
  /** Seconds; replaces what the client asked for. */
  readonly serverKeepAlive?: number | undefined;
  readonly serverReference?: string | undefined;
}

export interface Received extends Publish {
  /** MQTT 5, 3.3.2.3.4. We announce none, so any is a protocol error. */
  readonly topicAlias?: number | undefined;
}

export interface ReceivedAcknowledgement extends Acknowledgement {
  readonly reason?: string | undefined;
}

export interface SubscribeReply {
  readonly type: "suback" | "unsuback";
  readonly id: number;
  /** One code for each filter asked for; none in an UNSUBACK of 3.1.1. */
  readonly codes: readonly number[];
  readonly reason?: string | undefined;
}

export interface ServerDisconnect {
  readonly type: "disconnect";
  readonly code: number;
  readonly reason?: string | undefined;
  readonly serverReference?: string | undefined;
}

/** What a well-formed packet from the server says. `other` is one that only a client may send, or AUTH. */
export type Inbound =
  | ConnectReply
  | Received
  | ReceivedAcknowledgement
  | SubscribeReply
  | { readonly type: "pingresp" }
  | ServerDisconnect
  | { readonly type: "other"; readonly name: string };
