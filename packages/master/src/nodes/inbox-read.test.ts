import { expect, test } from "vitest";

import { InboxRead } from "./inbox-read.ts";

function inbox() {
  let now = 1_000;
  const read = new InboxRead(() => now);
  return { read, pass: (ms: number) => (now += ms), at: () => now };
}

test("an inbox of which nothing came is read until now", () => {
  const { read, at } = inbox();
  expect(read.until).toBe(at());
});

test("what came and is not read yet is what it is read up to", () => {
  const { read, pass, at } = inbox();
  read.came("1");
  pass(10);
  read.came("2");
  pass(10);
  expect(read.until).toBe(at() - 20);
  read.read("1");
  expect(read.until).toBe(at() - 10);
  read.read("2");
  expect(read.until).toBe(at());
});

test("while the bus has more, it is read up to the last that came", () => {
  const { read, pass, at } = inbox();
  read.behind(5);
  pass(100);
  expect(read.until).toBe(at() - 100);
  read.behind(0);
  expect(read.until).toBe(at());
});

test("what the bus has more of and does not bring was taken out of it", () => {
  const { read, pass, at } = inbox();
  read.behind(5);
  pass(5_000);
  expect(read.until).toBe(at());
});

test("whoever fills it holds nothing up for longer than half a minute", () => {
  const { read, pass, at } = inbox();
  read.came("1");
  pass(60_000);
  expect(read.until).toBe(at() - 30_000);
});

test("while nodes can put nothing in, and until what they held has come, it is read up to when they could", () => {
  const { read, pass, at } = inbox();
  const shutAt = at();
  read.shut("full");
  pass(600_000);
  expect(read.until).toBe(shutAt);
  read.opened("full");
  pass(29_999);
  expect(read.until).toBe(shutAt);
  pass(1);
  expect(read.until).toBe(at());
});

test("a bus that goes away while it is full is there again when both are over", () => {
  const { read, pass, at } = inbox();
  const shutAt = at();
  read.shut("full");
  pass(1_000);
  read.shut("away");
  read.opened("full");
  pass(60_000);
  expect(read.until).toBe(shutAt);
  read.opened("away");
  pass(9_999);
  expect(read.until).toBe(shutAt);
  pass(1);
  expect(read.until).toBe(at());
});

test("one that goes away again before what was held has come holds it from the first time on", () => {
  const { read, pass, at } = inbox();
  const shutAt = at();
  read.shut("away");
  read.opened("away");
  pass(5_000);
  read.shut("away");
  read.opened("away");
  pass(9_000);
  expect(read.until).toBe(shutAt);
  pass(1_000);
  read.shut("away");
  expect(read.until).toBe(at());
});
