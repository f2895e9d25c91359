// A resolver of a process that has no file descriptor left for a while. argv: the server. Writes what each lookup came to.
import { closeSync, openSync } from "node:fs";
import { createResolver } from "../../dist/dns.js";

const resolver = createResolver({ servers: [process.argv[2]], timeout: 2000 });
const ask = (name) =>
  resolver.addresses(name).then(
    (addresses) => addresses[0],
    ({ code, message }) => `${code}: ${message}`,
  );
// Whatever is loaded late is there.
const said = [await ask("one.test")];
const held = [];
for (;;) {
  try {
    held.push(openSync("/dev/null"));
  } catch {
    break;
  }
}
const waiting = ask("two.test");
said.push(await waiting);
for (const descriptor of held) closeSync(descriptor);
said.push(await ask("two.test"));
resolver.close();
process.stdout.write(JSON.stringify(said));
