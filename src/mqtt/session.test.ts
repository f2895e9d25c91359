import { describe, expect, test } from "vitest";
import { SETTINGS } from "../../test/mqtt/settings.ts";
import { encodeUtf8 } from "../lib/bytes.ts";
import { TIMEOUT } from "../lib/machine.ts";
import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { Outgoing } from "./entry.ts";
import { SessionMemory } from "./memory.ts";
import type { ConnectReply, Inbound, Outbound, Received } from "./packet.ts";
import { MqttSession } from "./session.ts";
import type { Member, SessionInput, SessionOutput, SessionSettings } from "./words.ts";

const DATA = encodeUtf8("data");
const LOST = { layer: "tcp", code: "connection-reset", message: "gone" } as const;

describe("connecting", () => {
  test("says CONNECT with its settings once the way is open, and once only", () => {
    const { session } = start();

    expect(session.handle({ type: "opened" }, 0)).toEqual([
      {
        type: "write",
        packet: {
          type: "connect",
          version: 4,
          clientId: "me",
          cleanStart: false,
          keepAlive: 0,
          username: undefined,
          password: undefined,
          will: undefined,
          sessionExpiry: 0,
          receiveMaximum: 3,
          maximumPacketSize: 1000,
        },
      },
    ]);
    expect(session.handle({ type: "opened" }, 0)).toEqual([]);
  });

  test("rounds a keep-alive up to whole seconds, and to what fits", () => {
    expect(start({ keepAlive: 1500 }).session.handle({ type: "opened" }, 0)).toMatchObject([
      { packet: { keepAlive: 2 } },
    ]);
    expect(start({ keepAlive: 1e9 }).session.handle({ type: "opened" }, 0)).toMatchObject([
      { packet: { keepAlive: 65_535 } },
    ]);
  });

  test("establishes a member without a subscription when CONNACK comes", () => {
    const { session } = start({}, [member(1)]);
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet(CONNACK), 5)).toEqual([{ type: "established", member: 1 }]);
    expect(session.deadline).toBe(NEVER);
  });

  test("gives up when CONNACK does not come", () => {
    const { session } = start();
    session.handle({ type: "opened" }, 0);

    expect(session.deadline).toBe(seconds(20));
    expect(session.handle(TIMEOUT, 19_999)).toEqual([]);
    expect(session.handle(TIMEOUT, seconds(20))).toMatchObject([
      { type: "close", reason: { code: "connection-timeout" } },
    ]);
    expect(session.deadline).toBe(NEVER);
    expect(session.handle(TIMEOUT, seconds(30))).toEqual([]);
  });

  test.each([
    [4, 4, "mqtt-auth-failed", "4 (bad user name or password)"],
    [4, 5, "mqtt-auth-failed", "5 (not authorized)"],
    [4, 2, "mqtt-refused", "2 (identifier rejected)"],
    [4, 99, "mqtt-refused", "99 (unknown)"],
    [5, 0x86, "mqtt-auth-failed", "0x86 (bad user name or password)"],
    [5, 0x87, "mqtt-auth-failed", "0x87 (not authorized)"],
    [5, 0x89, "mqtt-refused", "0x89 (server busy)"],
    [5, 1, "mqtt-refused", "1 (unacceptable protocol version)"],
    [5, 0xee, "mqtt-refused", "0xee (unknown)"],
  ] as const)("version %s, code %s is %s", (version, code, expected, text) => {
    const { session } = start({ version });
    session.handle({ type: "opened" }, 0);

    const message = `The broker refused the connection: ${text}`;
    expect(session.handle(packet({ ...CONNACK, code }), 0)).toEqual([
      { type: "close", reason: { layer: "mqtt", code: expected, message } },
    ]);
  });

  test("tells what the broker says of itself and of another", () => {
    const { session } = start({ version: 5 });
    session.handle({ type: "opened" }, 0);

    const reply = { ...CONNACK, code: 0x9d, reason: "moved\n", serverReference: "b.example" };
    const message = `The broker refused the connection: 0x9d (server moved), "moved\\n"; it names "b.example"`;
    expect(session.handle(packet(reply), 0)).toMatchObject([{ reason: { message } }]);
  });

  test.each([
    [{ receiveMaximum: 0 }, "Receive Maximum"],
    [{ maximumPacketSize: 0 }, "Maximum Packet Size"],
    [{ maximumQos: 2 }, "Maximum QoS"],
  ])("refuses a CONNACK with %j", (said, text) => {
    const { session } = start({ version: 5 });
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet({ ...CONNACK, ...said }), 0)).toMatchObject([
      { type: "write", packet: { type: "disconnect", code: 0x82 } },
      { type: "close", reason: { code: "mqtt-protocol", message: expect.stringContaining(text) } },
    ]);
  });

  test("refuses a session that it asked to be dropped", () => {
    const { session } = start({ cleanStart: true });
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet({ ...CONNACK, sessionPresent: true }), 0)).toMatchObject([
      { type: "close", reason: { code: "mqtt-protocol" } },
    ]);
  });

  test("ends with the reason for which there is no connection", () => {
    const { session } = start();

    expect(session.handle({ type: "lost", reason: LOST }, 0)).toEqual([{ type: "close", reason: LOST }]);
    expect(session.handle({ type: "opened" }, 1)).toEqual([]);
  });

  test("gives up without a word when the last member leaves before there is a connection", () => {
    const { session } = start({}, [member(1)]);

    expect(session.handle({ type: "detach", member: 7 }, 0)).toEqual([]);
    expect(session.handle(packet(CONNACK), 0)).toEqual([]);
    expect(session.handle({ type: "detach", member: 1 }, 0)).toEqual([{ type: "close", reason: undefined }]);
  });
});

