/**
 * An agent shares its machine with what the machine is for. A start, and each run of states, need memory once, which V8
 * keeps until it is short of it; and its optimizing compiler is worth its pages to programs that compute for longer than
 * an agent ever does: Maglev, which stays, opens parcels as fast. Figures: bench/notes.md.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const FIRST_MS = 5_000;
const LOOK_MS = 20_000;
/** What is less than this is not worth the pause of a tenth of a second. */
const GROWN_BYTES = 6 * 1024 ** 2;

export function spareMemory(): void {
  setFlagsFromString("--no-opt");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void;
  setFlagsFromString("--no-expose-gc");
  let kept = 0;
  const look = (): void => {
    if (getHeapStatistics().total_heap_size < kept + GROWN_BYTES) return;
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    kept = getHeapStatistics().total_heap_size;
  };
  setTimeout(look, FIRST_MS).unref();
  setInterval(look, LOOK_MS).unref();
}
