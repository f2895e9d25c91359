// Sends 50 MiB to whoever asks, in h1 and h2, and tells its parent how much of it is written; ends with its parent.
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createTlsServer } from "node:https";

const CHUNK = 64 * 1024;
const CHUNKS = 800;
const [, , kind, cert, key] = process.argv;

function answer(_, response) {
  let index = 0;
  let told = 0;
  const write = () => {
    while (index < CHUNKS) {
      index += 1;
      const hasRoom = response.write(Buffer.alloc(CHUNK, index % 251));
      if (!hasRoom) break;
    }
    if (index !== told) process.send({ written: index * CHUNK });
    told = index;
    if (index < CHUNKS) response.once("drain", write);
    else response.end();
  };
  write();
}

const server =
  kind === "h1"
    ? createServer(answer)
    : kind === "h1-tls"
      ? createTlsServer({ cert, key }, answer)
      : createSecureServer({ cert, key }, answer);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("disconnect", () => process.exit());
