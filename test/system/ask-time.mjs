// Asks a time server once and writes by how many milliseconds its clock is ahead of this one: ADDRESS
import { createSocket } from "node:dgram";

const EPOCH = 2_208_988_800;
const ERA = 2 ** 32;
const now = () => performance.timeOrigin + performance.now();
const socket = createSocket("udp4");
const request = Buffer.alloc(48);
request[0] = 0x23;
let sent = 0;
socket.on("message", (reply) => {
  const received = now();
  const at = (offset) => {
    const seconds = reply.readUInt32BE(offset) + reply.readUInt32BE(offset + 4) / ERA - EPOCH;
    return (seconds < 0 ? seconds + ERA : seconds) * 1000;
  };
  console.log((at(32) - sent + at(40) - received) / 2);
  socket.close();
});
sent = now();
socket.send(request, 123, process.argv[2]);
setTimeout(() => process.exit(1), 5000).unref();