describe("subscribing", () => {
  test("establishes a member when SUBACK comes", () => {
    const { session } = start({}, [member(1, "a/#", 1)]);
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet(CONNACK), 0)).toEqual([
      { type: "write", packet: { type: "subscribe", id: 1, filter: "a/#", qos: 1 } },
    ]);
    expect(session.handle(packet({ type: "suback", id: 1, codes: [0] }), 1)).toEqual([
      { type: "established", member: 1 },
    ]);
  });

  test("refuses that member alone whose filter the broker refuses", () => {
    const session = opened({ version: 5 }, [member(1), member(2, "secret")]);

    expect(session.handle(packet({ type: "suback", id: 1, codes: [0x87], reason: "no" }), 1)).toEqual([
      {
        type: "refused",
        member: 2,
        reason: {
          layer: "mqtt",
          code: "mqtt-subscribe-refused",
          message: `The broker refused to subscribe to "secret": 0x87 (not authorized), "no"`,
        },
      },
    ]);
  });

  test("leaves when the only member is refused", () => {
    const session = opened({}, [member(1, "secret")]);

    expect(session.handle(packet({ type: "suback", id: 1, codes: [0x80] }), 1)).toMatchObject([
      { type: "refused", member: 1 },
      { type: "write", packet: { type: "disconnect", code: 0 } },
      { type: "close", reason: undefined },
    ]);
  });

  test.each([
    ["a#", {}],
    ["$share/g/a", { sharedAvailable: false }],
    ["a/+", { wildcardAvailable: false }],
  ])("refuses the filter %s where the broker says %j", (filter, said) => {
    const session = opened({ version: 5 }, [member(1)], said);

    expect(session.handle({ type: "attach", member: member(2, filter) }, 1)).toMatchObject([
      { type: "refused", member: 2, reason: { code: "mqtt-subscribe-refused" } },
    ]);
    expect(session.handle({ type: "attach", member: member(3, "plain") }, 1)).toMatchObject([
      { packet: { type: "subscribe" } },
    ]);
  });

  test("refuses the member when SUBACK does not come, and takes it quietly when it comes too late", () => {
    const session = opened({}, [member(1), member(2, "a")]);
    session.handle({ type: "attach", member: member(3, "b") }, 500);

    expect(session.deadline).toBe(seconds(20));
    expect(session.handle(TIMEOUT, seconds(20))).toMatchObject([
      { type: "refused", member: 2, reason: { code: "mqtt-subscribe-refused" } },
    ]);
    expect(session.deadline).toBe(20_500);
    expect(session.handle(TIMEOUT, 20_500)).toMatchObject([{ type: "refused", member: 3 }]);
    expect(session.handle(packet({ type: "suback", id: 1, codes: [0] }), 20_501)).toEqual([]);
    expect(session.deadline).toBe(NEVER);
  });

  test("does not subscribe again to what the server's session still has", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1, "a", 1, 10)], {}, memory);
    first.handle(packet({ type: "suback", id: 1, codes: [1] }), 0);
    first.handle({ type: "lost", reason: LOST }, 1);
    const { session } = start(
      {},
      [member(2, "a", 1, 10), member(3, "a", 1, 11), member(4, "a", 2, 10)],
      memory,
    );
    session.handle({ type: "opened" }, 2);

    expect(session.handle(packet({ ...CONNACK, sessionPresent: true }), 3)).toEqual([
      { type: "established", member: 2 },
      { type: "write", packet: { type: "subscribe", id: 2, filter: "a", qos: 2 } },
      { type: "write", packet: { type: "subscribe", id: 3, filter: "a", qos: 2 } },
    ]);
  });

  test("subscribes again where the server has lost the session", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1, "a", 1, 10)], {}, memory);
    first.handle(packet({ type: "suback", id: 1, codes: [1] }), 0);
    first.handle({ type: "lost", reason: LOST }, 1);
    const { session } = start({}, [member(2, "a", 1, 10)], memory);
    session.handle({ type: "opened" }, 2);

    expect(session.handle(packet(CONNACK), 3)).toMatchObject([{ packet: { type: "subscribe" } }]);
  });

  test("does not lower what others asked for on the same filter", () => {
    const memory = new SessionMemory();
    const session = opened({}, [member(1, "a", 2, 10)], {}, memory);
    session.handle(packet({ type: "suback", id: 1, codes: [2] }), 0);

    expect(session.handle({ type: "attach", member: member(2, "a", 0, 11) }, 0)).toMatchObject([
      { packet: { type: "subscribe", qos: 2 } },
    ]);
    session.handle(packet({ type: "suback", id: 2, codes: [2] }), 0);
    session.handle({ type: "lost", reason: LOST }, 0);
    const again = start({}, [member(3, "a", 1, 12)], memory);
    again.session.handle({ type: "opened" }, 0);
    expect(again.session.handle(packet({ ...CONNACK, sessionPresent: true }), 0)).toMatchObject([
      { packet: { type: "subscribe", qos: 2 } },
    ]);
  });

  test("unsubscribes when the last member with a filter leaves and others stay", () => {
    const session = opened({}, [member(1), member(2, "a", 0, 10), member(3, "a", 0, 11)]);
    session.handle(packet({ type: "suback", id: 1, codes: [0] }), 0);
    session.handle(packet({ type: "suback", id: 2, codes: [0] }), 0);

    expect(session.handle({ type: "detach", member: 2 }, 0)).toEqual([]);
    expect(session.handle({ type: "detach", member: 3 }, 0)).toEqual([
      { type: "write", packet: { type: "unsubscribe", id: 3, filter: "a" } },
    ]);
    expect(session.handle(packet({ type: "unsuback", id: 3, codes: [] }), 0)).toEqual([]);
    expect(session.handle({ type: "detach", member: 1 }, 0)).toEqual([
      { type: "write", packet: { type: "disconnect", code: 0 } },
      { type: "close", reason: undefined },
    ]);
  });

  test("takes the codes of an UNSUBACK of MQTT 5 as they are", () => {
    const session = opened({ version: 5 }, [member(1), member(2, "a")]);
    session.handle(packet({ type: "suback", id: 1, codes: [0] }), 0);
    session.handle({ type: "detach", member: 2 }, 0);

    expect(session.handle(packet({ type: "unsuback", id: 2, codes: [0x11] }), 0)).toEqual([]);
  });

  test("unsubscribes for a stream that is forgotten", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1, "a", 0, 10), member(2, "b", 0, 11)], {}, memory);
    first.handle(packet({ type: "suback", id: 1, codes: [0] }), 0);
    first.handle(packet({ type: "suback", id: 2, codes: [0] }), 0);
    first.handle({ type: "lost", reason: LOST }, 0);
    first.handle({ type: "forget", stream: 99 }, 0);
    const { session } = start({}, [member(3, "b", 0, 11)], memory);
    session.handle({ type: "opened" }, 0);
    session.handle(packet({ ...CONNACK, sessionPresent: true }), 0);

    expect(session.handle({ type: "forget", stream: 10 }, 0)).toMatchObject([
      { packet: { type: "unsubscribe", filter: "a" } },
    ]);
    expect(start({}, [], memory).session.handle({ type: "forget", stream: 11 }, 0)).toEqual([]);
  });

  test("says so when every identifier is in use", () => {
    const memory = new SessionMemory();
    const session = opened({}, [member(1), member(2, "kept", 0, 50)], {}, memory);
    session.handle(packet({ type: "suback", id: 1, codes: [0] }), 0);
    for (let ticket = 1; ticket <= 65_536; ticket++) session.handle(send(ticket, 1), 0);

    expect(session.handle({ type: "attach", member: member(3, "a") }, 0)).toMatchObject([
      { type: "refused", member: 3, reason: { message: expect.stringContaining("identifier") } },
    ]);
    expect(session.handle({ type: "detach", member: 2 }, 0)).toEqual([]);
    expect(memory.inflight.size).toBe(65_536);
  });
});

