/** What must not compile: each line below is an error of the compiler, and `npm run types` fails where one is not. */
import { expect, test } from "vitest";
import { z } from "zod";

import { diff } from "./changes.ts";
import { defineState } from "./define-state.ts";
import { readHost } from "./host/host.ts";
import { secret, text } from "./secret.ts";
import { file, service } from "./states.gen.ts";
import { memoryHost } from "./testing/memory-host.ts";
import { tree } from "./tree.ts";

const sound = {
  name: "test.sound" as const,
  summary: "Sound.",
  key: "name" as const,
  params: z.strictObject({ name: z.string(), count: z.int(), note: z.string().optional() }),
  examples: [],
};
const counted = defineState({
  ...sound,
  check: async ({ count }) => diff({ count: 0 }, { count }),
  apply: async () => undefined,
});

/** Never called: only its types are of interest. */
function neverCalled(): void {
  // @ts-expect-error -- a parameter that the state does not have.
  file.managed("/etc/motd", { contens: "x" });
  // @ts-expect-error -- a value of the wrong type.
  file.managed("/etc/motd", { mode: 644 });
  // @ts-expect-error -- a required parameter is missing.
  counted("a", {});
  // @ts-expect-error -- a required parameter is missing, and so is all of it.
  counted("a");
  // @ts-expect-error -- a file cannot refresh, so it cannot watch.
  file.managed("/etc/motd", { watch: file.directory("/etc") });
  // @ts-expect-error -- nor listen.
  file.managed("/etc/motd", { listen: file.directory("/etc") });
  // @ts-expect-error -- a secret where none may stand.
  file.managed("/etc/motd", { mode: secret("env:MODE") });
  // @ts-expect-error -- a requisite is a declaration or its name.
  file.managed("/etc/motd", { require: 3 });
  // @ts-expect-error -- a misspelt requisite.
  file.managed("/etc/motd", { requires: file.directory("/etc") });
  // @ts-expect-error -- there is no such state.
  file.manged("/etc/motd");
  // @ts-expect-error -- what is said of the order is first, last or a number.
  file.managed("/etc/motd", { order: "early" });
  // @ts-expect-error -- a tree gives declarations.
  tree(() => ["/etc/motd"]);
  // @ts-expect-error -- the pillar is what the schema says.
  tree(z.object({ port: z.int() }), ({ pillar }) => [file.managed("/x", { contents: pillar.prt })]);

  defineState({
    ...sound,
    check: async ({ name, count }, { files }) => {
      // @ts-expect-error -- check has a host that cannot write.
      await files.write(name, "x");
      return diff({ count: 0 }, { count });
    },
    apply: async () => undefined,
  });
  defineState({
    ...sound,
    check: async ({ count }) => diff({ count: 0 }, { count }),
    // @ts-expect-error -- apply gets the changes that check finds, and no others.
    apply: async ({ cuont }) => void cuont,
  });
  defineState({
    ...sound,
    // @ts-expect-error -- the key is one of the parameters.
    key: "nam",
    check: async () => ({}),
    apply: async () => undefined,
  });
  defineState({
    ...sound,
    // @ts-expect-error -- what may hold a secret is one of the parameters.
    secretive: ["nte"],
    check: async () => ({}),
    apply: async () => undefined,
  });
  // @ts-expect-error -- a state without a check is none.
  defineState({ ...sound, apply: async () => undefined });
  // @ts-expect-error -- a name has a module.
  defineState({ ...sound, name: "sound", check: async () => ({}), apply: async () => undefined });
}

test("what should compile does, and says what it says", () => {
  expect(neverCalled).toBeTypeOf("function");
  const conf = file.managed("/etc/x", { contents: text`password=${secret("env:DB")}\n` });
  expect(service.running("x", { watch: conf, enable: true })).toMatchObject({
    requisites: { watch: [conf] },
  });
  expect(counted("a", { count: 1, require: [conf, "file.managed(/y)"] }).id).toBe("test.sound(a)");
  expect(file.directory("/srv").params).toMatchObject({ path: "/srv" });
});

test("a host to look at has no method that changes anything, also behind a cast", () => {
  const host = readHost(memoryHost().ports) as unknown as Record<string, Record<string, unknown>>;
  for (const [port, method] of [
    ["files", "write"],
    ["files", "remove"],
    ["commands", "run"],
    ["packages", "install"],
    ["services", "restart"],
    ["accounts", "addUser"],
  ])
    expect(host[port!]![method!], `${port}.${method}`).toBeUndefined();
});

test("a secret in an ordinary text is an error, not nonsense", () => {
  expect(() => `${secret("env:DB") as unknown as string}`).toThrow("ordinary text");
});
