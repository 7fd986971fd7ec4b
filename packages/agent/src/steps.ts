/** Steps of a state run on their way: gathered for a moment, so that a thousand files are a handful of messages. */
import { PROGRESS_STEPS_MAX, type ProgressStep } from "@boma/protocol";

const GATHER_MS = 100;
/** Well below what a message may carry, however the names pack. */
const BATCH_BYTES_MAX = 128 * 1024;
/** Of a step beside its name. */
const FRAME_BYTES = 100;

export interface StepGatherer {
  add(step: ProgressStep): void;
  /** Sends what is left; the last call. */
  end(): void;
}

export function gatherSteps(send: (steps: readonly ProgressStep[]) => void): StepGatherer {
  // Of one declaration only the newest word counts.
  const waiting = new Map<number, ProgressStep>();
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.size > 0) send([...waiting.values()]);
    waiting.clear();
    bytes = 0;
  };
  return {
    add(step) {
      const size = Buffer.byteLength(step.id) + FRAME_BYTES;
      if (bytes + size > BATCH_BYTES_MAX) flush();
      waiting.set(step.index, step);
      bytes += size;
      if (waiting.size >= PROGRESS_STEPS_MAX) flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
    end: flush,
  };
}
