/** The search for secrets finds what it says it finds: otherwise a clean result would mean nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { newCanary } from "./support/canary.ts";

const planted = newCanary();
const { value } = planted;
const bytes = Buffer.from(value);

test.each([
  ["as it is", `password = ${value}\n`],
  ["in JSON", JSON.stringify({ a: [{ b: `x${value}y` }] })],
  ["in JSON within JSON's own escapes", JSON.stringify(value).replace("é", "\\u00e9")],
  ["in hex", bytes.toString("hex").toUpperCase()],
  ["in hex with colons", bytes.toString("hex").replace(/(..)(?=.)/g, "$1:")],
  ["in a URL", `https://example/?q=${encodeURIComponent(value)}`],
  ["in a form", new URLSearchParams({ q: value }).toString()],
  ["in base64", bytes.toString("base64")],
  ["in base64url", bytes.toString("base64url")],
  ["in UTF-16", Buffer.from(value, "utf16le")],
  ["backwards", Array.from(value).toReversed().join("")],
])("a planted secret is found %s", (_, text) => {
  expect(planted.in(text)).not.toEqual([]);
});

test("it is found in the base64 of a longer text, wherever it begins and ends in it", () => {
  for (let before = 0; before < 9; before++)
    for (let after = 0; after < 4; after++) {
      const text = Buffer.from(`${"<".repeat(before)}${value}${">".repeat(after)}`);
      expect(planted.in(text.toString("base64")), `${before} and ${after}`).not.toEqual([]);
      expect(planted.in(text.toString("base64url")), `${before} and ${after}, for URLs`).not.toEqual([]);
    }
});

test("what does not hold it is clean, and so is a part of it", () => {
  expect(planted.in("nothing here")).toEqual([]);
  expect(planted.in(value.slice(0, 12))).toEqual([]);
  expect(planted.in(newCanary().value)).toEqual([]);
});

test("it is found in files at any depth, and in their names", () => {
  const dir = mkdtempSync(join(tmpdir(), "boma-canary-"));
  try {
    mkdirSync(join(dir, "a/b"), { recursive: true });
    writeFileSync(join(dir, "a/b/log"), Buffer.concat([Buffer.alloc(5000, 255), bytes, Buffer.alloc(3)]));
    writeFileSync(join(dir, "a", bytes.toString("hex")), "");
    writeFileSync(join(dir, "clean"), "clean");
    const found = planted.inFiles(dir);
    expect(found.map(({ form }) => form).toSorted()).toEqual(["hex", "plain", "shell"].toSorted());
    expect(JSON.stringify(found.filter(({ form }) => form !== "hex"))).not.toContain(value.slice(4, 30));
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("it is found in the command line and the environment of a child of a child", async () => {
  // The word that it prints says that its child is there.
  const child = spawn("sh", ["-c", 'sh -c "echo there; read line; true" "$1"; true', "sh", value], {
    env: { PATH: process.env["PATH"] ?? "", SECRET: value },
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    await once(child.stdout, "data");
    const places = planted
      .inProcesses(child.pid!)
      .filter(({ form }) => form === "plain")
      .map(({ place }) => place.replace(/ of .*/, ""));
    expect(places).toEqual(["argv", "environment", "argv", "environment"]);
  } finally {
    child.stdin.end();
    await once(child, "close");
  }
});
