// A name server for the benchmark, in a process of its own: A 192.0.2.1, AAAA 2001:db8::1; names that begin with
// "dead" are never answered. Tells its port by message, and its CPU time in microseconds when asked.
import { createSocket } from "node:dgram";

const socket = createSocket({ type: "udp4", recvBufferSize: Number(process.env.RCVBUF ?? 0) || undefined });
const A = Buffer.from("c00c00010001000000780004c0000201", "hex");
const AAAA = Buffer.from("c00c001c0001000000780010" + "20010db8000000000000000000000001", "hex");

socket.on("message", (query, from) => {
  let end = 12;
  while (query[end] !== 0) end += query[end] + 1;
  if (query[12] >= 4 && query.toString("latin1", 13, 17).toLowerCase() === "dead") return;
  const record = query[end + 2] === 28 ? AAAA : A;
  const reply = Buffer.allocUnsafe(end + 5 + record.length);
  query.copy(reply, 0, 0, end + 5);
  reply.writeUInt16BE(0x8180, 2);
  reply.writeUInt32BE(0x00010001, 4);
  reply.writeUInt32BE(0, 8);
  record.copy(reply, end + 5);
  socket.send(reply, from.port, from.address);
});
socket.bind(Number(process.argv[2] ?? 0), "127.0.0.1", () => process.send?.({ port: socket.address().port }));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system });
});
