import { expect, test } from "vitest";
import { type Session, Sessions } from "./sessions.ts";

const SESSION: Session = { bytes: Buffer.of(1), expires: 1000 };

test("a session is found under its own scope and key", () => {
  const sessions = new Sessions();

  sessions.keep("a", "key", SESSION);

  expect(sessions.find("a", "key", 999)).toBe(SESSION);
  expect(sessions.find("a", "key", 999)).toBe(SESSION);
  expect(sessions.find("a", "other", 999)).toBeUndefined();
  expect(sessions.find("b", "key", 999)).toBeUndefined();
});

test("a session ends with the certificate behind it", () => {
  const sessions = new Sessions();

  sessions.keep("a", "key", SESSION);

  expect(sessions.find("a", "key", 1000)).toBeUndefined();
  expect(sessions.size).toBe(0);
});

test("the least recently used is dropped first, and a newer one replaces", () => {
  const sessions = new Sessions(2);

  sessions.keep("a", "1", SESSION);
  sessions.keep("a", "2", SESSION);
  sessions.keep("a", "2", { bytes: Buffer.of(2), expires: 1000 });
  sessions.find("a", "1", 0);
  sessions.keep("a", "3", SESSION);

  expect(sessions.size).toBe(2);
  expect(sessions.find("a", "1", 0)).toBe(SESSION);
  expect(sessions.find("a", "2", 0)).toBeUndefined();
});

test("a scope is forgotten alone, or all together", () => {
  const sessions = new Sessions();
  for (const scope of ["a", "b", "c"]) sessions.keep(scope, "key", SESSION);

  sessions.forget("a");
  expect(sessions.find("a", "key", 0)).toBeUndefined();
  expect(sessions.size).toBe(2);

  sessions.forget();
  expect(sessions.size).toBe(0);
});
