import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Blobs } from "../../system/index.ts";
import { BlobFolder } from "./blob-folder.ts";

describe("a folder of blobs", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "blobs-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  });
  const write = (name: string, value: string | Uint8Array): void => writeFileSync(join(folder, name), value);

  test("sets what its files say, with slots, without line ends, over what is there", async () => {
    write("auth", "token\n");
    write("auth-1", "the one to get it with\r\n");
    write("client-key", Uint8Array.of(0x30, 0x0a));
    write("README", "no blob");
    const blobs = new Blobs();
    blobs.set("auth", "old");
    blobs.set("serial", "from elsewhere");

    await new BlobFolder(folder, blobs).read();

    expect([blobs.text("auth"), blobs.text("auth", 1), blobs.text("serial")]).toEqual([
      ...["token", "the one to get it with", "from elsewhere"],
    ]);
    expect(blobs.bytes("client-key")).toEqual(Uint8Array.of(0x30, 0x0a));
  });

  test("takes back what it set when the file is gone, and nothing else", async () => {
    write("auth", "token");
    const blobs = new Blobs();
    blobs.set("serial", "from elsewhere");
    const from = new BlobFolder(folder, blobs);
    await from.read();
    rmSync(join(folder, "auth"));

    await from.read();

    expect([blobs.has("auth"), blobs.text("serial")]).toEqual([false, "from elsewhere"]);
  });

  test.each([
    ["too long", (path: string) => writeFileSync(path, "x".repeat(5000)), "more than 4096 bytes"],
    ["no file", (path: string) => mkdirSync(path), "it is no file"],
    ["no text", (path: string) => writeFileSync(path, Uint8Array.of(0xff)), "not UTF-8"],
  ])("one that is %s is refused without a word of it, and nothing is set", async (_, make, why) => {
    write("auth", "token");
    make(join(folder, "serial"));
    const from = new BlobFolder(folder);

    await expect(from.read()).rejects.toThrow(why);
    await expect(from.read()).rejects.toThrow(/serial/);
    expect(from.blobs.has("auth")).toBe(false);
  });

  test("that is not there is an error that names it", async () => {
    const missing = new BlobFolder(join(folder, "none"));

    await expect(missing.read()).rejects.toMatchObject({ code: "usage" });
    await expect(missing.read()).rejects.toThrow(/none": there is no such folder/);
  });

  test("is read again when a file is written, replaced or goes; what is bad then is told, and the last stays", async () => {
    write("auth", "one");
    const from = new BlobFolder(folder);
    await from.read();
    const errors: unknown[] = [];
    let told = (): void => {};
    const next = (): Promise<void> => new Promise((resolve) => (told = resolve));
    from.blobs.watch(() => told());
    // What was written between reading and watching.
    const missed = next();
    write("auth", "in between");
    const stop = from.watch((error) => {
      errors.push(error);
      told();
    });
    onTestFinished(stop);
    await missed;
    expect(from.blobs.text("auth")).toBe("in between");

    const replaced = next();
    write(".auth.tmp", "two");
    renameSync(join(folder, ".auth.tmp"), join(folder, "auth"));
    await replaced;
    expect(from.blobs.text("auth")).toBe("two");

    const refused = next();
    write("serial", "x".repeat(5000));
    await refused;
    expect(errors).toMatchObject([{ code: "usage" }]);
    expect(from.blobs.text("auth")).toBe("two");

    const gone = next();
    rmSync(join(folder, "serial"));
    rmSync(join(folder, "auth"));
    await gone;
    expect(from.blobs.has("auth")).toBe(false);

    for (const value of ["three", "four"]) {
      const made = next();
      if (value === "three") {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      }
      write("auth", value);
      await made;
      expect(from.blobs.text("auth")).toBe(value);
    }
  });
});