describe("births", () => {
  const birth = { topic: "b", payload: "born", qos: 1, retain: true } as const;

  test("are acknowledged before a member is established, and sent once for all", () => {
    const session = opened({}, [member(1)], {});

    expect(session.handle({ type: "attach", member: { ...member(2), birth } }, 0)).toEqual([
      {
        type: "write",
        packet: {
          type: "publish",
          id: 1,
          topic: "b",
          payload: encodeUtf8("born"),
          qos: 1,
          retain: true,
          dup: false,
        },
      },
    ]);
    expect(session.handle({ type: "attach", member: { ...member(3), birth } }, 0)).toEqual([]);
    expect(session.handle(ack("puback", 1), 0)).toEqual([
      { type: "established", member: 2 },
      { type: "established", member: 3 },
    ]);
    expect(session.handle({ type: "attach", member: { ...member(4), birth } }, 0)).toEqual([
      { type: "established", member: 4 },
    ]);
  });

  test("come after SUBACK and before the messages that wait", () => {
    const memory = new SessionMemory();
    memory.inflight.add(message(5, 1));
    const session = opened({}, [{ ...member(1, "a"), birth }], { receiveMaximum: 2 }, memory);
    session.handle(send(6, 1), 0);
    session.handle(send(7, 1), 0);

    expect(session.handle(packet({ type: "suback", id: 1, codes: [0] }), 0)).toEqual([]);
    expect(session.handle(ack("puback", 2), 0)).toMatchObject([
      { type: "settled", ticket: 5 },
      { type: "write", packet: { topic: "b" } },
    ]);
  });

  test("that are refused end a session that nobody else is in, and what waited behind them stays unsaid", () => {
    const session = opened({ version: 5 }, [{ ...member(1), birth }], { receiveMaximum: 1 });
    session.handle(send(6, 1), 0);

    expect(session.handle(ack("puback", 1, 0x87), 0)).toEqual([
      expect.objectContaining({ type: "refused", member: 1 }),
      { type: "write", packet: { type: "disconnect", code: 0 } },
      { type: "close", reason: undefined },
    ]);
  });

  test("of QoS 0 are done once written", () => {
    const session = opened({}, [member(1)]);

    expect(
      session.handle({ type: "attach", member: { ...member(2), birth: { ...birth, qos: 0 } } }, 0),
    ).toMatchObject([
      { type: "write", packet: { type: "publish", id: 0 } },
      { type: "established", member: 2 },
    ]);
  });

  test("that the broker or its limits refuse cost the member its place", () => {
    const session = opened({ version: 5 }, [member(1)], { retainAvailable: false });
    const plain = { ...birth, retain: false };

    expect(session.handle({ type: "attach", member: { ...member(2), birth } }, 0)).toMatchObject([
      { type: "refused", member: 2, reason: { code: "mqtt-publish-refused" } },
    ]);
    session.handle({ type: "attach", member: { ...member(3), birth: plain } }, 0);
    session.handle({ type: "attach", member: { ...member(4), birth: { ...plain, topic: "c" } } }, 0);
    expect(session.handle(ack("puback", 1, 0x87), 0)).toMatchObject([{ type: "refused", member: 3 }]);
    expect(session.handle({ type: "attach", member: { ...member(5), birth: plain } }, 0)).toMatchObject([
      { packet: { type: "publish" } },
    ]);
    session.handle({ type: "detach", member: 4 }, 0);
    expect(session.handle(ack("puback", 2), 0)).toEqual([]);
  });

  test("end with their connection and are sent anew on the next", () => {
    const memory = new SessionMemory();
    const first = opened({}, [{ ...member(1), birth: { ...birth, qos: 2 } }], {}, memory);
    first.handle({ type: "lost", reason: LOST }, 1);
    const { session } = start({}, [{ ...member(2), birth }], memory);
    session.handle({ type: "opened" }, 2);

    expect(session.handle(packet({ ...CONNACK, sessionPresent: true }), 3)).toMatchObject([
      { packet: { type: "publish", id: 2, dup: false } },
      { packet: { type: "pubrel", id: 1 } },
    ]);
    expect(session.handle(ack("pubcomp", 1), 4)).toEqual([]);
  });
});

