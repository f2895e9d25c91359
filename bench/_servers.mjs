// The servers of the benchmarks, one per process: node bench/_servers.mjs NAME, by the harness.
import { createServer as createHttp } from "node:http";
import { createSecureServer } from "node:http2";
import { WebSocketServer } from "ws";
import { createAuthority } from "../dist/testing/index.js";

const BODY = Buffer.alloc(100, "x");

const SERVERS = {
  h1(ready) {
    const server = createHttp((_request, response) => {
      response.writeHead(200, { "content-length": BODY.length });
      response.end(BODY);
    });
    server.keepAliveTimeout = 60_000;
    server.listen(0, "127.0.0.1", () => ready({ port: server.address().port }));
  },
  h2(ready) {
    const authority = createAuthority();
    const { chainPem, keyPem } = authority.issue({ names: ["localhost"] });
    const server = createSecureServer({
      cert: chainPem,
      key: keyPem,
      settings: { maxConcurrentStreams: 1000 },
    });
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-length": BODY.length });
      stream.end(BODY);
    });
    server.listen(0, "127.0.0.1", () =>
      ready({ port: server.address().port, root: authority.certificatePem }),
    );
  },
  ws(ready) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (socket) =>
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    server.on("listening", () => ready({ port: server.address().port }));
  },
};

SERVERS[process.argv[2]]((info) => process.send(info));
process.on("disconnect", () => process.exit());
