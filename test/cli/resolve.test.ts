import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireBuilt } from "../built.ts";
import { type Asked, a, aaaa, answerBytes, cname, type Responder, responder, soa } from "../dns/responder.ts";
import { type Finished, Program, run } from "../program.ts";

const CLI = "dist/cli/main.js";
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
let names: Responder;

beforeAll(async () => {
  requireBuilt();
  names = await responder(answer);
});

afterAll(() => names.close());

function answer(asked: Asked): void {
  const { name, type } = asked.question;
  const known: Record<string, () => void> = {
    "www.example": () =>
      asked.reply({ answers: [type === "A" ? a(name, "192.0.2.1") : aaaa(name, "2001:db8::1")] }),
    "alias.example": () =>
      asked.reply({ answers: [cname(name, "edge.example"), a("edge.example", "192.0.2.7", 30)] }),
    "mail.example": () =>
      asked.reply({
        answers: [{ type: "TXT", name, ttl: 9, strings: [Buffer.from("v=1"), Buffer.from([0xff])] }],
      }),
    "empty.example": () => asked.reply({ authorities: [soa("example")] }),
    "broken.example": () => asked.reply({ rcode: 2 }),
    "closed.example": () => asked.reply({ rcode: 5 }),
    "loop.example": () => asked.reply({ answers: [cname(name, name)] }),
    "forged.example": () => {
      if (asked.transport === "udp")
        asked.send(answerBytes(asked.bytes, { id: asked.message.id ^ 1, answers: [a(name, "6.6.6.6")] }));
      else asked.reply({ answers: [a(name, "192.0.2.9")] });
    },
    "large.example": () =>
      asked.reply(asked.transport === "udp" ? { isTruncated: true } : { answers: [a(name, "192.0.2.8")] }),
    "silent.example": () => {},
  };
  (known[name] ?? (() => asked.reply({ rcode: 3, authorities: [soa("example")] })))();
}

function resolve(...args: string[]): Promise<Finished> {
  return run(CLI, ["resolve", "--server", names.server.replace(":", "#"), ...args]);
}

