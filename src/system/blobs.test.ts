import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { BLOB_NAMES, BLOBS, Blobs, blobsFromEnvironment } from "./blobs.ts";

const SECRET = "hunter2";

describe("a blob", () => {
  test.each(BLOB_NAMES)("%s is kept in every slot of its own", (name) => {
    const blobs = new Blobs();
    for (let slot = 0; slot < BLOBS[name].slots; slot++) blobs.set(name, `value ${slot}`, slot);

    for (let slot = 0; slot < BLOBS[name].slots; slot++) expect(blobs.text(name, slot)).toBe(`value ${slot}`);
    expect(() => blobs.set(name, "x", BLOBS[name].slots)).toThrow(
      `Cannot set the blob "${name}": there is no slot`,
    );
  });

  test.each([-1, 0.5, Number.NaN])("has no slot %d", (slot) => {
    expect(() => new Blobs().set("auth", "x", slot)).toThrow("there is no slot");
  });

  test("is not there until it is set, and not any more once it is deleted", () => {
    const blobs = new Blobs();
    expect([blobs.has("auth"), blobs.text("auth"), blobs.bytes("auth")]).toEqual([
      false,
      undefined,
      undefined,
    ]);

    blobs.set("auth", SECRET);
    expect(blobs.has("auth")).toBe(true);
    expect(blobs.has("auth", 1)).toBe(false);

    blobs.delete("auth");
    expect(blobs.has("auth")).toBe(false);
  });

  test("is a copy, on the way in and on the way out", () => {
    const blobs = new Blobs();
    const value = Uint8Array.from([1, 2, 3]);
    blobs.set("client-key", value);
    value[0] = 9;
    const taken = blobs.bytes("client-key") ?? expect.fail();
    taken[1] = 9;

    expect(blobs.bytes("client-key")).toEqual(Uint8Array.from([1, 2, 3]));
  });

  test("of text loses the line end of its file, one of bytes does not", () => {
    const blobs = new Blobs();
    for (const [given, kept] of [
      ["abc\n", "abc"],
      ["abc\r\n", "abc"],
      ["abc\n\n", "abc\n"],
      ["\n", ""],
    ] as const) {
      blobs.set("auth", given);
      expect(blobs.text("auth")).toBe(kept);
    }
    blobs.set("mqtt-password", "abc\n");
    expect(blobs.text("mqtt-password")).toBe("abc\n");
  });

  test("of bytes that are no text is bytes only, and one of text must be text", () => {
    const blobs = new Blobs();
    blobs.set("client-certificate", Uint8Array.from([0x30, 0xff]));

    expect(blobs.text("client-certificate")).toBeUndefined();
    expect(() => blobs.set("serial", Uint8Array.from([0xff]))).toThrow("it is not UTF-8");
  });

  test("is bounded, and the error does not tell it", () => {
    const blobs = new Blobs();
    blobs.set("serial", "s".repeat(4096));

    expect(() => blobs.set("serial", SECRET.repeat(1000))).toThrow("7000 bytes are more than 4096");
    expect(() => blobs.set("serial", SECRET.repeat(1000))).not.toThrow(SECRET);
  });
});

describe("whoever watches blobs", () => {
  test("is told each change by its name, and nothing that is as it was", () => {
    const blobs = new Blobs();
    const told: string[] = [];
    blobs.watch((name) => told.push(name));

    blobs.set("auth", "a");
    blobs.set("auth", "a");
    blobs.set("auth", "b");
    blobs.set("client-key", "a", 3);
    blobs.delete("auth");
    blobs.delete("auth");
    blobs.delete("serial");

    expect(told).toEqual(["auth", "auth", "client-key", "auth"]);
  });

  test("is told until it has heard enough, and others still are", () => {
    const blobs = new Blobs();
    const told: string[] = [];
    const watcher = (name: string): void => {
      told.push(name);
    };
    const end = blobs.watch(watcher);
    blobs.watch(watcher);

    end();
    blobs.set("auth", "a");

    expect(told).toEqual(["auth"]);
  });
});

test("nothing of a blob is ever printed", () => {
  const blobs = new Blobs();
  for (const name of BLOB_NAMES) blobs.set(name, SECRET);

  const ways = [
    JSON.stringify(blobs),
    JSON.stringify({ nested: [blobs] }),
    String(blobs),
    `${blobs}`,
    inspect(blobs),
    inspect({ deep: { blobs } }, { depth: 9, showHidden: true }),
    Object.entries(blobs).join(),
    inspect(structuredClone({ ...blobs })),
  ];

  for (const shown of ways) expect(shown).not.toContain(SECRET);
  expect(JSON.stringify(blobs)).toBe('"[redacted]"');
});

test("an environment may hold them, slot 0 without a number", () => {
  const blobs = blobsFromEnvironment({
    SECURE_STREAMS_AUTH: "access",
    SECURE_STREAMS_AUTH_1: "refresh",
    SECURE_STREAMS_FIRMWARE_VERSION: "1.2",
    SECURE_STREAMS_UNKNOWN: "x",
    PATH: "/bin",
  });

  expect([blobs.text("auth"), blobs.text("auth", 1), blobs.text("firmware-version")]).toEqual([
    "access",
    "refresh",
    "1.2",
  ]);
  expect(BLOB_NAMES.filter((name) => blobs.has(name))).toEqual(["auth", "firmware-version"]);
});
