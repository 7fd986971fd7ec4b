import { describe, expect, test } from "vitest";

import { type Call, checkArguments } from "../../define-function.ts";
import type { FunctionHost } from "../../function-host.ts";
import { writeHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import read from "./read.ts";
import stat from "./stat.ts";

const callOn = (files: Given["files"]): Call => ({
  host: writeHost(memoryHost(files ? { files } : {}).ports) as FunctionHost,
  signal: new AbortController().signal,
  line: () => undefined,
  test: false,
  job: "j",
  functions: {},
});
const reading = (files: Given["files"], args: object) =>
  read.run(checkArguments(read, args) as never, callOn(files));

describe("file.read", () => {
  test("a text comes as text, with its whole size", async () => {
    expect(await reading({ "/a": "grüße\n" }, { path: "/a" })).toEqual({
      path: "/a",
      bytes: 8,
      cut: false,
      text: "grüße\n",
      base64: null,
    });
  });
  test("what is cut in the middle of a character is still text, up to that character", async () => {
    expect(await reading({ "/a": "grüße\n" }, { path: "/a", bytes: 3 })).toMatchObject({
      bytes: 8,
      cut: true,
      text: "gr",
    });
    expect(await reading({ "/a": "grüße\n" }, { path: "/a", bytes: 4 })).toMatchObject({ text: "grü" });
  });
  test("bytes that are no text come as base64", async () => {
    expect(await reading({ "/a": { contents: Uint8Array.of(0xff, 0) } }, { path: "/a" })).toMatchObject({
      text: null,
      base64: "/wA=",
    });
  });
  test("nothing there is an error of the file, not of the function", async () => {
    await expect(reading({}, { path: "/a" })).rejects.toMatchObject({ code: "state/file-missing" });
  });
});

describe("file.stat", () => {
  const looking = (files: Given["files"], args: object) =>
    stat.run(checkArguments(stat, args) as never, callOn(files));

  test("a link is told of with its target, a file with its digest when that is asked", async () => {
    const files = { "/a": { contents: "x", mode: "0600" }, "/b": { link: "/a" } };
    expect(stat.result.parse(await looking(files, { path: "/b" }))).toMatchObject({
      type: "link",
      target: "/a",
    });
    const found = stat.result.parse(await looking(files, { path: "/a", digest: true }));
    expect(found).toMatchObject({ type: "file", mode: "0600", bytes: 1 });
    expect(found.sha256).toMatch(/^2d711642b726b044/);
  });
});
