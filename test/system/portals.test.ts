import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Stream } from "../../src/index.ts";
import { portalCheckMessage } from "../../src/system/index.ts";
import { createDevice, type Device, type DeviceOptions, type PortalEvent } from "../../src/system.ts";
import { namespacesMissing, Recorder } from "../namespace.ts";
import { peersMissing } from "../peers.ts";
import { devicePolicy, PROBE } from "./device.ts";
import { Outskirts } from "./outskirts.ts";
import { PORTAL, PORTS, PUBLIC_NAME, SECOND, TOWN, type Town } from "./town.ts";

const missing = namespacesMissing() ?? peersMissing("dnsmasq", "chronyd", "nginx", "mosquitto", "nft");
const TEN_YEARS = 10 * 365.25 * 86_400_000;
const TEN_YEARS_BEHIND: Partial<DeviceOptions> = {
  time: { servers: [TOWN, SECOND], wall: () => Date.now() - TEN_YEARS },
};
const LOGIN = "http://portal.test/login";
const API = "https://portal.test/portal-api";
const USER_PORTAL = "https://portal.test/welcome";

/** Something between a device and the Internet. */
interface Kind {
  readonly what: string;
  readonly appear: (town: Town) => unknown;
  readonly clear: (town: Town) => unknown;
  /** What is there before the device is, and after. */
  readonly prepare?: (town: Town) => unknown;
  readonly tidy?: (town: Town) => unknown;
  readonly streams?: (town: Town) => object;
  readonly verdict: PortalEvent["verdict"];
  readonly portal?: string;
  readonly why: RegExp;
  /** What is held, where it is not the first possible. */
  readonly holds?: "CPD_POST_TIME";
}

const CAPTIVE = { verdict: "captive" } as const;
const OVER_TLS = { ...PROBE, port: PORTS.https, tls: true, tls_trust_store: "town" };
const API_STREAM = {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own template
  ...{ endpoint: "${url}", port: PORTS.https, protocol: "h1", tls: true, tls_trust_store: "town" },
  ...{ metadata: { url: "", accept: "accept" }, retry: "once" },
};
const REFUSED = `filter hook prerouting priority 0; ip daddr ${PORTAL} tcp dport ${PORTS.http} reject with tcp reset`;

const KINDS: readonly Kind[] = [
  {
    ...CAPTIVE,
    what: "a redirect to a login page",
    appear: (town) => town.setPortal("redirect"),
    clear: (town) => town.setPortal("none"),
    portal: LOGIN,
    why: /redirect/,
  },
  {
    ...CAPTIVE,
    what: "a page in place of the answer",
    appear: (town) => town.setPortal("page"),
    clear: (town) => town.setPortal("none"),
    why: /answered with 200 instead of 204/,
  },
  {
    ...CAPTIVE,
    what: "a 511",
    appear: (town) => town.setPortal("511"),
    clear: (town) => town.setPortal("none"),
    why: /asks for a login \(511\)/,
  },
  {
    ...CAPTIVE,
    what: "a network that intercepts TLS",
    appear: (town) => town.interceptTls(true),
    clear: (town) => town.interceptTls(false),
    streams: () => ({ captive_portal_detect: OVER_TLS }),
    why: /somebody answers in the peer's place: Cannot trust the certificate of check\.test/,
    holds: "CPD_POST_TIME",
  },
  {
    ...CAPTIVE,
    what: "name servers that give every name the portal's address",
    appear: (town) => town.restartDhcp({ hosts: {}, everyName: PORTAL }),
    clear: (town) => town.restartDhcp(),
    portal: LOGIN,
    why: /redirect/,
  },
  {
    ...CAPTIVE,
    what: "name servers that lead a public name to a private address where nobody answers",
    appear: async (town) => {
      town.filter([REFUSED]);
      await town.restartDhcp({ hosts: {}, everyName: PORTAL });
    },
    clear: async (town) => {
      town.filter([]);
      await town.restartDhcp();
    },
    streams: () => ({ captive_portal_detect: { ...PROBE, endpoint: PUBLIC_NAME } }),
    why: /the name of the probe leads to 10\.77\.0\.3: /,
  },
  {
    what: "a probe that nobody answers",
    appear: (town) => town.kill("nginx"),
    clear: (town) => town.startWeb(),
    verdict: "no-internet",
    why: /nobody listens/,
  },
  {
    ...CAPTIVE,
    what: "a network whose API says that it is captive",
    prepare: (town) => {
      town.setPortalApi({ captive: false });
      return town.restartDhcp({ captivePortal: API });
    },
    appear: (town) => town.setPortalApi({ captive: true, "user-portal-url": USER_PORTAL }),
    clear: (town) => town.setPortalApi({ captive: false }),
    tidy: (town) => town.restartDhcp(),
    streams: () => ({ captive_portal_api: API_STREAM }),
    portal: USER_PORTAL,
    why: /the network says that it is captive/,
  },
];