describe("receiving", () => {
  test("passes a message on to those whose filter matches, and acknowledges it", () => {
    const session = opened({}, [member(1, "a/+"), member(2, "a/#"), member(3, "b")]);

    const expected = { type: "message", members: [1, 2], absent: [] };
    expect(session.handle(packet(received("a/x", 0)), 0)).toEqual([
      { ...expected, packet: received("a/x", 0) },
    ]);
    expect(session.handle(packet(received("a/x", 1, 7)), 0)).toMatchObject([
      expected,
      { type: "write", packet: { type: "puback", id: 7, code: 0 } },
    ]);
    expect(session.handle(packet(received("nobody", 1, 8)), 0)).toEqual([
      { type: "write", packet: { type: "puback", id: 8, code: 0 } },
    ]);
  });

  test("remembers whom a thousand topics are for, and forgets when the members change", () => {
    const session = opened({}, [member(1, "t/#")]);
    for (let count = 0; count < 1002; count++) session.handle(packet(received(`t/${count}`, 0)), 0);
    session.handle({ type: "attach", member: member(2, "t/1") }, 0);

    expect(session.handle(packet(received("t/1", 0)), 0)).toMatchObject([{ members: [1, 2] }]);
  });

  test("passes a message of QoS 2 on once, however often it comes before PUBREL", () => {
    const session = opened({}, [member(1, "a")]);

    expect(session.handle(packet(received("a", 2, 9)), 0)).toMatchObject([
      { type: "message" },
      { packet: { type: "pubrec", id: 9 } },
    ]);
    expect(session.handle(packet({ ...received("a", 2, 9), dup: true }), 0)).toEqual([
      { type: "write", packet: { type: "pubrec", id: 9, code: 0 } },
    ]);
    expect(session.handle(ack("pubrel", 9), 0)).toEqual([
      { type: "write", packet: { type: "pubcomp", id: 9, code: 0 } },
    ]);
    expect(session.handle(packet(received("a", 2, 9)), 0)).toMatchObject([{ type: "message" }, {}]);
  });

  test("answers a PUBREL of which it knows nothing", () => {
    expect(opened({}, [member(1)]).handle(ack("pubrel", 3), 0)).toMatchObject([{ packet: { code: 0 } }]);
    expect(opened({ version: 5 }, [member(1)]).handle(ack("pubrel", 3), 0)).toMatchObject([
      { packet: { type: "pubcomp", id: 3, code: 0x92 } },
    ]);
  });

  test("says for which absent streams the server's session has a message", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1, "a", 1, 10), member(2, "b", 1, 11)], {}, memory);
    first.handle(packet({ type: "suback", id: 1, codes: [1] }), 0);
    first.handle(packet({ type: "suback", id: 2, codes: [1] }), 0);
    first.handle({ type: "lost", reason: LOST }, 0);
    const { session } = start({}, [member(3, "a", 1, 10)], memory);
    session.handle({ type: "opened" }, 0);
    session.handle(packet({ ...CONNACK, sessionPresent: true }), 0);

    expect(session.handle(packet(received("b", 0)), 0)).toMatchObject([{ members: [], absent: [11] }]);
    expect(session.handle(packet(received("a", 0)), 0)).toMatchObject([{ members: [3], absent: [] }]);
  });
});

