import { expect, test } from "vitest";

import { plantTree } from "./fixture.ts";
import { hardware, memoryModule } from "./hardware.ts";
import { openSource } from "./source.ts";

test("it does not describe the machine that runs the test as another one", async () => {
  expect(await hardware.collect(openSource({ root: await plantTree({}) }))).toEqual({});
});

test("a memory module without what the firmware did not tell", () => {
  expect(
    memoryModule({
      size: 1024,
      bank: "",
      type: "DDR4\u0000",
      clockSpeed: 0,
      manufacturer: "Kingston",
      ecc: null,
    }),
  ).toEqual({ size: 1024, type: "DDR4", vendor: "Kingston" });
});
