// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Context, type ContextOptions, createContext, DESTROY_ME, type Reply } from "../../src/index.ts";
import { createAuthority } from "../../src/testing/index.ts";
import { AUTHORITY, HttpBin, KINDS, type Kind, type Seen, speaks, TRUST } from "./http-bin.ts";
import { names, rejection, watch } from "./watch.ts";

/** What the examples of libwebsockets show of h1 and h2, and what its users asked for, against real servers. */

const bins = new Map<Kind, HttpBin>();
const others = new Map<Kind, HttpBin>();
const strict = new Map<Kind, HttpBin>();
const foreign = createAuthority();

beforeAll(async () => {
  for (const kind of KINDS) {
    bins.set(kind, await HttpBin.start(kind));
    others.set(kind, await HttpBin.start(kind));
    if (kind !== "h1") strict.set(kind, await HttpBin.start(kind, { clientCertificate: true }));
  }
});
afterAll(async () => {
  for (const bin of [...bins.values(), ...others.values(), ...strict.values()]) await bin.close();
});

describe.each(KINDS)("payload sent over %s", (kind) => {
  const big = Buffer.alloc(300_000, "ü");

  test.each<[string, () => AsyncIterable<Uint8Array> | Uint8Array | string, string | undefined]>([
    ["text", () => big.toString(), "300000"],
    ["bytes", () => big, "300000"],
    ["an iterable of unknown length", () => pieces(big, 7777), undefined],
  ])("arrives whole: %s", async (_, payload, length) => {
    const seen = await ask(kind, { http_url: "post" }, { payload: payload() });

    expect(seen).toMatchObject({ method: "POST", length: 300_000, sha256: sha256(big) });
    expect(seen.headers["content-length"]).toBe(length);
    if (length === undefined && kind !== "h2") expect(seen.headers["transfer-encoding"]).toBe("chunked");
  });

  test("is a form where the policy says so", async () => {
    const keys = { http_url: "post", http_www_form_urlencoded: true };

    const seen = await ask(kind, keys, { payload: "a=1&b=%20" });

    expect(seen.headers).toMatchObject({
      "content-type": "application/x-www-form-urlencoded",
      "content-length": "9",
    });
    expect(seen.body).toBe("a=1&b=%20");
  });

  test.each<[string, () => AsyncIterable<Uint8Array> | string]>([
    ["of known length", () => "picture"],
    ["of unknown length", () => pieces(Buffer.from("picture"), 3)],
  ])("is the one part of a multipart form: %s", async (_, payload) => {
    const keys = { http_url: "post", http_multipart_name: "file", http_multipart_filename: 'a"b.jpg' };
    const type = { http_mime_content_type: "image/jpeg", metadata: { type: "content-type" } };

    const seen = await ask(kind, { ...keys, ...type }, { payload: payload(), metadata: { type: "a/b" } });

    const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(seen.headers["content-type"] ?? "")?.[1];
    expect(seen.body).toBe(
      [
        `--${boundary}`,
        'Content-Disposition: form-data; name="file"; filename="a%22b.jpg"',
        "Content-Type: image/jpeg",
        "",
        "picture",
        `--${boundary}--`,
        "",
      ].join("\r\n"),
    );
  });
});

describe.each(KINDS)("the callback form over %s", (kind) => {
  test.each([
    ["get", { http_method: "GET", http_url: "bytes/100000" }, 100_000],
    ["post", { http_method: "POST", http_url: "post" }, undefined],
  ])(
    "has the whole of a response before the states that follow, destroying last: %s",
    async (_, keys, size) => {
      const context = await contextOf(kind, keys);
      const heard: string[] = [];
      let bytes = 0;
      const destroyed = new Promise<void>((resolve) => {
        const stream = context.open("one", {
          tx: () => "body",
          rx: ({ payload, end }) => {
            bytes += payload.length;
            heard.push(end ? "end" : "rx");
            return undefined;
          },
          state: ({ state }) => {
            heard.push(state);
            if (state === "destroying") resolve();
            return state === "qos-ack-remote" ? DESTROY_ME : undefined;
          },
        });
        stream.requestTx();
      });
      await destroyed;
      await context.close();

      const order = heard.filter((event, at) => event !== heard[at - 1]);
      expect(order.slice(-6)).toEqual([
        "connected",
        "rx",
        "end",
        "qos-ack-remote",
        "disconnected",
        "destroying",
      ]);
      if (size === undefined) expect(bytes).toBeGreaterThan(0);
      else expect(bytes).toBe(size);
    },
  );
});

