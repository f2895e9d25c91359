import { describe, expect, test } from "vitest";
import { createResolver } from "../../src/dns.ts";
import { responder, zone } from "./responder.ts";

describe("a resolver on loopback", () => {
  test("asks for both families at once and answers in one delivery", async () => {
    await using server = await responder(zone({ "www.example": ["192.0.2.1", "2001:db8::1"] }));
    const resolver = createResolver({ servers: [server.server] });

    const answer = await resolver.resolve("WWW.example");

    expect(answer).toMatchObject({
      name: "www.example",
      records: [
        { type: "AAAA", address: "2001:db8::1", ttl: 60 },
        { type: "A", address: "192.0.2.1", ttl: 60 },
      ],
      source: server.server,
      transport: "udp",
      cached: false,
    });
    expect(server.asked.map(({ question }) => question.type)).toEqual(["AAAA", "A"]);
    resolver.close();
  });
});
