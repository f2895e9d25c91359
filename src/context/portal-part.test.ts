import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../lib/bytes.ts";
import { SecureStreamsError } from "../lib/errors.ts";
import type { ApiOutcome } from "../system/index.ts";
import { MESSAGE_CLASSES, portalCheckMessage } from "../system/index.ts";
import { createSimulation, type SimResponse } from "../testing/index.ts";
import { PortalPart, type PortalPartOptions } from "./portal-part.ts";
import { createSystemOver } from "./system.ts";
import type { PortalEvent } from "./system-events.ts";

const POLICY = {
  retry: { slow: { backoff: [60_000], conceal: 65_535, jitterpc: 0 } },
  streams: {
    captive_portal_detect: {
      endpoint: "probe",
      port: 80,
      protocol: "h1",
      http_method: "GET",
      http_url: "generate_204",
      http_expect: 204,
      http_fail_redirect: true,
      opportunistic: true,
      retry: "slow",
    },
    far: { endpoint: "far", port: 80, protocol: "ws", retry: "slow", nailed_up: true },
  },
};
const API = "https://portal.example.test/api";
const NO_CONTENT: SimResponse = { status: 204 };

describe("the captive portal", () => {
  test("lets the system go on when the probe is answered with 204", async () => {
    await using world = await setUp();

    await world.run(10);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.events).toMatchObject([{ verdict: "ok", previous: "unknown" }]);
    expect(world.bus).toEqual(['{"type":"cpd","result":"OK"}']);
    expect(world.context.inspect().streams).toEqual([]);
  });

  test.each<[string, SimResponse, string]>([
    ["200", { status: 200, payload: "<html>" }, "the probe was answered with 200 instead of 204"],
    ["511", { status: 511 }, "the network asks for a login (511)"],
    [
      "302",
      { status: 302, headers: { location: "http://login.test/" } },
      "the probe was redirected (302); log in at http://login.test/",
    ],
  ])("holds CPD_PRE_TIME while the probe is answered with %s", async (_, response, why) => {
    await using world = await setUp({ response });

    await world.run(1000);

    expect(world.system.state).toBe("DHCP");
    expect(world.system.heldBy).toMatchObject([{ state: "CPD_PRE_TIME", by: "portal", why }]);
    expect(world.part.verdict).toBe("captive");
  });

  test("lets go when it is gone, and holds again when it is back", async () => {
    await using world = await setUp({ response: { status: 511 } });
    await world.run(1000);
    world.answer.response = NO_CONTENT;
    await world.run(5000);
    expect(world.system.state).toBe("OPERATIONAL");

    world.answer.response = { status: 302, headers: { location: "http://login.test/" } };
    world.system.bus.send(portalCheckMessage("app"));
    await world.run(3000);

    expect(world.system.state).toBe("DHCP");
    expect(world.part.portal).toBe("http://login.test/");
    expect(world.bus).toEqual([
      '{"type":"cpd","result":"Captive"}',
      '{"type":"cpd","result":"OK"}',
      '{"trigger":"cpdcheck","src":"app"}',
      '{"type":"cpd","result":"Captive"}',
    ]);
  });

  test("is no internet at the first failure, without waiting for the stream's retries", async () => {
    await using world = await setUp();
    world.server.refuse();

    await world.run(10);

    expect(world.events).toMatchObject([{ verdict: "no-internet" }]);
    expect(world.server.attempts).toHaveLength(1);
    expect(world.context.inspect().streams).toEqual([]);
  });

  test("is no internet after 5 s of silence", async () => {
    await using world = await setUp();
    world.server.silence();

    await world.run(4990);
    expect(world.events).toEqual([]);
    await world.run(20);

    expect(world.events).toMatchObject([{ verdict: "no-internet", why: "no answer within 5 s" }]);
    expect(world.context.inspect().streams).toEqual([]);
  });

  test("is looked for anew when the network changes, and when an address comes back", async () => {
    await using world = await setUp();
    await world.run(10_000);
    expect(world.asked()).toBe(1);

    world.part.network();
    expect(world.system.state).toBe("DHCP");
    await world.run(100);
    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.asked()).toBe(2);

    await world.run(10_000);
    world.system.hold("DHCP", "dhcp", "gone")();
    await world.run(100);
    expect(world.asked()).toBe(3);
    expect(world.events.map(({ verdict }) => verdict)).toEqual(["ok", "unknown", "ok", "unknown", "ok"]);
  });

  test("is not looked for before there is an address", async () => {
    await using world = await setUp();
    const release = world.system.hold("DHCP", "dhcp", "no lease");
    world.part.network();
    world.part.check();
    await world.run(60_000);
    expect(world.asked()).toBe(0);

    release();
    await world.run(10);
    expect(world.system.state).toBe("OPERATIONAL");
  });

  test("may be held for after the time, where the probe needs it", async () => {
    await using world = await setUp({ response: { status: 511 }, options: { state: "CPD_POST_TIME" } });

    await world.run(10);

    expect(world.system.state).toBe("TIME_VALID");
    expect(world.system.heldBy).toMatchObject([{ state: "CPD_POST_TIME" }]);
  });

  test("is looked for after the time by itself where the probe is made over TLS", async () => {
    await using world = await setUp({ response: { status: 511 }, probe: { tls: true } });

    await world.run(10);

    expect(world.system.heldBy).toMatchObject([{ state: "CPD_POST_TIME" }]);
  });

  test("is seen where the probe's public name leads to a private address and nobody answers there", async () => {
    await using world = await setUp({ probe: { endpoint: "Probe.example.com" } });
    world.server.silence();
    await world.run(100);
    world.part.resolved("other.example.com", ["192.0.2.1"]);
    world.part.resolved("probe.example.com", ["192.168.1.1"]);

    await world.run(5000);

    expect(world.events).toMatchObject([
      { verdict: "captive", why: "the name of the probe leads to 192.168.1.1: no answer within 5 s" },
    ]);
  });

  test("is unknown where the probe's endpoint cannot be used, and looked for again", async () => {
    await using world = await setUp({ probe: { endpoint: "\u0024{place}", metadata: { place: "" } } });
    await world.run(10);
    const why = "Cannot use the endpoint: it is empty";
    expect(world.system.heldBy).toMatchObject([{ state: "CPD_PRE_TIME", by: "portal", why }]);
    await world.context.replacePolicy({ streams: { ...POLICY.streams }, retry: POLICY.retry });
    world.simulation.peer("probe:80", { http: () => NO_CONTENT });

    await world.run(6000);

    expect(world.system.state).toBe("OPERATIONAL");
  });

  test("that is gone takes the names with it, and lets whoever waits try at once", async () => {
    const cleared: (string | undefined)[] = [];
    const names = { clear: (name?: string) => cleared.push(name) };
    await using world = await setUp({ response: { status: 511 }, options: { names } });
    const far = world.simulation.peer("far:80");
    far.refuse();
    world.context.open("far");
    await world.run(1000);
    expect([far.attempts.length, cleared]).toEqual([1, ["probe"]]);
    world.answer.response = NO_CONTENT;
    far.restore();

    await world.run(5000);

    expect(cleared).toEqual(["probe", "probe", undefined]);
    expect(world.context.inspect().streams).toMatchObject([{ streamtype: "far", state: "connected" }]);
    world.part.check();
    await world.run(5000);
    expect(cleared.slice(3)).toEqual(["probe"]);
  });

  test("is not in use where the policy has no probe", async () => {
    await using world = await setUp({ options: { streamtype: "another" } });

    await world.run(10);
    world.part.check();
    world.part.network();

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.asked()).toBe(0);
  });

  test("is no longer in the way when another policy has no probe", async () => {
    await using world = await setUp({ response: { status: 511 } });
    await world.run(10);
    await world.context.replacePolicy({ streams: { other: { endpoint: "a", port: 80, protocol: "ws" } } });

    await world.run(10_000);

    expect(world.system.state).toBe("OPERATIONAL");
  });

  test("is given up when the system ends", async () => {
    await using world = await setUp();
    world.server.silence();
    await world.run(10);

    await world.system.stop();
    await world.run(0);

    expect(world.context.inspect().streams).toEqual([]);
    expect(world.events).toEqual([]);
  });
});

