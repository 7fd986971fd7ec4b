/** Makes a new master: trust root, working key, the bus's own trust, the local operator, and a site to begin with. */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { BomaError, keyName, newNkey, newSigningKey } from "@boma/protocol";

import { createCa } from "./bus/tls.ts";
import { createBusTrust, serializeBusTrust } from "./bus/trust.ts";
import { type Home, isInitialised, makeHome, writeSecret } from "./home.ts";
import { createKeyring, readKeyring } from "./keyring.ts";
import { writeOperatorFile } from "./operator-file.ts";
import { writeStarterSite } from "./starter-site.ts";

const LOCAL_OPERATOR = "local";

export async function initialise(
  home: Home,
  site: string,
): Promise<{ root: string; site: string; wroteSite: boolean }> {
  if (isInitialised(home))
    throw new BomaError("home/exists", `${home.dir} has a trust root already`, {
      hint: "Nothing was changed. `boma-master serve` starts it; another one goes into another --home.",
    });
  makeHome(home);
  if (!existsSync(join(home.keys, "root.json"))) createKeyring(home);
  const ca = await createCa();
  writeSecret(join(home.keys, "ca.key"), ca.privateKey);
  writeSecret(join(home.keys, "ca.pem"), ca.certificate);
  const keyring = readKeyring(home);
  writeOperatorFile(home.operator, {
    name: LOCAL_OPERATOR,
    servers: ["nats://127.0.0.1:4222"],
    user: newNkey.user(),
    sign: newSigningKey(),
    credential: "",
    root: keyring.root,
  });
  // Last of all, for its presence says that everything is there.
  writeSecret(join(home.keys, "bus.json"), serializeBusTrust(createBusTrust()));
  return { root: keyName(keyring.root), site, wroteSite: writeStarterSite(site) };
}
