// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import type { IncomingMessage } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import { requireBuilt } from "../built.ts";
import { closedPort, plain, secure, startH2, startHttp, startHttps, TRUST } from "../loopback-peers.ts";
import { cli, events, fileOf, policyOf, startCli, states } from "./policies.ts";

beforeAll(requireBuilt, 120_000);

const GET = { protocol: "h1", http_method: "GET", http_url: "hello" };
const POST = { protocol: "h1", http_method: "POST", http_url: "in" };

describe("open over h1 and h2", () => {
  test("puts the payload on stdout, states on stderr, and exits with 0", async () => {
    const peer = await startHttp((request, response) => response.end(`hello ${request.url}`));
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const { code, stdout, stderr } = await cli(["open", "it", "--policy", policy]);

    expect(code).toBe(0);
    expect(stdout).toBe("hello /hello");
    expect(stderr.trimEnd().split("\n")).toEqual([
      "it: creating",
      "it: poll",
      "it: connecting",
      "it: connected",
      "it: qos-ack-remote",
      "it: disconnected",
      "it: destroying",
    ]);
  });

  test("takes policy.json of the working directory by default", async () => {
    const peer = await startHttp((_, response) => response.end("here"));
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const result = await cli(["open", "it"], { cwd: policy.replace("/policy.json", "") });

    expect(result).toMatchObject({ code: 0, stdout: "here" });
  });

  test("trusts what the policy's trust store says, over h2 as well", async () => {
    const h1 = await startHttps((_, response) => response.end("h1"));
    const h2 = await startH2((stream) => stream.end("h2"));
    const keys = { http_method: "GET", retry: "twice" };
    const policy = policyOf(
      {},
      {
        ...TRUST,
        streams: {
          one: { ...keys, protocol: "h1", ...secure(h1.port) },
          two: { ...keys, protocol: "h2", ...secure(h2.port) },
          stranger: { ...keys, protocol: "h1", ...secure(h1.port), tls_trust_store: undefined },
        },
      },
    );

    expect(await cli(["open", "one", "--policy", policy])).toMatchObject({ code: 0, stdout: "h1" });
    expect(await cli(["open", "two", "--policy", policy])).toMatchObject({ code: 0, stdout: "h2" });
    const stranger = await cli(["open", "stranger", "--policy", policy]);
    expect(stranger).toMatchObject({ code: 3, stdout: "" });
    expect(stranger.stderr).toContain("[tls-untrusted]");
  });

  test("gives the events of the contract with --json, and nothing on stderr", async () => {
    const peer = await startHttp((_, response) => response.setHeader("etag", "v1").end("hello"));
    const policy = policyOf({ ...GET, ...plain(peer.port), metadata: { version: "etag" } });

    const { code, stdout, stderr } = await cli(["open", "it", "--policy", policy, "--json"]);

    expect(code).toBe(0);
    expect(stderr).toBe("");
    const all = events(stdout);
    for (const { at } of all) expect(at).toBe(new Date(String(at)).toISOString());
    expect(all.find(({ state }) => state === "connected")).toEqual({
      event: "state",
      at: expect.any(String),
      streamtype: "it",
      state: "connected",
      previous: "connecting",
      reason: null,
      attempt: 1,
      retryInMs: null,
    });
    expect(all.filter(({ event }) => event === "message")).toEqual([
      {
        event: "message",
        at: expect.any(String),
        start: true,
        end: true,
        encoding: "utf8",
        data: "hello",
        metadata: { version: "v1" },
      },
    ]);
  });

  test("gives bytes that are no text in base64", async () => {
    const peer = await startHttp((_, response) => response.end(Buffer.from([0xff, 0x00, 0xfe])));
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const { stdout } = await cli(["open", "it", "--policy", policy, "--json"]);

    expect(events(stdout).find(({ event }) => event === "message")).toMatchObject({
      encoding: "base64",
      data: "/wD+",
    });
  });

  test("hands 5 MB through byte for byte", async () => {
    const payload = Buffer.alloc(5_000_000, "0123456789abcde\n");
    const peer = await startHttp((_, response) => response.end(payload));
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const { code, stdout } = await cli(["open", "it", "--policy", policy]);

    expect(code).toBe(0);
    expect(stdout === payload.toString()).toBe(true);
  });

  test("fills the url from --metadata and sends metadata headers", async () => {
    const asked: unknown[] = [];
    const peer = await startHttp((request, response) => {
      asked.push([request.url, request.headers["x-site"]]);
      response.end();
    });
    const metadata = { device: "", site: "x-site" };
    const policy = policyOf({ ...GET, ...plain(peer.port), http_url: "d/${device}", metadata });

    const args = ["open", "it", "--policy", policy, "--metadata", "device=roof-3", "--metadata", "site=a=b"];
    const { code } = await cli(args);

    expect(code).toBe(0);
    expect(asked).toEqual([["/d/roof-3", "a=b"]]);
  });

  test.each([
    ["device=a\r\nx: y", /line end|control character/i],
    ["devise=a", /"device"/],
  ])("refuses --metadata %j before anything is sent", async (pair, why) => {
    const peer = await startHttp((_, response) => response.end());
    const policy = policyOf({
      ...GET,
      ...plain(peer.port),
      http_url: "d/${device}",
      metadata: { device: "" },
    });

    const { code, stderr } = await cli(["open", "it", "--policy", policy, "--metadata", pair]);

    expect(code).toBe(2);
    expect(stderr).toMatch(why);
    expect(peer.accepted).toBe(0);
  });
});

