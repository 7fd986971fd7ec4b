/** `npm test` and the demo need a nats-server: this finds one or installs Debian's. */
import { asBomaError } from "@boma/protocol";

import { findNatsServer, installNatsServer } from "../packages/master/src/bus/program.ts";

try {
  const found = await findNatsServer();
  const program = found ?? (await installNatsServer());
  console.log(
    `nats-server ${program.version.join(".")} ${found ? "is" : "was installed"} at ${program.path}`,
  );
} catch (thrown) {
  const error = asBomaError(thrown);
  console.error(`${error.message}\n${error.hint}`);
  process.exitCode = 1;
}
