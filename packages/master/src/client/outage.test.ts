import { BomaError } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import { verbs } from "../api/verbs/index.ts";
import { isRecorded } from "../audit/request-audit.ts";
import { FeedBroken, isOutage, mayBeAskedAgain, overBreaks } from "./outage.ts";

/** They need no right to change the fleet, and are still not made twice by themselves. */
const NOT_BY_ITSELF = [
  // The feed is asked for again by whoever follows it.
  "audit.next",
  "audit.other",
  "audit.others",
  "events.next",
  "job.attach",
  "job.show",
  "site.check",
  // They are of one session.
  "feed.keep",
  "subscriber.done",
  // They change something.
  "netboot.boot",
  "netboot.tell",
  "netboot.trust",
  "operator.renew",
  "plan.store",
  "subscriber.remove",
  "terraform.store",
];

describe("what may be asked for again", () => {
  test("changes nothing: none of it is recorded", () => {
    for (const spec of Object.values(verbs))
      if (mayBeAskedAgain(spec.verb)) expect(isRecorded(spec), spec.verb).toBe(false);
  });

  test("is all that only looks", () => {
    const rest = Object.values(verbs).filter((spec) => !isRecorded(spec) && !mayBeAskedAgain(spec.verb));
    expect(rest.map(({ verb }) => verb).toSorted()).toEqual(NOT_BY_ITSELF.toSorted());
  });
});

describe("a question over breaks", () => {
  const asked = (answers: readonly (Error | string)[]) => {
    const left = [...answers];
    return overBreaks(() => {
      const next = left.shift()!;
      return typeof next === "string" ? Promise.resolve(next) : Promise.reject(next);
    });
  };

  test("is asked again while the master is away", async () => {
    const away = new BomaError("master/unreachable", "away");
    expect(await asked([new FeedBroken("broke"), away, "here"])).toBe("here");
  });

  test("is asked again while the bus does not answer the master", async () => {
    const elects = new BomaError("bus/unreachable", "the bus does not answer the master now: timeout");
    expect(await asked([elects, "here"])).toBe("here");
  });

  test("is waited for less long where it is asked again", async () => {
    const again: boolean[] = [];
    await overBreaks((isAgain) => {
      again.push(isAgain);
      return isAgain ? Promise.resolve() : Promise.reject(new FeedBroken("broke"));
    });
    expect(again).toEqual([false, true]);
  });

  test("is not where nobody was there to begin with", async () => {
    const away = new BomaError("master/unreachable", "away");
    await expect(asked([away, "here"])).rejects.toBe(away);
  });

  test("ends with what a master answers", async () => {
    const denied = new BomaError("operator/denied", "no");
    await expect(asked([new FeedBroken("broke"), denied, "here"])).rejects.toBe(denied);
  });
});

test.each(["bus/refused", "bus/full"] as const)("%s does not pass by itself", (code) => {
  expect(isOutage(new BomaError(code, "x"))).toBe(false);
});
