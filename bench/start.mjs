// From process start to the first response over h1: ours, undici, and a process that does nothing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, startServer } from "./_harness.mjs";

const ROUNDS = 15;
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
  "secure-streams": `import { createContext } from ${JSON.stringify(ours)};
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
const base = median(files[1].times);
console.log(`\nprocess start to first response, h1 (Node ${process.version}, median of ${ROUNDS})`);
console.log("| program | ms | ratio |\n|---|---|---|");
for (const { name, times } of files) {
  console.log(`| ${name} | ${median(times).toFixed(0)} | ${(median(times) / base).toFixed(2)} |`);
}
rmSync(folder, { recursive: true, force: true });
server.stop();
process.exit(0);
