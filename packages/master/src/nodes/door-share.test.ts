import { newNkey, subjects } from "@boma/protocol";
import { expect, test } from "vitest";

import { DoorShare } from "./door-share.ts";

const [one, other] = [newNkey.user(), newNkey.user()].map(({ publicKey }) =>
  subjects.rpc(publicKey, "hello"),
);
const count = (share: DoorShare, subject: string, now: number): number => {
  for (let taken = 0; ; taken++)
    try {
      share.assert(subject, now);
    } catch (error) {
      expect(error).toMatchObject({ code: "wire/too-often" });
      return taken;
    }
};

test("one who asks without end is refused after a while, others are not, and he may ask again later", () => {
  const share = new DoorShare();
  expect(count(share, one!, 0)).toBe(400);
  expect(count(share, other!, 9_999)).toBe(400);
  expect(count(share, one!, 9_999)).toBe(0);
  expect(count(share, one!, 10_000)).toBe(400);
});

test("many who ask at once are refused together where there is a bound for all", () => {
  const share = new DoorShare(500);
  expect(count(share, one!, 0)).toBe(400);
  expect(count(share, other!, 0)).toBe(100);
  expect(count(share, other!, 10_000)).toBe(400);
});
