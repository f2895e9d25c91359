// A time server that lies: ADDRESS YEARS
import { createSocket } from "node:dgram";

const [address, years] = process.argv.slice(2);
const EPOCH = 2_208_988_800;
const socket = createSocket("udp4");
socket.on("message", (request, { port, address: from }) => {
  const reply = Buffer.alloc(48);
  reply[0] = 0x24;
  reply[1] = 2;
  request.copy(reply, 24, 40, 48);
  const seconds = Math.floor(Date.now() / 1000 + Number(years) * 31_557_600) + EPOCH;
  for (const at of [16, 32, 40]) reply.writeUInt32BE(seconds % 2 ** 32, at);
  socket.send(reply, port, from);
});
socket.bind(123, address, () => console.log("listening"));
