import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Stream } from "../../src/index.ts";
import { createDevice, type Device } from "../../src/system.ts";
import { type Namespace, namespacesMissing } from "../namespace.ts";
import { peersMissing } from "../peers.ts";
import { devicePolicy } from "./device.ts";
import { Outskirts } from "./outskirts.ts";
import { SECOND, TOWN, type Town } from "./town.ts";

const missing = namespacesMissing() ?? peersMissing("dnsmasq", "chronyd", "nginx", "mosquitto", "nft");
/** As short as dnsmasq allows, which takes no T1 below 3 s. */
const SHORT = { lease: 120, renew: 3, rebind: 5 };
/** The server that is dead does not answer at its address; the rest of the town lives there on. */
const DEAD = `filter hook prerouting priority 0; ip daddr ${TOWN} udp dport 67 drop`;

describe.skipIf(missing)("a device with a lease", () => {
  let outskirts: Outskirts;
  let network: Namespace;
  let namespace: string;
  let town: Town;

  beforeAll(async () => {
    outskirts = await Outskirts.open({ pool: SHORT });
    ({ network, namespace, town } = outskirts);
  }, 120_000);
  afterAll(async () => {
    await outskirts.close();
  });

  const device = async (): Promise<Device> => {
    const made = await createDevice({
      policy: devicePolicy(town),
      interfaces: [{ interface: "dev0", conflictDetection: false }],
      time: { servers: [TOWN, SECOND] },
    });
    onTestFinished(() => made.stop());
    await made.system.reached("OPERATIONAL");
    return made;
  };
  const addresses = (): readonly { local: string; valid_life_time: number }[] => {
    const [link] = network.json<{ addr_info: { local: string; valid_life_time: number }[] }>(
      "-4 address show dev dev0",
    );
    return link?.addr_info ?? [];
  };

  test("that is renewed changes nothing that runs, and the kernel keeps the address for longer", async () => {
    const made = await device();
    const streams = await connected(made);
    const news: unknown[] = [];
    for (const name of ["state", "held", "cpd", "network"] as const) {
      made.system.on(name, (event) => news.push({ name, ...event }));
    }
    for (const stream of streams) {
      stream.on(
        "state",
        ({ state }) => state !== "qos-ack-remote" && news.push(`${stream.streamtype} ${state}`),
      );
    }
    const connections = peersOf(made);
    const lease = made.clients[0]?.lease;
    const lifetimes: number[] = [];
    const note = (): unknown => lifetimes.push(addresses()[0]?.valid_life_time ?? 0);
    made.clients[0]?.on("state", ({ state }) => state === "renewing" && note());
    const load = new Load(streams);

    await leased(made, "renewed");
    note();
    const outcomes = await load.end();

    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(streams.length * 10);
    expect(news).toEqual([]);
    expect(peersOf(made)).toEqual(connections);
    expect(made.clients[0]?.lease).toMatchObject({ address: lease?.address, server: TOWN });
    expect(addresses().map(({ local }) => local)).toEqual([lease?.address]);
    const [before = 0, after = 0] = lifetimes;
    expect(lifetimes).toHaveLength(2);
    expect(after).toBeGreaterThan(before);
    expect(after).toBeGreaterThanOrEqual(SHORT.lease - 1);
  });

  test("is OPERATIONAL again with its streams when another DHCP server with other addresses takes over", async () => {
    const made = await device();
    const [, mqtt, raw] = await connected(made);
    const old = made.clients[0]?.lease;
    expect(old).toMatchObject({ server: TOWN });
    const states: string[] = [];
    made.clients[0]?.on("state", ({ state }) => states.push(state));
    const broken: unknown[] = [];
    raw.on("state", ({ state, reason }) => state === "disconnected" && broken.push(reason?.code));
    const fallen = new Promise<string | undefined>((resolve) => {
      made.system.on("state", ({ state, reason }) => state === "IFACE_COLDPLUG" && resolve(reason));
    });
    const load = new Load([mqtt]);
    const next = leased(made, "acquired");

    await town.restartDhcp(
      { ...SHORT, first: 150, last: 190, dns: [SECOND] },
      {
        forget: true,
        meanwhile: () => {
          town.filter([DEAD]);
          network.ip(`-n ${namespace} address flush dev town0`);
          for (const each of [SECOND, TOWN]) network.ip(`-n ${namespace} address add ${each}/24 dev town0`);
        },
      },
    );
    expect(await fallen).toMatch(/^dhcp: /);
    await next;
    await made.system.reached("OPERATIONAL");
    await raw.reached("connected");
    const outcomes = await load.end();

    expect(states.slice(0, 2)).toEqual(["renewing", "rebinding"]);
    const { address = "", server } = made.clients[0]?.lease ?? {};
    expect(server).toBe(SECOND);
    expect(Number(address.split(".")[3])).toBeGreaterThanOrEqual(150);
    expect(addresses().map(({ local }) => local)).toEqual([address]);
    expect(made.resolver.servers).toEqual([SECOND]);
    expect(broken).toEqual(["network-changed"]);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
  });
});

async function connected({ context }: Device): Promise<readonly [Stream, Stream, Stream]> {
  const streams = [context.open("ws"), context.open("mqtt"), context.open("raw")] as const;
  await Promise.all(streams.map((stream) => stream.reached("connected")));
  return streams;
}

type Outcome = PromiseSettledResult<unknown>;

/** Messages on each stream, some hundred in a second, until `end`; what comes back is read. */
class Load {
  readonly #outcomes: Promise<Outcome[]>;
  #isOver = false;

  constructor(streams: readonly Stream[]) {
    this.#outcomes = Promise.all(streams.map((stream) => this.#send(stream))).then((each) => each.flat());
  }

  end(): Promise<Outcome[]> {
    this.#isOver = true;
    return this.#outcomes;
  }

  async #send(stream: Stream): Promise<Outcome[]> {
    void drain(stream);
    const outcomes: Outcome[] = [];
    for (let number = 0; !this.#isOver; number++) {
      outcomes.push(...(await Promise.allSettled([stream.send(`${number}`)])));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return outcomes;
  }
}

async function drain(stream: Stream): Promise<void> {
  for await (const _ of stream);
}

function peersOf({ context }: Device): readonly string[] {
  return context
    .inspect()
    .connections.filter(({ protocol }) => protocol !== "h1")
    .map(({ protocol, peer, state }) => `${protocol} ${peer} ${state}`)
    .sort();
}

function leased({ clients }: Device, change: string): Promise<void> {
  return new Promise((resolve) => {
    clients[0]?.on("lease", (event) => event.change === change && resolve());
  });
}