describe("publishing", () => {
  test("writes QoS 0 and forgets it", () => {
    const memory = new SessionMemory();
    const session = opened({}, [member(1)], {}, memory);

    expect(session.handle(send(1, 0), 0)).toEqual([
      {
        type: "write",
        packet: { type: "publish", id: 0, dup: false, topic: "t", payload: DATA, qos: 0, retain: false },
      },
    ]);
    expect(memory.inflight.size).toBe(0);
  });

  test("loses QoS 0 where there is no connection", () => {
    expect(start().session.handle(send(1, 0), 0)).toMatchObject([
      { type: "settled", ticket: 1, outcome: { type: "lost", reason: { code: "connection-lost" } } },
    ]);
  });

  test("settles QoS 1 on PUBACK", () => {
    const session = opened({}, [member(1)]);

    expect(session.handle(send(1, 1), 0)).toMatchObject([{ packet: { type: "publish", id: 1, dup: false } }]);
    expect(session.handle(ack("puback", 1), 0)).toEqual([
      { type: "settled", ticket: 1, outcome: { type: "acknowledged" } },
    ]);
  });

  test("settles QoS 2 on PUBCOMP", () => {
    const session = opened({}, [member(1)]);
    session.handle(send(1, 2), 0);

    expect(session.handle(ack("pubrec", 1), 0)).toEqual([
      { type: "write", packet: { type: "pubrel", id: 1, code: 0 } },
    ]);
    expect(session.handle(ack("pubrec", 1), 0)).toEqual([]);
    expect(session.handle(ack("pubcomp", 1), 0)).toEqual([
      { type: "settled", ticket: 1, outcome: { type: "acknowledged" } },
    ]);
  });

  test.each(["puback", "pubrec"] as const)("settles as refused where %s says so", (type) => {
    const session = opened({ version: 5 }, [member(1)]);
    session.handle(send(1, type === "puback" ? 1 : 2), 0);

    expect(session.handle(ack(type, 1, 0x97), 0)).toMatchObject([
      { type: "settled", ticket: 1, outcome: { type: "refused", reason: { code: "mqtt-publish-refused" } } },
    ]);
  });

  test("never has more in flight than the broker's Receive Maximum; the others wait in order", () => {
    const session = opened({ version: 5 }, [member(1)], { receiveMaximum: 2 });
    const written = [1, 2, 3, 4].map((ticket) => session.handle(send(ticket, 1), 0).length);

    expect(written).toEqual([1, 1, 0, 0]);
    expect(session.handle(ack("puback", 2), 0)).toMatchObject([{ ticket: 2 }, { packet: { id: 3 } }]);
    expect(session.handle(ack("puback", 1), 0)).toMatchObject([{ ticket: 1 }, { packet: { id: 4 } }]);
  });

  test.each([
    ["+", {}, "mqtt-publish-refused"],
    ["t", { maximumQos: 1 }, "mqtt-publish-refused"],
    ["t", { retainAvailable: false }, "mqtt-publish-refused"],
    ["t", { maximumPacketSize: 11 }, "mqtt-too-large"],
  ])("refuses a message on %s where the broker says %j", (topic, said, code) => {
    const memory = new SessionMemory();
    const bad = { ...message(1, 2), topic, retain: true };
    const session = opened({ version: 5 }, [member(1)], said, memory);

    expect(session.handle({ type: "send", message: bad }, 0)).toMatchObject([
      { type: "settled", ticket: 1, outcome: { type: "refused", reason: { code } } },
    ]);
    expect(memory.inflight.size).toBe(0);
  });

  test("takes a packet of exactly the broker's Maximum Packet Size", () => {
    for (const [length, size] of [
      [4, 12],
      [200, 209],
      [20_000, 20_010],
      [2_100_000, 2_100_011],
    ] as const) {
      const large = { ...message(1, 2), payload: new Uint8Array(length) };
      const taken = opened({ version: 5 }, [member(1)], { maximumPacketSize: size });
      const refused = opened({ version: 5 }, [member(1)], { maximumPacketSize: size - 1 });
      expect(taken.handle({ type: "send", message: large }, 0)).toMatchObject([{ type: "write" }]);
      expect(refused.handle({ type: "send", message: large }, 0)).toMatchObject([{ type: "settled" }]);
    }
    const small = opened({ version: 5 }, [member(1)], { maximumPacketSize: 9 });
    expect(small.handle(send(1, 0), 0)).toMatchObject([{ type: "settled" }]);
  });

  test("refuses what waited when the next broker does not take it", () => {
    const memory = new SessionMemory();
    memory.inflight.add(message(1, 2));
    memory.inflight.add(message(2, 1));
    const { session } = start({ version: 5 }, [member(1)], memory);
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet({ ...CONNACK, maximumQos: 1 }), 0)).toMatchObject([
      { type: "established" },
      { type: "settled", ticket: 1, outcome: { type: "refused" } },
      { type: "write", packet: { qos: 1 } },
    ]);
  });
});

describe("repeating on the same connection", () => {
  test("3.1.1: after 3 s, three times, with DUP; then the message is refused", () => {
    const session = opened({}, [member(1)]);
    session.handle(send(1, 1), 0);

    for (const time of [3000, 6000, 9000]) {
      expect(session.deadline).toBe(time);
      expect(session.handle(TIMEOUT, time)).toMatchObject([
        { packet: { type: "publish", id: 1, dup: true } },
      ]);
    }
    expect(session.handle(TIMEOUT, 12_000)).toMatchObject([
      { type: "settled", ticket: 1, outcome: { type: "refused", reason: { code: "mqtt-not-acknowledged" } } },
    ]);
    expect(session.deadline).toBe(NEVER);
    expect(session.handle(ack("puback", 1), 13_000)).toEqual([]);
  });

  test("3.1.1: repeats PUBREL as well, in the order of the last write", () => {
    const session = opened({}, [member(1)]);
    session.handle(send(1, 2), 0);
    session.handle(send(2, 1), 1000);
    session.handle(ack("pubrec", 1), 2000);

    expect(session.handle(TIMEOUT, 4000)).toMatchObject([{ packet: { type: "publish", id: 2 } }]);
    expect(session.deadline).toBe(5000);
    expect(session.handle(TIMEOUT, 5000)).toMatchObject([{ packet: { type: "pubrel", id: 1 } }]);
    expect(session.deadline).toBe(7000);
  });

  test("an early timeout repeats nothing", () => {
    const session = opened({}, [member(1)]);
    session.handle(send(1, 1), 0);

    expect(session.handle(TIMEOUT, 2999)).toEqual([]);
  });

  test("5: never; the message is refused after the same time", () => {
    const session = opened({ version: 5 }, [member(1)]);
    session.handle(send(1, 1), 0);

    expect(session.deadline).toBe(12_000);
    expect(session.handle(TIMEOUT, 12_000)).toMatchObject([
      { type: "settled", outcome: { type: "refused" } },
    ]);
  });

  test("does not take the acknowledgement of a repetition for that of a later message", () => {
    const session = opened({}, [member(1)]);
    session.handle(send(1, 1), 0);
    session.handle(TIMEOUT, 3000);
    session.handle(TIMEOUT, 6000);
    session.handle(ack("puback", 1), 6001);

    const ids = new Set<number>();
    for (let ticket = 2; ticket <= 65_535; ticket++) {
      for (const output of session.handle(send(ticket, 1), 6002)) {
        if (output.type === "write" && output.packet.type === "publish") ids.add(output.packet.id);
      }
    }
    expect(ids.size).toBe(65_534);
    expect(ids.has(1)).toBe(false);
    expect(session.handle(ack("puback", 1), 6003)).toEqual([]);
    expect(session.handle(ack("puback", 1), 6003)).toEqual([]);
    expect(session.handle(send(70_000, 1), 6004)).toMatchObject([{ packet: { id: 1 } }]);
  });

  test("a second PUBREC that answers a repetition is no news", () => {
    const session = opened({}, [member(1)]);
    session.handle(send(1, 2), 0);
    session.handle(TIMEOUT, 3000);
    session.handle(ack("pubrec", 1), 3001);

    expect(session.handle(ack("pubrec", 1), 3002)).toEqual([]);
    expect(session.handle(ack("pubcomp", 1), 3003)).toMatchObject([{ type: "settled" }]);
    expect(session.handle(ack("pubrec", 1), 3004)).toMatchObject([{ packet: { type: "pubrel", code: 0 } }]);
  });
});

