import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSmallFiles } from "./index.ts";

describe("small files", () => {
  const files = createSmallFiles();
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/small-files-`);
    path = `${folder}/lease`;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("are written whole, for their owner alone, with nothing left beside them", async () => {
    await files.replace(path, Buffer.from("one"));
    await files.replace(path, Buffer.from("two"));

    expect(readFileSync(path, "utf8")).toBe("two");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["lease"]);
  });

  test("get the mode that is asked for, whatever the umask", async () => {
    const umask = process.umask(0o077);
    try {
      await files.replace(path, Buffer.from("nameserver"), 0o644);
    } finally {
      process.umask(umask);
    }

    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  test("take the place of a symbolic link, whose target stays as it was", async () => {
    const target = `${folder}/target`;
    writeFileSync(target, "precious");
    symlinkSync(target, path);

    await files.replace(path, Buffer.from("lease"));

    expect(readFileSync(target, "utf8")).toBe("precious");
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("lease");
  });

  test("stay as they were where they cannot be replaced, with nothing left beside them", async () => {
    mkdirSync(path);

    await expect(files.replace(path, Buffer.from("lease"))).rejects.toMatchObject({
      name: "SecureStreamsError",
      code: "file-failed",
      layer: "system",
      message: `Cannot replace "${path}": the system refused (EISDIR)`,
    });

    expect(readdirSync(folder)).toEqual(["lease"]);
    await expect(files.replace(`${folder}/none/lease`, Buffer.from(""))).rejects.toThrow("(ENOENT)");
  });

  test("are read as they are, up to the limit and not beyond it", async () => {
    writeFileSync(path, "12345");

    expect(await files.read(path, 5)).toEqual(Uint8Array.of(0x31, 0x32, 0x33, 0x34, 0x35));
    expect(await files.read(path, 4)).toBeUndefined();
  });

  test("that give more than they say are read up to the limit", async () => {
    expect(statSync("/proc/self/status").size).toBe(0);

    expect(await files.read("/proc/self/status", 100)).toBeUndefined();
    expect((await files.read("/proc/self/status", 65_536))?.length).toBeGreaterThan(100);
  });

  test("are nothing where there is none, a folder, a pipe, a device or a link to itself", async () => {
    execFileSync("mkfifo", [`${folder}/pipe`]);
    symlinkSync(`${folder}/loop`, `${folder}/loop`);
    writeFileSync(path, "");

    for (const name of [
      `${folder}/none`,
      folder,
      `${folder}/pipe`,
      `${folder}/loop`,
      `${path}/below`,
      "/dev/zero",
    ]) {
      expect(await files.read(name, 1000), name).toBeUndefined();
    }
    expect(await files.read(path, 1000)).toEqual(new Uint8Array());
  });

  test("are removed, also where they are gone already", async () => {
    writeFileSync(path, "lease");

    await files.remove(path);
    await files.remove(path);

    expect(existsSync(path)).toBe(false);
    await expect(files.remove(folder)).rejects.toMatchObject({ layer: "system" });
  });
});
