import { expect, test } from "vitest";

import { temporaryDirectory } from "../testing/support.ts";
import { Turns } from "./turn.ts";

const never = new AbortController().signal;

test("a run that nobody waits for is asked to give way when another comes, and that one then has its turn", async () => {
  await using dir = await temporaryDirectory();
  const turns = new Turns(dir.path);
  let asked = 0;
  const look = await turns.take(
    "a look",
    never,
    () => undefined,
    () => void asked++,
  );
  expect(asked).toBe(0);
  const told: string[] = [];
  const waiting = turns.take("a job", never, (forWhom) => told.push(forWhom));
  expect(asked).toBe(1);
  await look.end();
  const job = await waiting;
  expect(told).toEqual(["a look"]);
  expect(turns.holders).toEqual(["a job"]);
  // A job gives way to nobody.
  const next = turns.take("another job", never, () => undefined);
  expect(turns.holders).toEqual(["a job", "another job"]);
  await job.end();
  await (await next).end();
  expect(turns.holders).toEqual([]);
});

test("who waits is told for which job, and not for a look that gives way", async () => {
  await using dir = await temporaryDirectory();
  const turns = new Turns(dir.path);
  const job = await turns.take("a job", never, () => undefined);
  const gone = new AbortController();
  const look = turns.take(
    "a look",
    gone.signal,
    () => undefined,
    () => gone.abort(new Error("gave way")),
  );
  look.catch(() => undefined);
  const told: string[] = [];
  const next = turns.take("another job", never, (forWhom) => told.push(forWhom));
  await expect(look).rejects.toThrow("gave way");
  await job.end();
  await (await next).end();
  expect(told).toEqual(["a job"]);
});
