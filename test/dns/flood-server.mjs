// A name server in a process of its own that gives each UDP question's right answer over TCP after 200 ms, and until
// then and beyond sends 100 000 datagrams a second with wrong ids and a false address to whoever asked last.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const RATE = 100;
const RIGHT_AFTER = 200;
let target;
let sent = 0;
let started;

const udp = createSocket("udp4").bind(0, "127.0.0.1");
const tcp = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (framed) => {
    const answer = answerTo(framed.subarray(2), [192, 0, 2, 1]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(answer.length);
    setTimeout(() => socket.write(Buffer.concat([length, answer])), RIGHT_AFTER);
  });
});
udp.on("message", (query, { port }) => {
  target = { forged: answerTo(query, [6, 6, 6, 6]), id: query.readUInt16BE(0), port };
  if (started !== undefined) return;
  started = performance.now();
  flood();
});
udp.on("listening", () => {
  tcp.listen(udp.address().port, "127.0.0.1", () => process.send({ port: udp.address().port }));
});
process.on("message", () => process.send({ sent, ms: performance.now() - started }));

/** Sends what is due, then waits a turn; never more than 2 ms worth at a time, so as not to overrun the receiver. */
function flood() {
  const elapsed = performance.now() - started;
  for (let due = Math.min(elapsed * RATE - sent, 2 * RATE); due > 0; due--) {
    target.forged.writeUInt16BE((target.id + 1 + (sent % 65_535)) & 0xffff, 0);
    udp.send(Buffer.from(target.forged), target.port, "127.0.0.1");
    sent += 1;
  }
  setImmediate(flood);
}

/** The answer with one A record to a question, which ends 11 bytes before the query's OPT record does. */
function answerTo(query, address) {
  const question = query.subarray(0, query.length - 11);
  const answer = Buffer.concat([
    question,
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address]),
  ]);
  answer.writeUInt16BE(0x8180, 2);
  answer.writeUInt16BE(1, 6);
  answer.writeUInt16BE(0, 10);
  return answer;
}
