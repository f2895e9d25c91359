// From process start to the first response over h1: ours, undici, and a process that does nothing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MACHINE, median, OURS, print, spanOf, startServer, verdict } from "./_harness.mjs";

const ROUNDS = 25;
const server = await startServer("h1");
const folder = mkdtempSync(join(tmpdir(), "bench-start-"));
const ours = new URL("../dist/index.js", import.meta.url).href;
const undici = import.meta.resolve("undici");

const PROGRAMS = {
  nothing: "process.exit(0);",
  undici: `import { request } from ${JSON.stringify(undici)};
const { body } = await request("http://127.0.0.1:${server.port}/x");
await body.arrayBuffer();
process.exit(0);`,
  [OURS]: `import { createContext } from ${JSON.stringify(ours)};
const streams = { get: { endpoint: "127.0.0.1", port: ${server.port}, protocol: "h1", http_method: "GET", http_url: "x" } };
const context = await createContext({ policy: { streams } });
const reply = await context.request("get");
await reply.bytes();
process.exit(0);`,
};

const files = Object.entries(PROGRAMS).map(([name, text]) => {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  return { name, file, times: [] };
});
for (let round = -1; round < ROUNDS; round++) {
  for (const { file, times } of files) {
    const start = process.hrtime.bigint();
    const { status, stderr } = spawnSync(process.execPath, [file]);
    if (status !== 0) throw new Error(String(stderr));
    if (round >= 0) times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
}
const [, base] = files;
const rows = files.map(({ name, times }) => ({
  name,
  times,
  ratios: times.map((time, round) => time / base.times[round]),
}));
print(`process start to first response, h1 (${MACHINE}, ${ROUNDS} rounds)`, [
  ["program", "ms", "ratio"],
  ...rows.map(({ name, times, ratios }) => [name, median(times).toFixed(0), spanOf(ratios)]),
]);
const { ratios } = rows.find(({ name }) => name === OURS);
await verdict({
  work: "process start to first response",
  what: "time of undici",
  measured: median(ratios),
  shown: spanOf(ratios),
  atMost: 1.3,
});
rmSync(folder, { recursive: true, force: true });
server.stop();
process.exit(0);
