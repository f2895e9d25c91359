import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { PolicyReader, requirePolicy } from "../../src/policy/index.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const MEGABYTE = 1024 * 1024;
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("a policy in force does not keep its text: of 6 MB, most of them comment, less than one stays", () => {
  const comment = Buffer.from(`\n// ${"c".repeat(60_000)}\n`);
  const reader = new PolicyReader(decode);
  reader.push(Buffer.from('{"s": {'));
  const before = heapUsed();

  for (let index = 0; index < 100; index++) {
    reader.push(Buffer.concat([comment, Buffer.from(`"streamtype-${index}": {"endpoint": `)]));
    reader.push(Buffer.from(`"a-long-name-${index}.example.test", "retry": "r"},`));
  }
  reader.push(Buffer.from('}, "retry": {"r": {"backoff": [1000]}}}'));
  const document = requirePolicy(reader.finish());

  expect(heapUsed() - before).toBeLessThan(MEGABYTE);
  expect(document.policy.streamtypes.size).toBe(100);
});

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
