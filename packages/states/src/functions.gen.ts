// Written by `npm run gen`. Add a function by adding a file below functions/.
import type { AnyFunction } from "./define-function.ts";
import agentStatus from "./functions/agent/status.ts";
import cmdRun from "./functions/cmd/run.ts";
import grainsGet from "./functions/grains/get.ts";
import grainsItems from "./functions/grains/items.ts";
import sysDoc from "./functions/sys/doc.ts";
import sysList from "./functions/sys/list.ts";
import testEcho from "./functions/test/echo.ts";
import testPing from "./functions/test/ping.ts";
import testSleep from "./functions/test/sleep.ts";

export const functions: Readonly<Record<string, AnyFunction>> = {
  "agent.status": agentStatus,
  "cmd.run": cmdRun,
  "grains.get": grainsGet,
  "grains.items": grainsItems,
  "sys.doc": sysDoc,
  "sys.list": sysList,
  "test.echo": testEcho,
  "test.ping": testPing,
  "test.sleep": testSleep,
};