describe("the body of a transaction", () => {
  test.each([
    ["--data TEXT", ["--data", "text"], undefined],
    ["--data -", ["--data", "-"], "text"],
    ["stdin without --data", [], "text"],
    ["--data @FILE", ["--data", `@${"FILE"}`], undefined],
  ])("comes from %s, with its length", async (_, args, stdin) => {
    const asked: unknown[] = [];
    const peer = await startHttp(async (request, response) => {
      asked.push([request.method, request.headers["content-length"], await bodyOf(request)]);
      response.end("taken");
    });
    const policy = policyOf({ ...POST, ...plain(peer.port) });
    const file = `@${fileOf("text", "body.txt")}`;
    const given = args.map((arg) => (arg === "@FILE" ? file : arg));

    const result = await cli(
      ["open", "it", "--policy", policy, ...given],
      stdin === undefined ? {} : { stdin },
    );

    expect(result).toMatchObject({ code: 0, stdout: "taken" });
    expect(asked).toEqual([["POST", "4", "text"]]);
  });

  test("is sent again when the first connection was never made", async () => {
    const bodies: string[] = [];
    const peer = await startHttp(async (request, response) => {
      bodies.push(await bodyOf(request));
      response.end();
    });
    await peer.stop();
    const patient = { retry: { twice: { backoff: [100], conceal: 100, jitterpc: 0 } } };
    const program = startCli(
      ["open", "it", "--policy", policyOf({ ...POST, ...plain(peer.port) }, patient)],
      { stdin: "text" },
    );
    await program.wrote(/^it: unreachable/m);

    await peer.restart();

    expect(await program.ended).toMatchObject({ code: 0 });
    expect(bodies).toEqual(["text"]);
  });

  test("may be larger than what is kept, and then has no length", async () => {
    let received = 0;
    let encoding: string | undefined;
    const peer = await startHttp(async (request, response) => {
      encoding = request.headers["transfer-encoding"];
      received = (await bodyOf(request)).length;
      response.end();
    });
    const policy = policyOf({ ...POST, ...plain(peer.port) });

    const { code } = await cli(["open", "it", "--policy", policy], { stdin: "x".repeat(3_000_000) });

    expect({ code, received, encoding }).toEqual({ code: 0, received: 3_000_000, encoding: "chunked" });
  });

  test("stdin is left alone where the method takes no body", async () => {
    const peer = await startHttp((_, response) => response.end("answer"));
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const result = await cli(["open", "it", "--policy", policy], { stdin: { open: true } });

    expect(result).toMatchObject({ code: 0, stdout: "answer" });
  });

  test("a file that is not there is a wrong call", async () => {
    const policy = policyOf({ ...POST, ...plain(1) });

    const { code, stderr } = await cli(["open", "it", "--policy", policy, "--data", "@/nonexistent/body"]);

    expect(code).toBe(2);
    expect(stderr).toContain('Cannot use --data "@/nonexistent/body": there is no such file');
  });
});

