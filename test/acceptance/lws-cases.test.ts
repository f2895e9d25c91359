import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHostResolver, createResolver, type Resolver } from "../../src/dns.ts";
import { type Context, createContext, SecureStreamsError, type Stream } from "../../src/index.ts";
import { createAuthority } from "../../src/testing/index.ts";
import { type Responder, responder, zone } from "../dns/responder.ts";
import { AUTHORITY, HttpBin, KINDS, type Kind, speaks, TRUST } from "./http-bin.ts";
import { rejection } from "./watch.ts";

/** The suite `minimal-secure-streams-testsfail` of libwebsockets: 18 streams, each with a state that must be seen. */
const SUFFIX: Readonly<Record<Kind, string>> = { h1: "h1", h1s: "h1_tls", h2: "h2_tls" };
const PATIENCE = 300;
const BAD_CERTIFICATES = {
  badcert_hostname: AUTHORITY.issue({ names: ["elsewhere.test"] }),
  badcert_expired: AUTHORITY.issue({
    names: ["127.0.0.1"],
    notBefore: new Date("2020-01-01"),
    notAfter: new Date("2021-01-01"),
  }),
  badcert_selfsigned: createAuthority().issue({ names: ["127.0.0.1"] }),
};
type BadCertificate = keyof typeof BAD_CERTIFICATES;

let context: Context;
let nameServer: Responder;
let resolver: Resolver;
const bins = new Map<string, HttpBin>();

beforeAll(async () => {
  for (const kind of KINDS) bins.set(kind, await HttpBin.start(kind));
  for (const [name, certificate] of Object.entries(BAD_CERTIFICATES)) {
    bins.set(name, await HttpBin.start("h1s", { certificate }));
  }
  nameServer = await responder(zone({}));
  resolver = createResolver({ servers: [nameServer.server] });
  context = await createContext({
    policy: JSON.stringify(policy()),
    strict: true,
    resolver: createHostResolver(resolver),
  });
});
afterAll(async () => {
  await context.close();
  for (const bin of bins.values()) await bin.close();
  resolver.close();
  await nameServer.close();
});

describe.each(KINDS)("the cases of libwebsockets over %s", (kind) => {
  const bin = (): HttpBin => binOf(kind);

  test("1-3: status 200 is acknowledged", async () => {
    const run = open(`t_${SUFFIX[kind]}`);

    const reply = await run.stream.request();
    await reply.text();
    await run.stream.reached("disconnected");
    run.stream.close();

    expect(reply.ok).toBe(true);
    expect(run.states).toEqual([
      "creating",
      "poll",
      "connecting",
      "connected",
      "qos-ack-remote",
      "disconnected",
      "destroying",
    ]);
  });

  test("4-6: a server that takes 10 s meets the stream's timeout", async () => {
    const before = bin().asked.length;
    const run = open(`d_${SUFFIX[kind]}`);

    const asked = rejection(run.stream.request());
    const { reason } = await run.stream.reached("timeout");
    run.stream.close();

    expect(await asked).toMatchObject({ code: "timeout", layer: "http" });
    expect(reason).toMatchObject({ code: "timeout", message: `No complete answer within ${PATIENCE} ms` });
    expect(run.states).toEqual(["creating", "poll", "connecting", "timeout", "unreachable", "destroying"]);
    expect(bin().asked.length - before).toBe(1);
  });

  test("7-9: a host that does not exist is unreachable", async () => {
    const run = open(`nxd_${SUFFIX[kind]}`);

    const asked = rejection(run.stream.request());
    const { reason, retryIn, attempt } = await run.stream.reached("unreachable");
    run.stream.close();

    expect(reason).toMatchObject({ layer: "dns", code: "not-found" });
    expect(attempt).toBe(1);
    expect(retryIn).toBeGreaterThanOrEqual(50);
    expect(retryIn).toBeLessThanOrEqual(60);
    expect(await asked).toMatchObject({ code: "closed" });
    expect(run.states).toEqual(["creating", "poll", "connecting", "unreachable", "destroying"]);
  });

  test("10-12: a host that does not exist uses the retries up", async () => {
    const run = open(`nxd_${SUFFIX[kind]}`);

    const error = await rejection(run.stream.request());

    expect(error).toBeInstanceOf(SecureStreamsError);
    expect(error).toMatchObject({ code: "all-retries-failed", layer: "dns", cause: { code: "not-found" } });
    expect(run.states).toEqual(["creating", "poll", ...failing("unreachable")]);
    run.stream.close();
  });

  test("13-15: exactly 12345 bytes arrive and are acknowledged", async () => {
    const run = open(`bulk_${SUFFIX[kind]}`, { amount: "12345" });

    const reply = await run.stream.request();
    let received = 0;
    for await (const piece of reply.payload) received += piece.length;
    await run.stream.reached("disconnected");
    run.stream.close();

    expect(received).toBe(12345);
    expect(run.states).toEqual([
      "creating",
      "poll",
      "connecting",
      "connected",
      "qos-ack-remote",
      "disconnected",
      "destroying",
    ]);
  });
});