describe.each(KINDS)("metadata over %s", (kind) => {
  test.each([" v", "v ", "  v w  "])("arrives without its outer spaces: %j", async (value) => {
    const keys = { http_url: "headers", metadata: { token: "x-token:" } };

    const seen = await ask(kind, keys, { metadata: { token: value } });

    expect(seen.headers["x-token"]).toBe(value.trim());
  });

  test("goes into a url of 12 KB, which the server echoes", async () => {
    const arg = "x".repeat(12_000);

    const seen = await ask(
      kind,
      { http_url: "get?arg=${arg}", metadata: { arg: "" } },
      { metadata: { arg } },
    );

    expect(seen.url).toBe(`/get?arg=${arg}`);
  });

  test("is read back from the response, whatever case and colon the policy writes", async () => {
    const keys = {
      http_url: "response-headers?X-Kind=good&ETag=e1",
      metadata: { kind: "x-KIND:", tag: "etag", none: "x-none:" },
    };

    const reply = await request(kind, keys);

    expect(reply.metadata).toEqual({ kind: "good", tag: "e1" });
    expect([reply.header("X-Kind"), reply.header("x-none")]).toEqual(["good", undefined]);
  });

  test("names any header where the policy says so", async () => {
    const keys = { http_url: "headers", direct_proto_str: true };

    const seen = await ask(kind, keys, { metadata: { "X-Any:": "1", "x-ANY": "2" } });

    expect(seen.headers["x-any"]).toBe("2");
  });

  test.each([
    ["X-Any", "a\r\nx-evil: 1"],
    ["X-Any", "a\0"],
    ["Host", "evil.test"],
    ["Connection", "close"],
    ["Transfer-Encoding", "chunked"],
  ])("that would change the request's shape is refused before anything is sent: %s", async (name, value) => {
    const bin = binOf(bins, kind);
    const before = [bin.accepted, bin.asked.length];

    const keys = { http_url: "headers", direct_proto_str: true };
    const error = await rejection(request(kind, keys, { metadata: { [name]: value } }));

    expect(error).toMatchObject({ name: "UsageError", code: "metadata-unsafe" });
    expect([bin.accepted, bin.asked.length]).toEqual(before);
  });

  test("and the blobs of the program fill the headers that the policy names", async () => {
    const keys = {
      ...{ http_url: "headers", http_auth_header: "Authorization:", http_auth_preamble: "Bearer " },
      ...{ http_dsn_header: "X-Serial", http_fwv_header: "X-Firmware:", http_devtype_header: "x-type" },
    };
    const identity = { auth: "secret", serial: "s-1", firmwareVersion: "1.2", deviceType: "lamp" };

    const seen = await ask(kind, keys, {}, { identity });

    expect(seen.headers).toMatchObject({
      ...{ authorization: "Bearer secret", "x-serial": "s-1", "x-firmware": "1.2", "x-type": "lamp" },
    });
  });
});

