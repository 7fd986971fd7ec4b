import type { SequencedEvent } from "@boma/protocol";
import { expect, test } from "vitest";

import { eventText } from "./event-text.ts";

const event = (more: object): SequencedEvent =>
  ({ sequence: 7, uid: "u", at: 0, kind: "node.started", id: "web", data: {}, ...more }) as SequencedEvent;

test("an event is one line, whatever it holds: control characters are shown and not obeyed", () => {
  const hostile = event({
    id: "web\u001b[2J",
    operator: "eve\r",
    data: { version: "one\ntwo\u0007", "\u009b1m": undefined, start: { "\u001b]0;title": ["\u009b31m"] } },
  });
  const text = eventText(hostile);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
  expect(text.replace(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  expect(text).toContain("version=one\\ntwo");
});

test("an event is cut where the terminal ends, and only there", () => {
  const long = event({ data: { version: "x".repeat(500) } });
  // oxlint-disable-next-line no-control-regex -- colours take no room.
  const plain = (width?: number) => eventText(long, width).replace(/\u001b\[\d+m/g, "");
  expect(plain(100)).toHaveLength(100);
  expect(plain(100)).toMatch(/x…$/);
  expect(plain()).toContain("x".repeat(500));
  expect(plain(10)).not.toContain("x");
});
