import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { requireBuilt } from "../built.ts";
import { responder, zone } from "./responder.ts";

beforeAll(requireBuilt, 120_000);

test.skipIf(process.platform === "win32")(
  "without a free file descriptor a lookup says that, not that there is no server, and the next one goes well",
  async () => {
    await using server = await responder(zone({ "one.test": ["192.0.2.1"], "two.test": ["192.0.2.2"] }));
    const program = fileURLToPath(new URL("without-descriptors.mjs", import.meta.url));

    const { stdout } = await promisify(execFile)("sh", [
      "-c",
      'ulimit -n 128; exec "$0" "$1" "$2"',
      process.execPath,
      program,
      server.server,
    ]);

    expect(JSON.parse(stdout)).toEqual([
      "192.0.2.1",
      'too-many-files: Cannot resolve "two.test": this process has no free file descriptor to ask a name server with',
      "192.0.2.2",
    ]);
  },
);
