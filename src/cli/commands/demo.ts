import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, createContext } from "../../index.ts";
import { createAuthority } from "../../testing/index.ts";
import type { Command } from "../command.ts";
import { demoResolver } from "../demo/demo-resolver.ts";
import { Lane } from "../demo/lane.ts";
import { NameServer } from "../demo/name-server.ts";
import { Peers } from "../demo/peers.ts";
import { demoPolicy, LANES } from "../demo/policy.ts";
import { Table } from "../demo/table.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Output } from "../output.ts";

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
    const work = await prepare(output);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST)]);
    try {
      return await show(work, output, limit);
    } finally {
      await work.end();
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
  const { chainPem, keyPem } = authority.issue({ names: ["gateway.demo.test"] });
  const peers = new Peers({ certificate: chainPem, key: keyPem });
  const names = new NameServer();
  const [ports, namePort] = await Promise.all([peers.start(), names.start()]);
  const folder = await mkdtemp(join(tmpdir(), "secure-streams-demo-"));
  const file = join(folder, "policy.json");
  const certificate = Buffer.from(authority.certificateDer).toString("base64");
  await writeFile(file, `${JSON.stringify(demoPolicy(ports, certificate), undefined, 2)}\n`);
  output.note(`A private CA, five TLS peers and a name server on loopback; the policy is ${file}`);
  const context = await createContext({ policy: file as string, resolver: demoResolver(namePort) });
  return {
    context,
    peers,
    async end() {
      await context.close();
      await peers.kill();
      names.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function show({ context, peers }: Stage, output: Output, limit: AbortSignal): Promise<ExitCode> {
  const lanes = LANES.map(
    (name) =>
      new Lane(context, name, (lane, event) => {
        const { state, previous, attempt, reason } = event;
        output.event("state", { streamtype: lane.name, state, previous, attempt, reason: reason ?? null });
      }),
  );
  const table = new Table(lanes, output);
  table.start();
  const running = Promise.all(lanes.map((lane) => lane.run(PAUSE)));
  try {
    await Promise.race([rounds(lanes, peers, output, limit), running]);
    return EXIT.done;
  } catch (error) {
    output.error(error);
    return EXIT.refused;
  } finally {
    for (const lane of lanes) lane.stop();
    table.stop();
    await running.catch(() => {});
    for (const lane of lanes) summarise(lane, output);
  }
}

/** Exchange, kill, wait, start, and see every lane come back; as often as ROUNDS says. */
async function rounds(
  lanes: readonly Lane[],
  peers: Peers,
  output: Output,
  limit: AbortSignal,
): Promise<void> {
  await exchanged(lanes, EXCHANGES, limit);
  for (let round = 1; round <= ROUNDS; round++) {
    await peers.kill();
    tell(output, "killed", `Peers killed (SIGKILL), round ${round} of ${ROUNDS}`);
    await pause(OUTAGE, limit);
    await peers.start();
    tell(output, "started", "Peers started again");
    await Promise.all(lanes.map((lane) => lane.until(({ recoveries }) => recoveries >= round, limit)));
    await exchanged(lanes, EXCHANGES, limit);
  }
}

function exchanged(lanes: readonly Lane[], count: number, limit: AbortSignal): Promise<unknown> {
  return Promise.all(
    lanes.map((lane) => {
      const goal = lane.exchanged + count;
      return lane.until(() => lane.exchanged >= goal, limit);
    }),
  );
}

function tell(output: Output, event: string, text: string): void {
  output.event(event, {});
  if (!output.isLive) output.note(text);
}

function pause(span: number, limit: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, span);
    limit.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Error("The demo was stopped"));
    });
  });
}

function summarise(lane: Lane, output: Output): void {
  const { name, exchanged: count, recoveries, repeated } = lane;
  const ok = recoveries >= ROUNDS;
  output.event("summary", { streamtype: name, ok, exchanged: count, recoveries, repeated });
  const verdict = ok ? output.paint.good("ok    ") : output.paint.bad("failed");
  output.line(
    `${name.padEnd(5)} ${verdict} ${String(count).padStart(4)} payloads exchanged, ${recoveries} of ${ROUNDS} outages survived, ${repeated} sent again`,
  );
}