describe.each(KINDS)("the status over %s", (kind) => {
  test.each([
    [{ http_url: "status/404" }, false, "qos-nack-remote"],
    [{ http_url: "status/404", http_expect: 404 }, true, "qos-ack-remote"],
    [{ http_url: "status/200", http_expect: 404 }, false, "qos-nack-remote"],
    [{ http_url: "status/204" }, true, "qos-ack-remote"],
  ])("%j acknowledges: %j", async (keys, ok, state) => {
    const context = await contextOf(kind, keys);
    const stream = context.open("one");
    const events = watch(stream);

    const reply = await stream.request();
    await stream.reached("disconnected");

    expect(reply.ok).toBe(ok);
    expect(names(events)).toEqual(["poll", "connecting", "connected", state, "disconnected"]);
  });

  test("is a state of the program's own where the policy maps it", async () => {
    const context = await contextOf(kind, { http_url: "status/418", http_resp_map: [{ "418": 1000 }] });
    const stream = context.open("one");
    const events = watch(stream);

    await stream.request();

    expect(names(events).slice(0, 4)).toEqual(["poll", "connecting", "user-1000", "connected"]);
  });

  test("503 is tried again, not before Retry-After", async () => {
    const bin = binOf(bins, kind);
    bin.failNext(1);
    const context = await contextOf(kind, { http_url: "flaky?retry-after=1" });
    const stream = context.open("one");
    const events = watch(stream);

    const reply = await stream.request({ payload: "a POST, too" });

    expect([reply.status, await reply.text()]).toEqual([200, "now"]);
    expect(names(events).slice(0, 5)).toEqual([
      "poll",
      "connecting",
      "unreachable",
      "connecting",
      "connected",
    ]);
    expect(events[2]?.reason).toMatchObject({ code: "http-retry-later", status: 503 });
    expect(events[2]?.retryIn).toBe(1000);
  });

  test("a response that is cut off throws to who reads it", async () => {
    if (kind === "h2") return;
    const reply = await request(kind, { http_url: "half" });

    expect(await rejection(reply.text())).toMatchObject({ code: "http-incomplete" });
  });
});

describe.each(KINDS)("a redirect over %s", (kind) => {
  const origin = (): string => binOf(bins, kind).origin;
  const to = (url: string, status: number): string =>
    `redirect-to?status=${status}&url=${encodeURIComponent(url)}`;

  test("is not followed unless the policy allows it, and a failure where it says so", async () => {
    const refused = await rejection(request(kind, { http_url: "redirect/1" }));
    const portal = await rejection(
      request(kind, { http_url: "redirect/1", allow_redirects: true, http_fail_redirect: true }),
    );

    expect(refused).toMatchObject({
      code: "http-redirect",
      message: expect.stringContaining("allow_redirects"),
    });
    expect(portal).toMatchObject({
      code: "http-redirect",
      message: expect.stringContaining("captive portal"),
    });
  });

  test.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "PUT", "GET"],
    [307, "POST", "POST"],
    [308, "PUT", "PUT"],
  ])("with %i makes of %s a %s", async (status, method, next) => {
    const keys = { http_url: to("/post", status), http_method: method, allow_redirects: true };

    const seen = await ask(kind, keys, { payload: "hello" });

    expect([seen.method, seen.length]).toEqual([next, next === "GET" ? 0 : 5]);
  });

  test("is followed 4 times, and no fifth", async () => {
    const four = await request(kind, { http_url: "redirect/4", allow_redirects: true });
    const five = await rejection(request(kind, { http_url: "redirect/5", allow_redirects: true }));

    expect(four.status).toBe(200);
    expect(five).toMatchObject({ code: "http-redirect-loop" });
  });

  test("to another origin carries no credential, no cookie, no header of the program", async () => {
    const other = binOf(others, kind).origin;
    const keys = {
      ...{ http_url: to(`${other}/headers`, 302), allow_redirects: true, http_cookies: true },
      ...{ http_auth_header: "Authorization", metadata: { key: "x-api-key:", agent: "user-agent:" } },
    };
    const metadata = { key: "secret", agent: "mine" };
    const identity = { auth: "secret" };
    const context = await contextOf(kind, { ...keys, http_url: "set-cookie/id=secret" }, { identity });
    await (await context.request("one", { metadata })).text();
    context.overlay({ streams: { one: { http_url: keys.http_url } } });

    const away = (await (await context.request("one", { metadata })).json()) as Seen;
    context.overlay({ streams: { one: { http_url: to(`${origin()}/headers`, 302) } } });
    const home = (await (await context.request("one", { metadata })).json()) as Seen;

    expect(JSON.stringify(away).replace(/id=secret/g, "")).not.toContain("secret");
    expect(away.headers["user-agent"]).toBe("mine");
    expect(home.headers).toMatchObject({
      authorization: "secret",
      "x-api-key": "secret",
      cookie: "id=secret",
    });
  });

  test("from https to http is never followed", async () => {
    if (kind === "h1") return;
    const plain = binOf(bins, "h1");
    const before = plain.asked.length;

    const error = await rejection(
      request(kind, { http_url: to(`${plain.origin}/get`, 307), allow_redirects: true }),
    );

    expect(error).toMatchObject({ code: "http-redirect-downgrade" });
    expect(plain.asked.length).toBe(before);
  });
});

