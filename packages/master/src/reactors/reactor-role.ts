/** A reactor acts as an operator of its own, whom an admin gives rights. Nobody holds the keys. */
import { newNkey, newSigningKey, parseTarget } from "@boma/protocol";

import { OperatorRecord, type Rights } from "../api/rights.ts";
import type { Table } from "../store/table.ts";

export const roleName = (reactor: string): string => `reactor.${fileName(reactor)}`;

/** All reactors of one file have one role: `dev/grow` is one of those in reactors/dev.ts. */
export const fileName = (reactor: string): string => reactor.split("/", 1)[0]!;

export function findRole(operators: Table<OperatorRecord>, reactor: string): OperatorRecord | undefined {
  const name = roleName(reactor);
  return [...operators.values()].find((one) => one.name === name);
}

const NOTHING: Rights = { admin: false, read: false, run: [], events: [], audit: false };

/** Who acts, also where nobody has allowed it anything yet: it is refused by the same function then, and recorded. */
export function roleOf(operators: Table<OperatorRecord>, reactor: string): OperatorRecord {
  return findRole(operators, reactor) ?? newRole(reactor, NOTHING, "nobody");
}

export async function allow(
  operators: Table<OperatorRecord>,
  reactor: string,
  { rights, by }: { readonly rights: Rights; readonly by: string },
): Promise<OperatorRecord> {
  for (const { target } of [...rights.run, ...(rights.assign ?? [])]) parseTarget(target);
  const role = { ...roleOf(operators, reactor), rights, addedAt: Date.now(), addedBy: by };
  await operators.update(role.key, () => OperatorRecord.parse(role));
  return role;
}

/** Its keys are made and thrown away: no message was ever signed by a reactor, none ever will be. */
const newRole = (reactor: string, rights: Rights, by: string): OperatorRecord => ({
  key: newNkey.user().publicKey,
  name: roleName(reactor),
  sign: newSigningKey().publicKey,
  rights,
  addedAt: Date.now(),
  addedBy: by,
});