describe.skipIf(missing)("a device behind a portal", () => {
  let outskirts: Outskirts;
  let town: Town;

  beforeAll(async () => {
    outskirts = await Outskirts.open({ addresses: [PORTAL] });
    ({ town } = outskirts);
  }, 120_000);
  afterAll(async () => {
    await outskirts.close();
  });

  const looks: number[] = [];
  beforeEach(() => {
    looks.length = 0;
    town.setPortal("none");
    town.filter([]);
    const heard = (message: unknown): void => {
      const { streamtype, state } = message as Record<string, unknown>;
      if (streamtype === "captive_portal_detect" && state === "creating") looks.push(performance.now());
    };
    subscribe("secure-streams:state", heard);
    onTestFinished(() => void unsubscribe("secure-streams:state", heard));
  });

  const device = async (streams: object = {}, options: Partial<DeviceOptions> = {}): Promise<Watched> => {
    const made = await createDevice({
      policy: devicePolicy(town, { streams }),
      interfaces: [{ interface: "dev0", conflictDetection: false }],
      time: { servers: [TOWN, SECOND] },
      ...options,
    });
    onTestFinished(() => made.stop());
    return new Watched(made);
  };

  /** Held, with everything that is to be known of it. */
  const expectHeld = ({ made }: Watched, told: PortalEvent, kind: Kind): void => {
    const { verdict, portal, why, holds = "CPD_PRE_TIME" } = kind;
    expect({ verdict: told.verdict, portal: told.portal }).toEqual({ verdict, portal });
    expect(told.why).toMatch(why);
    expect(made.system.heldBy[0]).toMatchObject({ state: holds, by: "portal" });
    expect(made.system.heldBy[0]?.why).toContain(portal ?? told.why);
  };

  describe.each(KINDS)("$what", (kind) => {
    test("holds a device that starts behind it, until it is gone", async () => {
      await kind.prepare?.(town);
      await kind.appear(town);
      const made = await device(kind.streams?.(town));

      const told = await made.verdicts.first(() => true);
      expectHeld(made, told, kind);
      const stream = made.open("ws");
      await kind.clear(town);
      made.check();

      await made.made.system.reached("OPERATIONAL");
      await stream.reached("connected");
      expect(made.verdicts.all.map(({ verdict }) => verdict)).toEqual([kind.verdict, "ok"]);
      expect(town.intruded).toBe("");
      expectApart(looks);
      await kind.tidy?.(town);
    });

    test("takes a device back when it appears, and lets it go on when it is gone", async () => {
      await kind.prepare?.(town);
      const made = await device(kind.streams?.(town));
      await made.made.system.reached("OPERATIONAL");
      const stream = made.open("mqtt");
      await stream.reached("connected");
      made.verdicts.clear();

      await kind.appear(town);
      made.check();
      const told = await made.verdicts.first(() => true);
      expectHeld(made, told, kind);
      const sent = stream.send("while captive");
      await kind.clear(town);
      made.check();

      await made.made.system.reached("OPERATIONAL");
      await sent;
      expect(made.verdicts.all.map(({ verdict }) => verdict)).toEqual([kind.verdict, "ok"]);
      expect(made.verdicts.all[1]).toMatchObject({ previous: kind.verdict, portal: undefined });
      expect(town.intruded).toBe("");
      expectApart(looks);
      await kind.tidy?.(town);
    });
  });

  test("a portal that disappears is no internet, and no portal any more; an answer brings the device up", async () => {
    town.setPortal("redirect");
    const made = await device();
    expect(await made.verdicts.first(() => true)).toMatchObject({ verdict: "captive", portal: LOGIN });

    await town.kill("nginx");
    made.check();
    const gone = await made.verdicts.first(({ verdict }) => verdict !== "captive");
    expect(gone).toMatchObject({ verdict: "no-internet", previous: "captive", portal: undefined });
    expect(made.made.system.heldBy[0]).toMatchObject({ state: "CPD_PRE_TIME", by: "portal", why: gone.why });
    town.setPortal("none");
    await town.startWeb();
    made.check();

    await made.made.system.reached("OPERATIONAL");
    expect(made.verdicts.all.map(({ verdict }) => verdict)).toEqual(["captive", "no-internet", "ok"]);
    expectApart(looks);
  });

  test("finds out by itself that a portal is gone, though nobody asks for a look", async () => {
    town.setPortal("511");
    const { made, verdicts } = await device();
    await verdicts.first(({ verdict }) => verdict === "captive");
    town.setPortal("none");

    await made.system.reached("OPERATIONAL");

    expectApart(looks);
    expect(Number(looks.at(-1)) - Number(looks.at(-2))).toBeLessThan(8000);
  });

  test("no stream trusts a network that intercepts TLS; each says why, and goes on when it is left alone", async () => {
    const watched = await device({ captive_portal_detect: OVER_TLS }, TEN_YEARS_BEHIND);
    const { made, verdicts } = watched;
    await made.system.reached("OPERATIONAL");
    const streams = (["ws", "mqtt", "raw"] as const).map((name) => made.context.open(name));
    await Promise.all(streams.map((stream) => stream.reached("connected")));
    const http = (["h1", "h2"] as const).map((name) => made.context.open(name));

    town.interceptTls(true);
    const refused = [...streams, ...http].map((stream) => refusal(stream));
    // What the kernel has taken of ws and raw is lost with their connections, and said to be; mqtt keeps it.
    const sent = Promise.allSettled(streams.map((stream) => stream.send("while intercepted")));
    const asked = http.map((stream) => stream.request());
    watched.check();
    const { verdict } = await verdicts.first(({ previous }) => previous === "ok");
    expect(await Promise.all(refused)).toEqual(Array(5).fill("tls-untrusted"));
    expect([verdict, made.system.state]).toEqual(["captive", "TIME_VALID"]);
    town.interceptTls(false);
    watched.check();

    await made.system.reached("OPERATIONAL");
    // A stream is `qos-ack-remote` for as long as its last message is its news.
    await Promise.all(streams.map((stream) => stream.isConnected || stream.reached("connected")));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await sent)[1]?.status).toBe("fulfilled");
    expect(town.intruded).toBe("");
  });

  test("asks the API that a renewed lease names for the first time", async () => {
    town.setPortalApi({ captive: true, "user-portal-url": USER_PORTAL });
    const { made, verdicts } = await device({ captive_portal_api: API_STREAM });
    await made.system.reached("OPERATIONAL");

    await town.restartDhcp({ captivePortal: API });
    made.clients[0]?.renew();

    const { portal } = await verdicts.first(({ verdict }) => verdict === "captive");
    expect(portal).toBe(USER_PORTAL);
    expect(made.system.heldBy[0]).toMatchObject({ state: "CPD_PRE_TIME", by: "portal" });
    await town.restartDhcp();
  });

  test("believes the network's API once the time is known, where the clock was ten years behind", async () => {
    town.setPortalApi({ captive: true, "user-portal-url": USER_PORTAL });
    await town.restartDhcp({ captivePortal: API });
    const { made, verdicts } = await device({ captive_portal_api: API_STREAM }, TEN_YEARS_BEHIND);
    const order: string[] = [];
    made.system.on("time", ({ type }) => type === "valid" && order.push("time"));
    made.system.on("cpd", ({ verdict }) => order.push(verdict));

    const { portal } = await verdicts.first(({ verdict }) => verdict === "captive");

    expect(portal).toBe(USER_PORTAL);
    expect(order).toEqual(["ok", "time", "captive"]);
    await town.restartDhcp();
  });
});

/** A device with what it told. */
class Watched {
  readonly made: Device;
  readonly verdicts = new Recorder<PortalEvent>();

  constructor(made: Device) {
    this.made = made;
    made.system.on("cpd", (event) => this.verdicts.record(event));
  }

  open(streamtype: "ws" | "mqtt" | "raw"): Stream {
    return this.made.context.open(streamtype);
  }

  /** Asks for a look more often than anybody should. */
  check(): void {
    for (let time = 0; time < 20; time++) this.made.system.bus.send(portalCheckMessage("app"));
  }
}

/** Why the next handshake of the stream fails. */
function refusal(stream: Stream): Promise<string> {
  return new Promise((resolve) => {
    stream.on("state", ({ state, reason }) => {
      if (state === "unreachable" && reason !== undefined) resolve(reason.code);
    });
  });
}

/** No two looks begin within 2 s of the machine's clock; the test hears of each a little later. */
function expectApart(looks: readonly number[]): void {
  const gaps = looks.slice(1).map((at, index) => at - (looks[index] ?? 0));
  expect(gaps.filter((gap) => gap < 1950)).toEqual([]);
}
