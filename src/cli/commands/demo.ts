import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Context, createContext } from "../../index.ts";
import { createHostResolver, createResolver } from "../../node/datagrams/index.ts";
import { createAuthority } from "../../testing/index.ts";
import type { Command } from "../command.ts";
import { Lane } from "../demo/lane.ts";
import { NameServer } from "../demo/name-server.ts";
import { Peers } from "../demo/peers.ts";
import { demoPolicy, HOST, LANES } from "../demo/policy.ts";
import { Table } from "../demo/table.ts";
import { EXIT } from "../exit-codes.ts";
import { until } from "../interrupt.ts";
import type { Output } from "../output.ts";
import { stateFields } from "../tell.ts";

/** The whole demo, whatever happens. */
const LONGEST = 19_000;
const PAUSE = 40;
const EXCHANGES = 15;
const OUTAGE = 1500;
const ROUNDS = 2;

export const demo: Command = {
  name: "demo",
  summary: "see it work: five protocols on embedded peers, killed and recovered",
  help: `Shows the main job on this machine alone, as an ordinary user, in under 20 s: makes a private CA,
starts an h1, an h2, a wss, an mqtts and a raw TLS peer and a name server, writes a policy, opens a
stream of each protocol through it, exchanges payload, kills the peers and starts them again while
the streams stay up. Exits 0 only if every exchange and every recovery was seen.

Usage: secure-streams demo [--json]

Example:
  secure-streams demo
`,
  options: {},
  positionals: [],
  async run({ output, signal }) {
    const started = performance.now();
    const stage = await prepare(output);
    const lanes = LANES.map((name) => {
      return new Lane(stage.context, name, (event) => output.event("state", stateFields(event)));
    });
    const limit = new AbortController();
    const stop = (): void => limit.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(() => limit.abort(), LONGEST);
    try {
      await until(signal, show(lanes, stage.peers, { output, limit: limit.signal }));
      for (const lane of lanes) summarise(lane, output);
      bidFarewell(performance.now() - started, output);
      return EXIT.done;
    } catch (error) {
      if (!signal.aborted) for (const lane of lanes) summarise(lane, output);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      await stage.end();
    }
  },
};

interface Stage {
  readonly context: Context;
  readonly peers: Peers;
  end(): Promise<void>;
}

async function prepare(output: Output): Promise<Stage> {
  const authority = createAuthority({ commonName: "secure-streams demo root" });
  const { chainPem, keyPem } = authority.issue({ names: [HOST] });
  const peers = new Peers({ certificate: chainPem, key: keyPem });
  const names = new NameServer();
  const [ports, namePort] = await Promise.all([peers.start(), names.start()]);
  const folder = await mkdtemp(join(tmpdir(), "secure-streams-demo-"));
  const file = join(folder, "policy.json");
  const certificate = Buffer.from(authority.certificateDer).toString("base64");
  await writeFile(file, `${JSON.stringify(demoPolicy(ports, certificate), undefined, 2)}\n`);
  output.event("prepared", { policy: file, host: HOST, nameServer: namePort, ports });
  output.note(`On 127.0.0.1, with a certificate of a private CA for ${HOST}:`);
  output.note(`  ${LANES.map((name) => `${name} on ${ports[name]}`).join(", ")}, dns on ${namePort}`);
  output.note(`  policy in ${file}\n`);
  const resolver = createResolver({ servers: [`127.0.0.1:${namePort}`] });
  const context = await createContext({ policy: file as string, resolver: createHostResolver(resolver) });
  return {
    context,
    peers,
    async end() {
      await context.close();
      resolver.close();
      await peers.kill();
      names.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Stagehands {
  readonly output: Output;
  readonly limit: AbortSignal;
}

/** Runs the lanes through every outage. Rejects when `limit` fires before all is seen. */
async function show(lanes: readonly Lane[], peers: Peers, { output, limit }: Stagehands): Promise<void> {
  const table = new Table(lanes, output);
  table.start("Five streams are opened");
  const running = Promise.all(lanes.map((lane) => lane.run(PAUSE)));
  running.catch(() => {});
  try {
    await Promise.race([outages(lanes, peers, { table, output, limit }), running]);
  } finally {
    table.stop();
    for (const lane of lanes) lane.stop();
  }
}

/** Exchange, kill, wait, start, and see every lane come back; as often as ROUNDS says. */
async function outages(
  lanes: readonly Lane[],
  peers: Peers,
  { table, output, limit }: Stagehands & { readonly table: Table },
): Promise<void> {
  const tell = (event: string, round: number, text: string): void => {
    output.event(event, { round });
    table.tell(text);
  };
  tell("exchanging", 0, "Five streams exchange payload with their peers");
  await exchanged(lanes, limit);
  for (let round = 1; round <= ROUNDS; round++) {
    await peers.kill();
    tell("killed", round, `Outage ${round} of ${ROUNDS}: the peers are killed (SIGKILL)`);
    await pause(OUTAGE, undefined, { signal: limit });
    await peers.start();
    tell("started", round, `Outage ${round} of ${ROUNDS}: the peers are back, the streams find them again`);
    await Promise.all(lanes.map((lane) => lane.until(({ recoveries }) => recoveries >= round, limit)));
    await exchanged(lanes, limit);
  }
  tell("seen", ROUNDS, "Every exchange and every recovery was seen");
}

/** Resolves when each lane has exchanged EXCHANGES more payloads. */
function exchanged(lanes: readonly Lane[], limit: AbortSignal): Promise<unknown> {
  return Promise.all(
    lanes.map((lane) => {
      const goal = lane.exchanged + EXCHANGES;
      return lane.until(() => lane.exchanged >= goal, limit);
    }),
  );
}

function summarise({ name, exchanged: count, recoveries, repeated }: Lane, output: Output): void {
  const ok = recoveries >= ROUNDS && count >= EXCHANGES * (ROUNDS + 1);
  output.event("summary", { streamtype: name, ok, exchanged: count, recoveries, repeated });
  const verdict = ok ? output.paint.good("ok") : output.paint.bad("failed");
  const again = repeated === 0 ? "" : `, ${repeated} of them sent again`;
  const survived = `${recoveries} of ${ROUNDS} outages survived`;
  output.line(`${name.padEnd(5)} ${verdict}: ${count} payloads exchanged${again}; ${survived}`);
}

function bidFarewell(span: number, output: Output): void {
  output.note(`\nDone in ${(span / 1000).toFixed(1)} s. With your own peers:`);
  output.note("  secure-streams check policy.json");
  output.note("  secure-streams open STREAMTYPE --policy policy.json");
}
