/** What became of a job's allocations, in the words of their tasks. */
import type { ReadHttp } from "../../host/http.ts";
import { type Access, read } from "./api.ts";

const TOLD_MAX = 3;
const SAID_MAX = 300;

const NS_PER_MS = 1_000_000;

interface Event {
  /** In nanoseconds. */
  readonly Time?: number;
  readonly Type: string;
  readonly DisplayMessage?: string;
  readonly Message?: string;
  readonly DriverError?: string;
  readonly ExitCode?: number;
}

export interface JobAlloc {
  readonly ID: string;
  readonly TaskGroup: string;
  readonly NodeName?: string;
  readonly ClientStatus: string;
  readonly ClientDescription?: string;
  readonly DesiredStatus: string;
  readonly JobVersion: number;
  readonly DeploymentID?: string;
  /** The one that took its place. */
  readonly NextAllocation?: string;
  readonly CreateIndex: number;
  readonly TaskStates?: Readonly<
    Record<string, { readonly Failed: boolean; readonly Events?: readonly Event[] | null }>
  > | null;
}

/** `path`: with what else the API is to be told, such as a namespace. */
export const allocsOf = async (
  http: ReadHttp,
  at: Access,
  path: (part: string) => string,
): Promise<readonly JobAlloc[]> => (await read<readonly JobAlloc[]>(http, at, path("/allocations"))) ?? [];

/** When something happened to one of its tasks last. */
export const lastEventMs = ({ TaskStates: tasks }: JobAlloc): number =>
  Math.max(
    0,
    ...Object.values(tasks ?? {}).flatMap(({ Events: events }) =>
      (events ?? []).map(({ Time: ns = 0 }) => ns / NS_PER_MS),
    ),
  );

/** Of those that do not run as they should, the newest first: where, and what they said last. */
export function reasonsOf(allocs: readonly JobAlloc[]): string {
  const told = allocs
    .toSorted((a, b) => b.CreateIndex - a.CreateIndex)
    .flatMap((alloc) => {
      const why = whyOf(alloc);
      return why === undefined ? [] : [`${alloc.TaskGroup} on ${alloc.NodeName ?? "a node"}: ${why}`];
    });
  return [...new Set(told)]
    .slice(0, TOLD_MAX)
    .join("; ")
    .slice(0, SAID_MAX * TOLD_MAX);
}

/** Events that say why, those first that say it best. */
const TELLING: readonly string[] = [
  "Driver Failure",
  "Setup Failure",
  "Task hook failed",
  "Failed Validation",
  "Failed Artifact Download",
  "Disk Resources Exceeded",
  "Killing",
  "Template",
  "Terminated",
];

function whyOf({
  TaskStates: tasks,
  ClientDescription: said = "",
  ClientStatus: status,
}: JobAlloc): string | undefined {
  for (const [task, { Events: events }] of Object.entries(tasks ?? {})) {
    const known = events ?? [];
    const found = TELLING.map((type) => known.findLast((event) => event.Type === type)).find(isBad);
    const words = found && wordsOf(found);
    if (words) return `${task}: ${words}`.slice(0, SAID_MAX);
  }
  return status === "failed" || status === "lost" ? said.trim() || status : undefined;
}

/** A template that was rendered anew, a task that was ended or came to its end, is no reason. */
function isBad(event: Event | undefined): boolean {
  if (!event) return false;
  if (event.Type === "Terminated") return event.ExitCode !== 0;
  if (event.Type === "Template" || event.Type === "Killing")
    return /missing|fail|error|retry/i.test(event.DisplayMessage ?? "");
  return true;
}

const wordsOf = ({
  DisplayMessage: shown,
  DriverError: error,
  Message: message,
  Type: type,
}: Event): string => (shown || error || message || type).trim();
