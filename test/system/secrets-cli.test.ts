/** What an operator does with secrets and with the release key, against a master that runs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { newCanary } from "../support/canary.ts";
import { Fleet } from "../support/fleet.ts";
import type { Failure } from "../support/run.ts";

test("secrets are tried, listed and forgotten without ever being shown, and the root names another release key", async () => {
  await using fleet = await Fleet.start();
  const planted = newCanary();
  mkdirSync(join(fleet.home, "secrets"), { recursive: true });
  const file = join(fleet.home, "secrets/db");
  writeFileSync(file, planted.value, { mode: 0o600 });

  const seen: unknown[] = [];
  const ask = async <T>(...args: string[]) => {
    const { value } = await fleet.json<T>(...args);
    seen.push(value);
    return value;
  };
  expect(await ask("secret", "check", `file:${file}`)).toMatchObject({ ok: true });
  const missing = await ask<Failure>("secret", "check", `file:${file}.none`);
  expect(missing).toMatchObject({ ok: false, error: { code: "secret/unknown" } });
  expect(await ask("secret", "check", "gen:cookie?len=16")).toMatchObject({ ok: true });
  expect(await ask("secret", "list")).toMatchObject([{ name: "cookie", length: 16, encoding: "base64" }]);
  expect(await ask("secret", "forget", "cookie")).toMatchObject({ ok: true });
  expect(await ask("secret", "list")).toEqual([]);
  expect(await ask("secret", "forget", "cookie")).toMatchObject({ error: { code: "secret/unknown" } });

  const stick = join(fleet.dir, "release.json");
  const key = await ask<{ release: string }>("bundle", "key", "--key", stick);
  expect(await ask("bundle", "pin", key.release)).toMatchObject({
    ok: true,
    serial: 2,
    release: key.release,
  });
  expect(planted.inTexts({ screen: JSON.stringify(seen), log: fleet.master.lines.join("\n") })).toEqual([]);
});