test("an identifier in flight is never given to another message", () => {
  const session = opened({}, [member(1)]);
  for (let ticket = 1; ticket <= 65_535; ticket++) session.handle(send(ticket, 1), 0);

  expect(session.handle(send(65_536, 1), 0)).toEqual([]);
  expect(session.handle(ack("puback", 500), 0)).toMatchObject([{ ticket: 500 }, { packet: { id: 500 } }]);
});

test("a message waits when subscriptions hold the last identifiers", () => {
  const session = opened({}, [member(1, "a")]);
  for (let ticket = 1; ticket <= 65_534; ticket++) session.handle(send(ticket, 1), 0);

  expect(session.handle(send(65_535, 1), 0)).toEqual([]);
  expect(session.handle(packet({ type: "suback", id: 1, codes: [0] }), 0)).toMatchObject([
    { type: "established" },
    { packet: { type: "publish", id: 1 } },
  ]);
});

test("a message given up is passed over when others are late", () => {
  const session = opened({ version: 5 }, [member(1)]);
  session.handle(send(1, 1), 0);
  session.handle(send(2, 1), 1000);
  session.handle(TIMEOUT, 12_000);

  expect(session.handle(TIMEOUT, 13_000)).toMatchObject([{ type: "settled", ticket: 2 }]);
});

test("a word it does not know is misuse", () => {
  const unknown = { type: "nonsense" } as unknown;

  expect(() => opened({}, [member(1)]).handle(unknown as SessionInput, 0)).toThrow(TypeError);
  expect(() => opened({}, [member(1)]).handle(packet(unknown as Inbound), 0)).toThrow(TypeError);
});

describe("repeating on the next connection", () => {
  test("with the session kept: PUBRELs, then PUBLISHes with DUP and the same identifiers, in order", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1)], { receiveMaximum: 4 }, memory);
    for (const [ticket, qos] of [
      [1, 2],
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 1],
    ] as const)
      first.handle(send(ticket, qos), 0);
    first.handle(ack("pubrec", 3), 0);
    first.handle(ack("pubrec", 1), 0);
    first.handle({ type: "lost", reason: LOST }, 0);

    expect(first.handle(send(6, 1), 0)).toEqual([]);
    expect(first.handle(send(7, 0), 0)).toEqual([]);
    expect(reopened(memory, true)).toMatchObject([
      { type: "pubrel", id: 3 },
      { type: "pubrel", id: 1 },
      { type: "publish", id: 2, dup: true },
      { type: "publish", id: 4, dup: true },
      { type: "publish", id: 5, dup: false },
      { type: "publish", id: 6, dup: false },
    ]);
  });

  test("with the session lost: everything anew and in its order, QoS 2 from the start", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1)], { receiveMaximum: 2 }, memory);
    for (const [ticket, qos] of [
      [1, 2],
      [2, 1],
      [3, 1],
    ] as const)
      first.handle(send(ticket, qos), 0);
    first.handle(ack("pubrec", 1), 0);
    first.handle({ type: "lost", reason: LOST }, 0);

    const topics = reopened(memory, false);
    expect(topics).toMatchObject([
      { type: "publish", id: 3, qos: 2, dup: true },
      { type: "publish", id: 4, qos: 1, dup: true },
      { type: "publish", id: 5, qos: 1, dup: false },
    ]);
  });

  test("respects a smaller Receive Maximum than before", () => {
    const memory = new SessionMemory();
    const first = opened({ version: 5 }, [member(1)], {}, memory);
    for (const ticket of [1, 2, 3]) first.handle(send(ticket, 1), 0);
    first.handle({ type: "lost", reason: LOST }, 0);
    const { session } = start({ version: 5 }, [member(2)], memory);
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet({ ...CONNACK, sessionPresent: true, receiveMaximum: 1 }), 0)).toMatchObject([
      { type: "established" },
      { packet: { id: 1, dup: true } },
    ]);
    expect(session.handle(ack("puback", 3), 0)).toMatchObject([
      { type: "write", packet: { type: "disconnect", code: 0x82 } },
      { type: "close", reason: { code: "mqtt-protocol" } },
    ]);
    expect(reopened(memory, true)).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  test("drops what a forgotten stream had handed over; an identifier of QoS 2 is released first", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1)], { receiveMaximum: 3 }, memory);
    for (const [ticket, qos] of [
      [1, 2],
      [2, 1],
      [3, 1],
      [4, 1],
    ] as const)
      first.handle(send(ticket, qos), 0);
    first.handle({ type: "forget", stream: 100 }, 0);
    first.handle({ type: "send", message: { ...message(5, 1), stream: 200 } }, 0);

    expect(first.handle(ack("puback", 2), 0)).toMatchObject([{ packet: { id: 4 } }]);
    expect(first.handle(TIMEOUT, 3000)).toMatchObject([{ packet: { id: 4, dup: true } }]);
    first.handle({ type: "lost", reason: LOST }, 3000);
    expect(reopened(memory, true)).toMatchObject([
      { type: "pubrel", id: 1 },
      { type: "publish", id: 4 },
    ]);
    expect(reopened(memory, false)).toMatchObject([{ type: "publish", dup: true }]);
  });

  test("forgets a message that still waits for its repetition", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1)], {}, memory);
    first.handle(send(1, 2), 0);
    first.handle({ type: "lost", reason: LOST }, 0);
    first.handle({ type: "forget", stream: 100 }, 0);

    expect(reopened(memory, true)).toMatchObject([{ type: "pubrel", id: 1 }]);
  });

  test("gives a stream's messages up for another session, in order", () => {
    const memory = new SessionMemory();
    const first = opened({}, [member(1)], { receiveMaximum: 2 }, memory);
    for (const ticket of [1, 2, 3]) first.handle(send(ticket, 1), 0);
    first.handle({ type: "send", message: { ...message(4, 1), stream: 200 } }, 0);

    expect(memory.inflight.take(100).map(({ ticket }) => ticket)).toEqual([1, 2, 3]);
    expect(memory.inflight.take(100)).toEqual([]);
    expect(first.handle(ack("puback", 1), 0)).toMatchObject([{ type: "write", packet: { id: 3 } }]);
  });
});

