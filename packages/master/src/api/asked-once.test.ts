import { newNonce } from "@boma/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { AskedOnce, type Request } from "./asked-once.ts";

const MINUTE = 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "performance"], now: 1_800_000_000_000 }));
afterEach(() => void vi.useRealTimers());

/** As an operator whose clock is off by so much makes it now. */
const request = ({ off = 0, challenge }: { off?: number; challenge?: Uint8Array } = {}): Request => {
  const at = Date.now() + off;
  const body = { verb: "job.start", args: {}, session: "s", ...(challenge && { challenge }) } as const;
  return {
    v: 1,
    to: "master",
    at,
    expires: at + 5 * MINUTE,
    nonce: newNonce(),
    body,
    sender: new Uint8Array(),
  };
};

test("what may have been asked before this master led has to be asked anew with its challenge", () => {
  const before = request();
  const dated = request({ off: MINUTE - 1 });
  vi.advanceTimersByTime(1);
  const once = new AskedOnce();
  const challenge = once.challengeFor(before)!;
  expect(challenge).toHaveLength(16);
  expect(once.challengeFor(dated)).toEqual(challenge);
  expect(once.challengeFor(request({ challenge }))).toBeUndefined();
  expect(once.challengeFor(request({ challenge: newNonce() }))).toEqual(challenge);
  expect(new AskedOnce().challengeFor(request({ challenge }))).not.toEqual(challenge);
});

test("a minute later nobody is asked for it, but for what is from before", () => {
  const before = request();
  const once = new AskedOnce();
  vi.advanceTimersByTime(MINUTE);
  expect(once.challengeFor(request())).toBeUndefined();
  expect(once.challengeFor(before)).toBeDefined();
});

test("a clock that is set right after the start makes nothing of before a thing of after", () => {
  const before = request({ off: 10 * MINUTE });
  const once = new AskedOnce();
  vi.setSystemTime(Date.now() + 10 * MINUTE);
  expect(once.challengeFor(before)).toBeDefined();
});

test("a request is taken once, for as long as it holds", () => {
  const once = new AskedOnce();
  const first = request();
  once.take("O1", first);
  for (let n = 0; n < 20_000; n++) once.take("O1", request());
  expect(() => once.take("O1", first)).toThrow(/answered before/);
});

test("who asks without end is told so, and is in nobody else's way", () => {
  const once = new AskedOnce();
  for (let n = 0; n < 100_000; n++) once.take("O1", request());
  expect(() => once.take("O1", request())).toThrow(/within minutes/);
  once.take("O2", request());
  vi.advanceTimersByTime(5 * MINUTE + 1);
  once.take("O1", request());
});
