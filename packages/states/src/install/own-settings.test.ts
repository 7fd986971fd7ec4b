import { expect, test } from "vitest";

import { consolesOf } from "./own-settings.ts";

test("only words that say where it speaks go from the live system's command line to the disk", () => {
  const words =
    'quiet console=tty0 boma.token=bt_A_B console=ttyS1,115200n8 console=$(reboot) console="x init=/bin/sh\n';
  expect(consolesOf(words)).toBe("console=tty0 console=ttyS1,115200n8");
});