function events(stdout: string): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("secure-streams resolve --json", () => {
  test("gives one answer with exactly these fields, exit 0", async () => {
    const { code, stdout, stderr } = await resolve("WWW.example", "--json");

    expect(events(stdout)).toEqual([
      {
        event: "answer",
        at: expect.stringMatching(ISO),
        name: "www.example",
        canonicalName: "www.example",
        type: "A+AAAA",
        addresses: [
          { address: "2001:db8::1", family: 6, ttl: 60 },
          { address: "192.0.2.1", family: 4, ttl: 60 },
        ],
        records: [
          { type: "AAAA", name: "www.example", ttl: 60, address: "2001:db8::1" },
          { type: "A", name: "www.example", ttl: 60, address: "192.0.2.1" },
        ],
        server: names.server,
        transport: "udp",
        cached: false,
        ms: expect.any(Number),
      },
    ]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
  });

  test("names the canonical name, the transport, and what comes from the cache or from nobody", async () => {
    const { stdout } = await resolve(
      "alias.example",
      "large.example",
      "large.example",
      "localhost",
      "--json",
      "--type",
      "a",
    );

    expect(events(stdout)).toMatchObject([
      { name: "alias.example", canonicalName: "edge.example", type: "A", cached: false },
      { transport: "tcp", cached: false },
      { transport: "tcp", cached: true, server: names.server },
      { name: "localhost", server: null, transport: null, cached: false },
    ]);
  });

  test("gives bytes as text where they are UTF-8, else in base64", async () => {
    const { stdout } = await resolve("mail.example", "--json", "--type", "TXT");

    expect(events(stdout)[0]).toMatchObject({ addresses: [], records: [{ strings: ["v=1", "/w=="] }] });
  });

  test.each([
    ["missing.example", "not-found", 3],
    ["empty.example", "no-data", 3],
    ["broken.example", "server-failure", 3],
    ["closed.example", "refused", 3],
    ["loop.example", "cname-loop", 3],
    ["a..b", "bad-name", 3],
    ["silent.example", "timeout", 4],
  ])("%s is an error with the code %s, exit %d", async (name, code, exit) => {
    const finished = await resolve(name, "--json", "--timeout", "400");

    expect(events(finished.stdout)).toEqual([
      {
        event: "error",
        at: expect.stringMatching(ISO),
        name,
        code,
        message: expect.stringMatching(/^Cannot resolve ".*": /),
      },
    ]);
    expect(finished.code).toBe(exit);
  });

  test("exits with the worst of its names, and tells them all", async () => {
    const { code, stdout } = await resolve(
      "www.example",
      "silent.example",
      "missing.example",
      "--json",
      "--timeout",
      "300",
    );

    expect(events(stdout).map(({ event, code }) => code ?? event)).toEqual([
      "answer",
      "timeout",
      "not-found",
    ]);
    expect(code).toBe(4);
  });

  test("no server that answers is the end with exit 3, and says who was asked", async () => {
    const gone = await responder(() => {});
    await gone.close();
    const { code, stderr } = await run(CLI, ["resolve", "www.example", "--server", gone.server]);

    expect(code).toBe(3);
    expect(stderr).toContain("[no-servers]");
    expect(stderr).toContain(`asked: ${gone.server}`);
  });

  test.each([
    [["--type", "FOO"], '"FOO" is no record type'],
    [["--server", "ns.example"], 'Cannot ask "ns.example"'],
    [["--timeout", "soon"], "soon"],
  ])("%j is a mistake in its use, exit 2", async (args, message) => {
    const { code, stderr } = await run(CLI, ["resolve", "www.example", ...args]);

    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("interrupted, it closes cleanly with exit 130", async () => {
    const program = new Program(CLI, ["resolve", "silent.example", "--server", names.server, "--trace"]);
    await program.wrote(/silent\.example/);
    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, signal: null });
  });
});

describe("secure-streams resolve --trace", () => {
  test("tells each question, each answer, and why one was refused", async () => {
    const { stdout, stderr } = await resolve("forged.example", "large.example", "--trace", "--type", "A");
    const steps = stderr.split("\n").map((line) => line.replace(/^ *[\d.]+ ms +/, ""));
    const { server } = names;

    expect(stdout).toContain("forged.example\t60\tA\t192.0.2.9");
    expect(steps[0]).toBe(`-> ${server} udp forged.example A (43 bytes)`);
    expect(steps[1]).toMatch(
      /48 bytes dropped: its id is of no question that waits; it may be forged, so .* TCP$/,
    );
    expect(steps[2]).toBe(`-> ${server} tcp forged.example A (43 bytes)`);
    expect(steps[3]).toMatch(/ tcp forged\.example A: answered \(48 bytes, [\d.]+ ms\)$/);
    expect(steps[4]).toMatch(/^forged\.example: from .* over tcp, /);
    expect(steps[6]).toMatch(/ udp large\.example A: too large for a datagram; asked again over TCP/);
  });

  test("tells of silence and of a port where nobody listens", async () => {
    const gone = await responder(() => {});
    await gone.close();
    const { stderr } = await run(CLI, [
      ...["resolve", "silent.example", "--type", "A", "--trace", "--timeout", "700"],
      ...["--server", gone.server, "--server", names.server],
    ]);

    expect(stderr).toContain(`xx ${gone.server} udp silent.example A: nobody listens there (ECONNREFUSED)`);
    expect(stderr).toMatch(/\.\. .*silent\.example A: no answer for \d+ ms/);
    expect(stderr).toContain("[timeout]");
  });

  test("with --json gives each step as an event", async () => {
    const { stdout } = await resolve("www.example", "--trace", "--json", "--type", "A");

    expect(events(stdout).map(({ event, step }) => step ?? event)).toEqual([
      "sent",
      "received",
      "answered",
      "answer",
    ]);
  });
});
