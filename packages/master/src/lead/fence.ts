/** Shuts a master that led before out of the bus, whatever it believes: its users are revoked, and its lines cut. */
import type { NatsConnection } from "nats";

import { accountJwts } from "../bus/accounts.ts";
import { pushAccount } from "../bus/claims.ts";
import type { BusTrust, RevokedKeys } from "../bus/trust.ts";

/** The system account first: through it the other could give its users back. */
const ACCOUNTS = ["SYS", "CTRL"];

/** `false` where a server of the cluster did not say that it did so. */
export async function shutOut(
  system: NatsConnection,
  trust: BusTrust,
  masters: RevokedKeys,
): Promise<boolean> {
  const jwts = await accountJwts(trust, { masters });
  let everywhere = true;
  for (const account of ACCOUNTS) {
    const { jwt } = jwts.find(({ name }) => name === account)!;
    everywhere = (await pushAccount(system, jwt)) && everywhere;
  }
  return everywhere;
}