describe("the network's API", () => {
  test("is asked first where DHCP named it, and believed where it says captive", async () => {
    await using world = await setUp({ api: { captive: true, "user-portal-url": "https://portal.test/" } });
    world.part.network(API);

    await world.run(10);

    expect(world.urls).toEqual([API]);
    expect(world.part.portal).toBe("https://portal.test/");
    expect(world.asked()).toBe(0);
  });

  test("that says not captive is followed by the probe", async () => {
    await using world = await setUp({ api: { captive: false } });
    world.part.network(API);

    await world.run(10);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.asked()).toBe(1);
  });

  test("that cannot be asked leaves it to the probe", async () => {
    await using world = await setUp({ api: new Error("no route") });
    world.part.network(API);

    await world.run(10);

    expect(world.system.state).toBe("OPERATIONAL");
  });

  test("is asked again when the time is known, where its certificate could not be judged before", async () => {
    const reason = { layer: "tls", code: "time-unknown", message: "not valid yet" } as const;
    await using world = await setUp({ api: new SecureStreamsError(reason) });
    world.part.network(API);
    await world.run(3000);
    expect(world.urls).toEqual([API]);

    world.part.timeKnown();
    await world.run(10);

    expect(world.urls).toEqual([API, API]);
  });

  test("that said something is not asked again for the time's sake", async () => {
    await using world = await setUp({ api: { captive: false } });
    world.part.network(API);
    await world.run(3000);

    world.part.timeKnown();
    await world.run(3000);

    expect(world.urls).toEqual([API]);
  });

  test("is left alone where the program has no way to ask it", async () => {
    await using world = await setUp();
    world.part.network(API);

    await world.run(10);

    expect(world.system.state).toBe("OPERATIONAL");
    expect(world.urls).toEqual([]);
  });
});