describe("keeping alive", () => {
  test("pings when it was silent for nine tenths of the interval", () => {
    const session = opened({ keepAlive: seconds(10) }, [member(1)]);

    expect(session.deadline).toBe(9000);
    expect(session.handle(TIMEOUT, 9000)).toEqual([{ type: "write", packet: { type: "pingreq" } }]);
    expect(session.deadline).toBe(18_000);
    session.handle(packet({ type: "pingresp" }), 9100);
    session.handle(send(1, 0), 10_000);
    expect(session.handle(TIMEOUT, 18_000)).toEqual([]);
    expect(session.deadline).toBe(19_000);
  });

  test("closes when the answer does not come", () => {
    const session = opened({ keepAlive: seconds(10) }, [member(1)]);
    session.handle(TIMEOUT, 9000);
    session.handle(TIMEOUT, 18_000);

    expect(session.deadline).toBe(19_000);
    expect(session.handle(TIMEOUT, 19_000)).toMatchObject([
      { type: "close", reason: { code: "validity-timeout" } },
    ]);
  });

  test("takes the server's interval for its own", () => {
    const session = opened({ version: 5, keepAlive: seconds(60) }, [member(1)], { serverKeepAlive: 20 });

    expect(session.deadline).toBe(18_000);
  });

  test("does not judge a silence of its own making", () => {
    const session = opened({ keepAlive: seconds(10) }, [member(1)]);
    session.handle(TIMEOUT, 9000);
    session.handle({ type: "reading", on: false }, 9500);

    expect(session.deadline).toBe(18_000);
    expect(session.handle(TIMEOUT, 18_000)).toEqual([{ type: "write", packet: { type: "pingreq" } }]);
    expect(session.handle({ type: "reading", on: true }, 30_000)).toEqual([]);
    expect(session.handle(TIMEOUT, 30_000)).toEqual([{ type: "write", packet: { type: "pingreq" } }]);
    start().session.handle({ type: "reading", on: false }, 0);
  });

  test("probes when told to", () => {
    expect(opened({}, [member(1)]).handle({ type: "probe" }, 0)).toMatchObject([
      { packet: { type: "pingreq" } },
    ]);
    expect(start().session.handle({ type: "probe" }, 0)).toEqual([]);
    expect(start().session.handle(TIMEOUT, 0)).toEqual([]);
  });
});

