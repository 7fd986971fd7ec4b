import { execFileSync } from "node:child_process";

import { compareVersions } from "@boma/states";
import fc from "fast-check";
import { expect, test } from "vitest";

const part = fc
  .array(fc.constantFrom("0", "1", "2", "10", "a", "b", "Z", ".", "+", "~"), { maxLength: 6 })
  .map((pieces) => pieces.join(""));
const version = fc
  .tuple(fc.constantFrom("", "0:", "1:", "12:"), part, fc.option(part, { nil: undefined }))
  .map(
    ([epoch, upstream, revision]) => `${epoch}1${upstream}${revision === undefined ? "" : `-1${revision}`}`,
  );

test("dpkg orders the same versions in the same way", () => {
  const pairs = fc.sample(fc.tuple(version, version), 400);
  // One shell for all of them: a process for each would take a minute.
  const script = `while read -r a b; do
    if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi
  done`;
  const said = execFileSync("/bin/sh", ["-c", script], {
    input: pairs.map((pair) => `${pair.join(" ")}\n`).join(""),
    encoding: "utf8",
  });
  const theirs = said.trim().split("\n");
  expect(theirs).toHaveLength(pairs.length);
  const ours = pairs.map(([a, b]) => String(Math.sign(compareVersions(a, b))));
  expect(pairs.filter((_, at) => ours[at] !== theirs[at])).toEqual([]);
});
