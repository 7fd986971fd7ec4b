import { expect, test } from "vitest";

import { AtOnce } from "./at-once.ts";

test("never more than so many are under way, all have their turn in their order, and one that fails gives its place back", async () => {
  const slots = new AtOnce(2);
  const began: number[] = [];
  let underWay = 0;
  let most = 0;
  const works = Array.from({ length: 6 }, (_, index) =>
    slots.run(async () => {
      began.push(index);
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 1));
      underWay -= 1;
      if (index % 2 === 0) throw new Error(`no ${index}`);
      return index;
    }),
  );
  const ended = await Promise.allSettled(works);
  expect(began).toEqual([0, 1, 2, 3, 4, 5]);
  expect([most, underWay]).toEqual([2, 0]);
  expect(ended.map(({ status }) => status)).toEqual(
    ended.map((_, index) => (index % 2 === 0 ? "rejected" : "fulfilled")),
  );
  expect(await slots.run(async () => "free")).toBe("free");
});
