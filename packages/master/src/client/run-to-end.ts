/** One job, followed until every node has ended. */
import { isSettled, newRunView, type NodeResult, take } from "../print/run-view.ts";
import type { Client } from "./client.ts";
import { followJob, newJob } from "./follow-job.ts";

interface Asked {
  readonly target: string;
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface Ended {
  readonly job: string | undefined;
  readonly nodes: ReadonlyMap<string, NodeResult>;
}

export async function runToEnd(client: Client, asked: Asked): Promise<Ended> {
  const view = newRunView();
  const args = { ...asked, test: false, allowEmpty: false, watch: true };
  for await (const item of followJob(client, newJob(args))) {
    take(view, item);
    if (isSettled(view)) break;
  }
  return { job: view.record?.job, nodes: view.nodes };
}
