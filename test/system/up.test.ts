import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { type Namespace, namespacesMissing } from "../namespace.ts";
import { peersMissing } from "../peers.ts";
import { Program } from "../program.ts";
import { devicePolicy } from "./device.ts";
import { Outskirts } from "./outskirts.ts";
import { TOWN, type Town } from "./town.ts";

const missing = namespacesMissing() ?? peersMissing("dnsmasq", "chronyd", "nginx", "mosquitto");

describe.skipIf(missing)("secure-streams up, in a network with nothing but a bare interface", () => {
  let outskirts: Outskirts;
  let network: Namespace;
  let town: Town;
  let policy: string;

  beforeAll(async () => {
    requireBuilt();
    outskirts = await Outskirts.open();
    ({ network, town } = outskirts);
    policy = town.write("device.json", JSON.stringify(devicePolicy(town)));
  }, 120_000);
  afterAll(async () => {
    await outskirts.close();
  });

  const start = (...args: readonly string[]): Program =>
    new Program(`${ROOT}dist/cli/main.js`, ["up", "--interface", "dev0", "--no-probe", ...args], {
      env: { UV_THREADPOOL_SIZE: "2" },
    });

  test("ends OPERATIONAL with its streams connected, and leaves the kernel as it was", async () => {
    const before = network.state();
    const program = start("--policy", policy);

    for (const line of [/^OPERATIONAL$/m, /^ws: connected$/m, /^mqtt: connected$/m, /^raw: connected$/m]) {
      await program.wrote(line);
    }
    const during = network.json<{ local?: string }>("addr show dev dev0");
    program.kill("SIGINT");
    const { code, stderr } = await program.ended;

    expect(JSON.stringify(during)).toContain("10.77.0.");
    expect({ code, errors: stderr.match(/secure-streams: .*/g) }).toEqual({ code: 0, errors: null });
    network.ip("link set dev0 down");
    expect(network.state()).toBe(before);
  });

  test("tells each state with what holds it, as one JSON object per line", async () => {
    network.ip("link set dev0 down");
    const program = start("--policy", policy, "--json", "--until", "OPERATIONAL", "--timeout", "15000");
    const { code, stdout } = await program.ended;
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const states = events.filter(({ event }) => event === "state");

    expect(code).toBe(0);
    expect(states.map(({ state }) => state)).toContain("OPERATIONAL");
    expect(states.find(({ state }) => state === "IFACE_COLDPLUG")).toMatchObject({
      number: 5,
      previous: "COLLECTING_STDIN",
    });
    expect(events.filter(({ event }) => event === "held").map(({ heldBy }) => heldBy[0].by)).toEqual(
      expect.arrayContaining(["dhcp", "portal", "time"]),
    );
    expect(events.find(({ event }) => event === "lease")).toMatchObject({ interface: "dev0", server: TOWN });
  });

  test("says what it waits for when its time is over, with exit code 4", async () => {
    await town.kill("chronyd");
    const program = start("--policy", policy, "--timeout", "1500");
    const { code, stderr } = await program.ended;
    await town.startTime();

    expect(code).toBe(4);
    expect(stderr).toContain("Cannot reach OPERATIONAL within 1500 ms: TIME_VALID is held by time");
  });
});