async function setUp(
  options: {
    readonly response?: SimResponse;
    readonly api?: object | Error;
    readonly probe?: object;
    readonly options?: Partial<PortalPartOptions>;
  } = {},
) {
  const { captive_portal_detect: usual, ...others } = POLICY.streams;
  const streams = { captive_portal_detect: { ...usual, ...options.probe }, ...others };
  const simulation = await createSimulation({ policy: { ...POLICY, streams } });
  const answer = { response: options.response ?? NO_CONTENT };
  let requests = 0;
  const { endpoint } = streams.captive_portal_detect;
  const server = simulation.peer(`${endpoint}:80`, {
    http: () => {
      requests += 1;
      return answer.response;
    },
  });
  const urls: string[] = [];
  const ask = async (url: string): Promise<ApiOutcome> => {
    urls.push(url);
    if (options.api instanceof Error) throw options.api;
    const body = encodeUtf8(JSON.stringify(options.api));
    return { type: "answer", status: 200, contentType: "application/captive+json", body };
  };
  const part = new PortalPart({
    context: simulation.context,
    ...(options.api === undefined ? {} : { ask }),
    ...options.options,
  });
  const { clock, random } = simulation;
  const raise = (error: unknown): never => {
    throw error;
  };
  const system = createSystemOver({ clock, random, raise }, { parts: [part] });
  const events: PortalEvent[] = [];
  system.on("cpd", (event) => events.push(event));
  const bus: string[] = [];
  system.bus.register({ classes: MESSAGE_CLASSES.network, message: ({ text }) => bus.push(text) });
  return Object.assign(simulation, {
    simulation,
    server,
    part,
    system,
    events,
    bus,
    urls,
    answer,
    asked: () => requests,
  });
}