describe("a server that breaks the protocol is left", () => {
  const faults: readonly (readonly [string, SessionInput, number])[] = [
    ["a second CONNACK", packet({ type: "connack", sessionPresent: false, code: 0 }), 0x82],
    ["PUBACK for nothing", ack("puback", 77), 0x82],
    ["PUBCOMP for nothing", ack("pubcomp", 77), 0x82],
    ["PUBACK for QoS 2", ack("puback", 2), 0x82],
    ["PUBREC for QoS 1", ack("pubrec", 1), 0x82],
    ["PUBCOMP before PUBREC", ack("pubcomp", 2), 0x82],
    ["SUBACK for nothing", packet({ type: "suback", id: 77, codes: [0] }), 0x82],
    ["UNSUBACK for a SUBSCRIBE", packet({ type: "unsuback", id: 3, codes: [0] }), 0x82],
    ["SUBACK with two codes", packet({ type: "suback", id: 3, codes: [0, 0] }), 0x82],
    ["SUBACK with no code", packet({ type: "suback", id: 3, codes: [] }), 0x82],
    ["an identifier of 0", packet(received("a", 1, 0)), 0x82],
    ["a topic with a wildcard", packet(received("a/+", 0)), 0x82],
    ["a topic alias", packet({ ...received("a", 0), topicAlias: 1 }), 0x94],
    ["a packet for servers", packet({ type: "other", name: "subscribe" }), 0x82],
    ["bytes that are no packet", { type: "malformed", detail: "QoS 3" }, 0x81],
    ["a packet too large", { type: "oversized", length: 268_435_460 }, 0x95],
  ];

  test.each(faults)("%s", (_, input, code) => {
    for (const version of [4, 5] as const) {
      const session = opened({ version }, [member(1)]);
      session.handle(send(1, 1), 0);
      session.handle(send(2, 2), 0);
      session.handle({ type: "attach", member: member(2, "a") }, 0);

      const reason = { layer: "mqtt", code: code === 0x95 ? "mqtt-too-large" : "mqtt-protocol" };
      const outputs = session.handle(input, 0);
      expect(outputs.at(-1)).toMatchObject({ type: "close", reason });
      expect(outputs.slice(0, -1)).toEqual(
        version === 4 ? [] : [{ type: "write", packet: { type: "disconnect", code } }],
      );
      expect(session.handle(packet(received("a", 0)), 0)).toEqual([]);
    }
  });

  test("anything before CONNACK", () => {
    const { session } = start({ version: 5 });
    session.handle({ type: "opened" }, 0);

    expect(session.handle(packet({ type: "pingresp" }), 0)).toMatchObject([
      { packet: { type: "disconnect", code: 0x82 } },
      { type: "close", reason: { message: expect.stringContaining("PINGRESP before CONNACK") } },
    ]);
  });

  test("bytes before CONNECT are nobody's fault but end it", () => {
    expect(start({ version: 5 }).session.handle({ type: "malformed", detail: "x" }, 0)).toMatchObject([
      { type: "close" },
    ]);
  });

  test("more of QoS 2 in flight than it was allowed", () => {
    const session = opened({ version: 5 }, [member(1)]);
    for (const id of [1, 2, 3]) session.handle(packet(received("a", 2, id)), 0);

    expect(session.handle(packet(received("a", 2, 3)), 0)).toMatchObject([{ packet: { type: "pubrec" } }]);
    expect(session.handle(packet(received("a", 2, 4)), 0)).toMatchObject([
      { packet: { type: "disconnect", code: 0x93 } },
      { type: "close" },
    ]);
  });

  test("but an unknown PUBREC is answered, for the server may hold it from before", () => {
    expect(opened({ version: 5 }, [member(1)]).handle(ack("pubrec", 9), 0)).toEqual([
      { type: "write", packet: { type: "pubrel", id: 9, code: 0x92 } },
    ]);
  });
});

describe("the server's DISCONNECT", () => {
  test.each([
    [{ code: 0x8e }, "0x8e (session taken over)"],
    [{ code: 0, reason: "bye" }, `normal disconnection, "bye"`],
    [{ code: 0x9c, serverReference: "b" }, `0x9c (use another server); it names "b"`],
  ])("%j is told", (said, text) => {
    const session = opened({ version: 5 }, [member(1)]);

    expect(session.handle(packet({ type: "disconnect", ...said }), 0)).toEqual([
      {
        type: "close",
        reason: { layer: "mqtt", code: "mqtt-disconnected", message: `The broker disconnected: ${text}` },
      },
    ]);
  });

  test("breaks the protocol in 3.1.1", () => {
    expect(opened({}, [member(1)]).handle(packet({ type: "disconnect", code: 0 }), 0)).toMatchObject([
      { type: "close", reason: { code: "mqtt-protocol" } },
    ]);
  });
});

const CONNACK: ConnectReply = { type: "connack", sessionPresent: false, code: 0 };

function start(
  settings: Partial<SessionSettings> = {},
  members: readonly Member[] = [member(1)],
  memory = new SessionMemory(),
): { session: MqttSession } {
  const session = new MqttSession({ ...SETTINGS, ...settings }, memory);
  for (const one of members) session.handle({ type: "attach", member: one }, 0);
  return { session };
}

function opened(
  settings: Partial<SessionSettings>,
  members: readonly Member[],
  said: Partial<ConnectReply> = {},
  memory = new SessionMemory(),
): MqttSession {
  const { session } = start(settings, members, memory);
  session.handle({ type: "opened" }, 0);
  session.handle(packet({ ...CONNACK, ...said }), 0);
  return session;
}

/** What is written on the next connection, after CONNECT. */
function reopened(memory: SessionMemory, sessionPresent: boolean, now: Millis = 0): readonly Outbound[] {
  const { session } = start({}, [member(900)], memory);
  session.handle({ type: "opened" }, now);
  const outputs: readonly SessionOutput[] = session.handle(packet({ ...CONNACK, sessionPresent }), now);
  session.handle({ type: "lost", reason: LOST }, now);
  return outputs.flatMap((output) => (output.type === "write" ? [output.packet] : []));
}

function member(id: number, filter?: string, qos: 0 | 1 | 2 = 0, stream = 1000 + id): Member {
  return { id, stream, subscribe: filter === undefined ? undefined : { filter, qos }, birth: undefined };
}

function message(ticket: number, qos: 0 | 1 | 2): Outgoing {
  return { ticket, stream: 100, topic: "t", payload: DATA, qos, retain: false };
}

function send(ticket: number, qos: 0 | 1 | 2): SessionInput {
  return { type: "send", message: message(ticket, qos) };
}

function packet(value: Inbound): SessionInput {
  return { type: "packet", packet: value };
}

function ack(type: "puback" | "pubrec" | "pubrel" | "pubcomp", id: number, code = 0): SessionInput {
  return packet({ type, id, code });
}

function received(topic: string, qos: 0 | 1 | 2, id = 0): Received {
  return { type: "publish", id, topic, payload: DATA, qos, retain: false, dup: false };
}
