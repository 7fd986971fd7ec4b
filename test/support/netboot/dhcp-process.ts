/** The DHCP half of a boot service by itself, as a process: `dhcp-process.ts INTERFACE FIRST,LAST DIRECTORY`. It says what happens, a line each. */
import { startDhcp } from "../../../packages/master/src/netboot/dhcp-service.ts";

const [name, range, dir] = process.argv.slice(2) as [string, string, string];
const [first, last] = range.split(",") as [string, string];
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const request = { mode: "full", interface: name, dir, range: [first, last], httpPort: 8080 } as const;
try {
  const dhcp = await startDhcp(request, {
    onDiscover: (mac) => say(`discover ${mac}`),
    onRogue: (server, address) => say(`rogue ${server} ${address}`),
    complain: (line) => say(`complains ${line}`),
    onLost: (why) => say(`lost ${why}`),
  });
  say("serving");
  await new Promise<void>((resolve) => process.once("SIGTERM", resolve));
  await dhcp[Symbol.asyncDispose]();
  say("ended");
} catch (error) {
  say(`refused ${(error as Error).message}`);
  process.exitCode = 1;
}
