/** The working key, for the other masters: in the store, sealed with the key that they all have from the beginning. */
import { pack, subjects, unpack } from "@boma/protocol";
import { z } from "zod";

import type { Home } from "../home.ts";
import { keepWorkingKey, readWorkingKey, type WorkingKey } from "../keyring.ts";
import { hide, reveal } from "../secret-box.ts";
import { type Store, STREAM } from "../store/store.ts";

const SUBJECT = subjects.record("working-key", "master");
const SharedKey = z.strictObject({ serial: z.int().positive(), text: z.string() });

export const shareKey = (store: Store, key: WorkingKey): Promise<unknown> =>
  store.put(SUBJECT, hide(pack(SharedKey.parse(key)), store.key, SUBJECT));

/** Whoever comes to lead has the newest one: another master may have retired ours. */
export async function levelKey(store: Store, home: Home): Promise<void> {
  const own = readWorkingKey(home);
  const found = await store.last(STREAM.records, SUBJECT);
  const shared = found && SharedKey.parse(unpack(reveal(found.data, store.key, SUBJECT)));
  if (!shared || shared.serial < own.serial) await shareKey(store, own);
  else if (shared.serial > own.serial) keepWorkingKey(home, shared);
}