describe("the exit code of open", () => {
  test("is 1 when the peer answers with another status, whose payload is on stdout", async () => {
    const peer = await startHttp((_, response) => response.writeHead(404).end("no such thing"));
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const { code, stdout, stderr } = await cli(["open", "it", "--policy", policy]);

    expect(code).toBe(1);
    expect(stdout).toBe("no such thing");
    expect(stderr).toContain(
      "it: qos-nack-remote: The response status is 404, expected 200 to 299 [http-status]",
    );
  });

  test("is 2 for an unknown streamtype, with the nearest one", async () => {
    const { code, stderr } = await cli(["open", "itt", "--policy", policyOf(plain(1))]);

    expect(code).toBe(2);
    expect(stderr).toContain('did you mean "it"?');
  });

  test("is 2 for a policy with faults, each with its place", async () => {
    const path = fileOf(`{\n  "streams": { "it": { "port": "1" } }\n}`);

    const { code, stdout, stderr } = await cli(["open", "it", "--policy", path]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`${path}:2:32: error: `);
  });

  test("is 3 when nobody listens, after every retry", async () => {
    const policy = policyOf({ ...GET, ...plain(await closedPort()) });

    const { code, stdout, stderr } = await cli(["open", "it", "--policy", policy]);

    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^it: unreachable: .* \[connection-refused\]; next try in 0\.0 s$/m);
    expect(stderr).toMatch(
      /^secure-streams: All 2 attempts of "it" failed; the last: .* \[all-retries-failed\]$/m,
    );
  });

  test("is 3 for a name that does not exist", async () => {
    const policy = policyOf({ ...GET, endpoint: "nobody.invalid" });

    const { code, stderr } = await cli(["open", "it", "--policy", policy]);

    expect(code).toBe(3);
    expect(stderr).toContain("[not-found]");
  });

  test("is 4 when the answer does not come within --timeout", async () => {
    const peer = await startHttp(() => {});
    const policy = policyOf({ ...GET, ...plain(peer.port) });

    const { code, stderr } = await cli(["open", "it", "--policy", policy, "--timeout", "200"]);

    expect(code).toBe(4);
    expect(stderr).toContain("200 ms");
  });

  test("is 130 when SIGINT comes before the answer, and the connection is closed", async () => {
    let gone = (): void => {};
    const closed = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const peer = await startHttp((request) => request.socket.once("close", gone));
    const program = startCli(["open", "it", "--policy", policyOf({ ...GET, ...plain(peer.port) }), "--json"]);
    await program.wrote(/"connecting"/);

    program.kill("SIGINT");

    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
    expect(states(stdout).at(-1)).toBe("destroying");
    if (peer.accepted > 0) await closed;
  });

  test("is 0 when the reader of stdout leaves early", async () => {
    const peer = await startHttp((_, response) => response.end("line\n".repeat(1_000_000)));
    const program = startCli(["open", "it", "--policy", policyOf({ ...GET, ...plain(peer.port) })]);

    program.child.stdout?.once("data", () => program.child.stdout?.destroy());

    const { code, stderr } = await program.ended;
    expect(code).toBe(0);
    expect(stderr).not.toContain("EPIPE");
  });
});

describe("warnings of the policy", () => {
  test("are told on stderr and keep nothing from running, unless --strict", async () => {
    const peer = await startHttp((_, response) => response.end("fine"));
    const policy = policyOf({ ...GET, ...plain(peer.port), http_ulr: "x", perf: true });

    const lenient = await cli(["open", "it", "--policy", policy]);
    const strict = await cli(["open", "it", "--policy", policy, "--strict"]);

    expect(lenient).toMatchObject({ code: 0, stdout: "fine" });
    expect(lenient.stderr).toMatch(/warning: .*"http_ulr".*did you mean "http_url"/);
    expect(lenient.stderr).toContain("1 key is not acted upon yet; see secure-streams check");
    expect(strict).toMatchObject({ code: 2, stdout: "" });
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}
