// Echoes over TLS for ws, h2 and raw: FOLDER (cert.pem, key.pem) ADDRESS WSS-PORT H2-PORT RAW-PORT
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTlsServer } from "node:tls";
import { WebSocketServer } from "ws";

const [folder, address, wss, h2, raw] = process.argv.slice(2);
const tls = { cert: readFileSync(`${folder}/cert.pem`), key: readFileSync(`${folder}/key.pem`) };

const web = createHttpsServer(tls);
new WebSocketServer({ server: web }).on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (payload, binary) => socket.send(payload, { binary }));
});
const echo = createSecureServer(tls);
echo.on("stream", (stream) => {
  stream.on("error", () => {});
  stream.respond({ ":status": 200 });
  stream.pipe(stream);
});
const plain = createTlsServer(tls, (socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
});

let waiting = 3;
for (const [server, port] of [
  [web, wss],
  [echo, h2],
  [plain, raw],
]) {
  server.on("tlsClientError", () => {});
  server.on("sessionError", () => {});
  server.listen(Number(port), address, () => {
    waiting -= 1;
    if (waiting === 0) console.log("listening");
  });
}