describe("the cases of libwebsockets over h1 with a certificate that is wrong", () => {
  test.each([
    ["badcert_hostname", "tls-host-mismatch"],
    ["badcert_expired", "tls-expired"],
    ["badcert_selfsigned", "tls-untrusted"],
  ] as const)("16-18: %s uses the retries up and tells %s", async (name, code) => {
    const run = open(name);

    const error = await rejection(run.stream.request());

    expect(error).toMatchObject({ code: "all-retries-failed", layer: "tls", cause: { code } });
    expect(run.states).toEqual(["creating", "poll", ...failing("unreachable")]);
    expect(binOf(name).asked).toEqual([]);
    run.stream.close();
  });
});

/** `conceal` 2: the third failure in a row is told. */
function failing(state: string): string[] {
  return ["connecting", state, "connecting", state, "connecting", state, "all-retries-failed"];
}

function open(streamtype: string, metadata?: Record<string, string>): { stream: Stream; states: string[] } {
  const states: string[] = [];
  const stream = context.open(streamtype, {
    ...(metadata === undefined ? {} : { metadata }),
    state: ({ state }) => {
      states.push(state);
    },
  });
  return { stream, states };
}

function binOf(name: string): HttpBin {
  const bin = bins.get(name);
  if (bin === undefined) throw new Error(`There is no server "${name}"`);
  return bin;
}

/** The form of libwebsockets: arrays of objects, names before their use. */
function policy(): object {
  const common = { http_method: "GET", opportunistic: true, retry: "default" };
  const one = (kind: Kind): object[] => [
    { [`t_${SUFFIX[kind]}`]: { ...at(kind), ...common, http_url: "status/200" } },
    { [`d_${SUFFIX[kind]}`]: { ...at(kind), ...common, http_url: "/delay/10", timeout_ms: PATIENCE } },
    { [`nxd_${SUFFIX[kind]}`]: { ...at(kind), ...common, endpoint: "bogus.nope", http_url: "" } },
    {
      [`bulk_${SUFFIX[kind]}`]: {
        ...at(kind),
        ...common,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own template
        http_url: "bytes/${amount}",
        metadata: [{ amount: "" }],
      },
    },
  ];
  const bad = (name: BadCertificate): object => ({
    [name]: { ...speaks("h1s", binOf(name).port), ...common, http_url: "/" },
  });
  return {
    release: "01234567",
    product: "myproduct",
    "schema-version": 1,
    retry: [{ default: { backoff: [50, 50], conceal: 2, jitterpc: 20, svalidping: 30, svalidhup: 35 } }],
    ...TRUST,
    s: [...KINDS.flatMap(one), bad("badcert_hostname"), bad("badcert_expired"), bad("badcert_selfsigned")],
  };
}

function at(kind: Kind): object {
  return speaks(kind, binOf(kind).port);
}
