/** The dead-man's own process: it watches one change, or at boot takes back all that were left unconfirmed. */
import { keepWatch, type Reverted, revertLeftovers } from "../confirm/dead-man.ts";

export async function undo(dir: string, id: string | undefined): Promise<void> {
  const reverted = id === undefined ? await revertLeftovers(dir) : [(await keepWatch(dir, id)) ?? []].flat();
  for (const { declaration, problems } of reverted) tell({ declaration, problems });
}

function tell({ declaration, problems }: Reverted): void {
  process.stderr.write(`took back ${declaration}, which was not confirmed\n`);
  for (const problem of problems) process.stderr.write(`  ${problem}\n`);
}
