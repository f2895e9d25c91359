import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Stream } from "../../src/index.ts";
import { createDevice, type Device, type DeviceOptions } from "../../src/system.ts";
import { type Namespace, namespacesMissing, spawnIn } from "../namespace.ts";
import { peersMissing } from "../peers.ts";
import { devicePolicy, FETCH_POLICY } from "./device.ts";
import { Outskirts } from "./outskirts.ts";
import { SECOND, TOWN, type Town } from "./town.ts";

const missing = namespacesMissing() ?? peersMissing("dnsmasq", "chronyd", "nginx", "mosquitto");
const TEN_YEARS = 10 * 365.25 * 86_400_000;
const PROTOCOLS = ["h1", "h2", "ws", "mqtt", "raw"] as const;

describe.skipIf(missing)("a device in a network of real servers", () => {
  let outskirts: Outskirts;
  let network: Namespace;
  let namespace: string;
  let town: Town;

  beforeAll(async () => {
    outskirts = await Outskirts.open();
    ({ network, namespace, town } = outskirts);
  }, 120_000);
  afterAll(async () => {
    await outskirts.close();
  });

  const device = async (options: Partial<DeviceOptions> = {}): Promise<Device> => {
    const made = await createDevice({
      policy: devicePolicy(town),
      interfaces: [{ interface: "dev0", conflictDetection: false }],
      time: { servers: [TOWN, SECOND] },
      ...options,
    });
    onTestFinished(() => made.stop());
    return made;
  };

  test("comes up with a clock that is ten years behind, and speaks every protocol", async () => {
    const before = network.state();
    const wall = () => Date.now() - TEN_YEARS;
    const made = await device({ time: { servers: [TOWN, SECOND], wall } });
    const states: string[] = [];
    made.system.on("state", ({ state }) => states.push(state));

    await made.system.reached("OPERATIONAL");

    expect(states.filter((state) => state === "TIME_VALID")).toHaveLength(1);
    expect(Math.abs((made.time?.now() ?? 0) - Date.now())).toBeLessThan(1000);
    for (const protocol of PROTOCOLS) expect(await exchange(made, protocol), protocol).toBe("hello");
    await made.stop();
    network.ip("link set dev0 down");
    expect(network.state()).toBe(before);
  });

  test("goes back when its cable is pulled, and is OPERATIONAL with its streams when it is in again", async () => {
    const made = await device();
    await made.system.reached("OPERATIONAL");
    const stream = made.context.open("ws");
    await stream.reached("connected");
    const fallen = entered(made, "IFACE_COLDPLUG", "COLLECTING_STDIN");
    const lost = stream.reached("disconnected");

    network.ip(`-n ${namespace} link set town0 down`);
    await fallen;
    expect(made.system.heldBy[0]).toMatchObject({ state: "IFACE_COLDPLUG", by: "link" });
    await lost;
    const back = stream.reached("connected");
    network.ip(`-n ${namespace} link set town0 up`);

    await made.system.reached("OPERATIONAL");
    await back;
  });

  test("takes another name server from its lease when the server has another", async () => {
    const made = await device();
    await made.system.reached("OPERATIONAL");
    expect(made.resolver.servers).toEqual([TOWN]);

    await town.restartDhcp({ dns: [SECOND] });
    const renewed = leased(made, "renewed");
    made.clients[0]?.renew();
    await renewed;

    expect(made.resolver.servers).toEqual([SECOND]);
    expect(await made.resolver.addresses("town.test", { fresh: true })).toEqual([TOWN]);
    await town.restartDhcp();
  });

  test("loses no message when its address changes under load", async () => {
    const made = await device();
    await made.system.reached("OPERATIONAL");
    const stream = made.context.open("mqtt");
    await stream.reached("connected");
    const sent: Promise<unknown>[] = [];
    let isDone = false;
    const load = (async () => {
      for (let number = 0; !isDone; number++) {
        sent.push(stream.send(`${number}`));
        await new Promise((resolve) => setImmediate(resolve));
        if (sent.length % 50 === 0) await Promise.all(sent);
      }
    })();
    const before = made.clients[0]?.lease?.address;
    const changed = leased(made, "acquired");

    await town.restartDhcp({ first: 150, last: 190 }, { forget: true });
    made.clients[0]?.renew();
    await changed;
    await stream.reached("connected");
    isDone = true;
    await load;

    expect(made.clients[0]?.lease?.address).not.toBe(before);
    const outcomes = await Promise.allSettled(sent);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
    await town.restartDhcp({}, { forget: true });
  });

  test("does not believe a time server that lies while another tells the truth", async () => {
    await town.kill("chronyd");
    await town.startTime(["local stratum 3", `bindaddress ${TOWN}`]);
    const program = new URL("./liar.mjs", import.meta.url).pathname;
    const liar = spawnIn(namespace, process.execPath, [program, SECOND, "20"]);
    await new Promise((resolve) => liar.stdout?.once("data", resolve));
    const made = await device();
    const told = new Promise<string>((resolve) => {
      made.system.on("time", (event) => {
        if (event.type === "undecided") resolve(event.why);
      });
    });

    expect(await told).toBe("disagreement");
    expect(made.system.heldBy[0]).toMatchObject({ state: "TIME_VALID", by: "time" });
    liar.kill("SIGKILL");
    await town.kill("chronyd");
    await town.startTime();
  });

  test("fetches its policy, keeps it when the next is bad, and reconnects only the streams that a new one changes", async () => {
    const base = devicePolicy(town, { streams: { fetch_policy: FETCH_POLICY } }) as {
      streams: Record<string, object>;
    };
    town.setPolicy(JSON.stringify(base));
    const made = await device({ policy: base });
    await made.system.reached("OPERATIONAL");
    const streams = { ws: made.context.open("ws"), raw: made.context.open("raw") };
    await Promise.all([streams.ws.reached("connected"), streams.raw.reached("connected")]);
    const left: string[] = [];
    for (const [name, stream] of Object.entries(streams)) {
      stream.on("state", ({ state }) => state === "disconnected" && left.push(name));
    }

    const refused = policyTold(made, "refused");
    town.setPolicy('{ "streams": { "ws": { "protocol": "nonsense" } } }');
    made.refreshPolicy();
    await refused;
    expect([left, made.system.state]).toEqual([[], "OPERATIONAL"]);

    const applied = policyTold(made, "applied");
    const changed = { ...base, streams: { ...base.streams, ws: { ...base.streams.ws, http_url: "other" } } };
    town.setPolicy(JSON.stringify(changed));
    made.refreshPolicy();
    await applied;
    await streams.ws.reached("connected");

    expect(left).toEqual(["ws"]);
    expect(streams.raw.isConnected).toBe(true);
  });
});

/** Sends "hello" over a stream of its own, and gives what comes back. */
async function exchange({ context }: Device, protocol: (typeof PROTOCOLS)[number]): Promise<string> {
  if (protocol === "h1" || protocol === "h2") {
    const reply = await context.request(protocol, protocol === "h2" ? { payload: "hello" } : {});
    return await reply.text();
  }
  const stream: Stream = context.open(protocol);
  await stream.reached("connected");
  const first = stream[Symbol.asyncIterator]().next();
  await stream.send("hello");
  const { value } = await first;
  stream.close();
  return Buffer.from(value?.payload ?? []).toString();
}

/** Resolves when the system has fallen to one of the states. */
function entered({ system }: Device, ...names: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    system.on("state", ({ state }) => names.includes(state) && resolve());
  });
}

function leased({ clients }: Device, change: string): Promise<void> {
  return new Promise((resolve) => {
    clients[0]?.on("lease", (event) => event.change === change && resolve());
  });
}

function policyTold({ system }: Device, type: string): Promise<void> {
  return new Promise((resolve) => {
    system.on("policy", (event) => event.type === type && resolve());
  });
}
