/** A program and all that it starts, which end together: also where it leaves its children behind. */
import { TestProcess } from "../../test/support/process.ts";

const leaders = new Set<number>();
process.on("exit", () => {
  for (const pid of leaders) kill(pid);
});

export function startGroup(command: string, args: readonly string[]): TestProcess {
  const started = new TestProcess("setsid", [command, ...args]);
  leaders.add(started.pid);
  return started;
}

export async function endGroup(one: TestProcess): Promise<void> {
  kill(one.pid);
  await one.ended;
  leaders.delete(one.pid);
}

function kill(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // All of it is over.
  }
}