test.each(KINDS)(
  "cookies over %s are kept for the context, and only where the policy says so",
  async (kind) => {
    const context = await createContext({
      policy: {
        ...TRUST,
        streams: {
          set: { ...at(kind), http_url: "set-cookie/id=7", http_cookies: true },
          get: { ...at(kind), http_url: "headers", http_cookies: true },
          bare: { ...at(kind), http_url: "headers" },
        },
      },
    });
    onTestFinished(() => context.close());

    await (await context.request("set")).text();
    const got = (await (await context.request("get")).json()) as Seen;
    const bare = (await (await context.request("bare")).json()) as Seen;

    expect([got.headers.cookie, bare.headers.cookie]).toEqual(["id=7", undefined]);
  },
);

describe.each(["h1s", "h2"] as const)("client certificates over %s", (kind) => {
  const keys = (): object => ({ ...speaks(kind, binOf(strict, kind).port), http_url: "get", client_cert: 1 });
  const certificate = (authority: typeof AUTHORITY) => {
    const { chainPem, keyPem } = authority.issue({ commonName: "device-7", purposes: ["client"] });
    return { certificate: chainPem, key: keyPem };
  };

  test("are shown as the policy names them", async () => {
    const identity = { clientCertificates: [certificate(foreign), certificate(AUTHORITY)] };

    const seen = await ask(kind, keys(), {}, { identity });

    expect(seen.client).toBe("device-7");
  });

  // A server of Node's hangs up without an alert; tls-refusals.test.ts has the reason that OpenSSL gives.
  test("of a strange authority never look connected", async () => {
    const identity = { clientCertificates: [certificate(AUTHORITY), certificate(foreign)] };
    const context = await contextOf(kind, keys(), { identity });
    const stream = context.open("one");
    const events = watch(stream);

    const error = await rejection(stream.request());

    expect(error).toMatchObject({ code: "all-retries-failed" });
    expect(names(events).filter((state) => state !== "auth-failed" && state !== "unreachable")).toEqual([
      ...["poll", "connecting", "connecting", "all-retries-failed"],
    ]);
  });

  test("that the program did not give are asked for before anything is sent", async () => {
    const before = binOf(strict, kind).accepted;

    const error = await rejection(request(kind, keys()));

    expect(error).toMatchObject({ name: "UsageError", code: "blob-missing" });
    expect(binOf(strict, kind).accepted).toBe(before);
  });
});

type Asked = Parameters<Context["request"]>[1];

async function contextOf(kind: Kind, keys: object, more: Partial<ContextOptions> = {}): Promise<Context> {
  const context = await createContext({
    policy: {
      ...TRUST,
      retry: { quick: { backoff: [20], conceal: 1, jitterpc: 0 } },
      streams: { one: { ...at(kind), retry: "quick", ...keys } },
    } as object,
    ...more,
  });
  onTestFinished(() => context.close());
  return context as unknown as Context;
}

async function request(
  kind: Kind,
  keys: object,
  asked: Asked = {},
  more: Partial<ContextOptions> = {},
): Promise<Reply> {
  return (await contextOf(kind, keys, more)).request("one", asked);
}

/** What the server saw of one transaction. */
async function ask(kind: Kind, keys: object, asked: Asked = {}, more: Partial<ContextOptions> = {}) {
  const reply = await request(kind, keys, asked, more);
  expect(reply.status).toBe(200);
  return (await reply.json()) as Seen;
}

function at(kind: Kind): object {
  return speaks(kind, binOf(bins, kind).port);
}

function binOf(of: ReadonlyMap<Kind, HttpBin>, kind: Kind): HttpBin {
  const bin = of.get(kind);
  if (bin === undefined) throw new Error(`There is no server for ${kind}`);
  return bin;
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
