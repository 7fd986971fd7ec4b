import { secret } from "@boma/states/core";
import { describe, expect, test } from "vitest";

import { bounded, MASK, maskedCall } from "./masked.ts";

describe("arguments in the audit", () => {
  test("hold no value of a parameter that a state's schema says may be a secret, and keep where a secret is", async () => {
    const params = { contents: "hunter2", mode: "0600" };
    expect(await maskedCall("state.single", { state: "file.managed", key: "/etc/x", params })).toEqual({
      state: "file.managed",
      key: "/etc/x",
      params: { contents: MASK, mode: "0600" },
    });
    const reference = { contents: secret("file:/etc/boma/secrets/db") };
    const kept = await maskedCall("state.single", {
      state: "file.managed",
      key: "/etc/x",
      params: reference,
    });
    expect(JSON.stringify(kept)).toContain("file:/etc/boma/secrets/db");
  });

  test("hold no value that is called as secrets are, at any depth, and do hold what is public", async () => {
    const args = {
      user: "ann",
      password: "p",
      nested: [{ apiKey: "k", publicKey: "pub", dbPasswd: { a: "x" } }],
    };
    expect(await maskedCall("site.own", args)).toEqual({
      user: "ann",
      password: MASK,
      nested: [{ apiKey: MASK, publicKey: "pub", dbPasswd: { a: MASK } }],
    });
    const command = { command: ["true"], env: { TOKEN: "t" }, stdin: "s" };
    expect(await maskedCall("cmd.run", command)).toEqual({
      command: ["true"],
      env: { TOKEN: MASK },
      stdin: MASK,
    });
  });

  test("that are too long for a record are said by their size", () => {
    expect(bounded({ text: "x".repeat(300_000) })).toEqual({ leftOut: "300011 bytes" });
  });
});
