/**
 * A nats-server at a site, through which the site's nodes speak to the centre. It is trusted for the nodes of its site
 * and for nobody else's: its users reach one account, and of the system account the subjects that tell who is connected.
 */
import { addressOf, BomaError, newNkey, subjects } from "@boma/protocol";
import { encodeUser } from "@nats-io/jwt";

import { type BusTrust, type BusUser, newBusAccount, type SiteAccount, SiteName } from "./trust.ts";

/** How the master reaches who is behind it, and it says who that is. Refused is what it has no business with. */
function wayRights(site: string) {
  // The server asks for a right to the centre's name of what it passes on, and to the nodes' own.
  const heard = [addressOf("*"), addressOf("*", site)].flatMap((at) => [subjects.mail(at), subjects.ask(at)]);
  return {
    pub: {
      allow: ["boma.in.*.*", "boma.rpc.*.*", subjects.readMail("*"), "ctl.chunk.*.*.*", subjects.enrol("*")],
      deny: [],
    },
    sub: { allow: [...heard, subjects.call, "_INBOX.>"], deny: [] },
  };
}
const systemRights = (account: string) => ({
  pub: {
    allow: [
      `$SYS.ACCOUNT.${account}.CONNECT`,
      `$SYS.ACCOUNT.${account}.DISCONNECT`,
      "$SYS.SERVER.*.STATSZ",
      // Accounts that it missed while it was cut off: it asks for them.
      "$SYS.REQ.CLAIMS.PACK",
      "_INBOX.>",
    ],
    deny: [],
  },
  sub: {
    allow: [
      "$SYS.REQ.SERVER.PING",
      "$SYS.REQ.SERVER.PING.CONNZ",
      "$SYS.REQ.SERVER.*.CONNZ",
      "$SYS.REQ.CLAIMS.UPDATE",
      "$SYS._INBOX.>",
    ],
    deny: [],
  },
});

/** The trust with a server at this site, where none was; with other users and addresses, where one is. */
export interface IssuedSite {
  readonly trust: BusTrust;
  readonly site: SiteAccount;
  /** Its way to the centre. */
  readonly way: BusUser;
  /** Its part of the system account. */
  readonly system: BusUser;
}

export async function issueSiteServer(
  trust: BusTrust,
  name: string,
  urls: readonly string[],
): Promise<IssuedSite> {
  const site = SiteName.safeParse(name);
  if (!site.success)
    throw new BomaError("usage/argument", `${JSON.stringify(name)}: ${site.error.issues[0]!.message}`);
  const known = trust.agents.find((entry) => entry.site === name);
  if (known && !known.server)
    throw new BomaError(
      "usage/argument",
      `the nodes of ${name} speak to the centre themselves, by their credentials`,
      {
        hint: "Give the site another name, and assign them to it.",
      },
    );
  const now = Date.now();
  const { server } = known ?? {};
  const base = known ?? { site: name, ...newBusAccount() };
  const centre = server?.centre ?? newBusAccount();
  const [way, system] = [newNkey.user(), newNkey.user()];
  const rights = { allowed_connection_types: ["LEAFNODE" as const] };
  const issued: SiteAccount = {
    ...base,
    server: {
      urls,
      enrol: server?.enrol ?? newNkey.account(),
      centre,
      users: [way.publicKey, system.publicKey],
      former: { ...server?.former, ...Object.fromEntries((server?.users ?? []).map((user) => [user, now])) },
    },
  };
  const account = centre.account.publicKey;
  return {
    trust: { ...trust, agents: [...trust.agents.filter((entry) => entry !== known), issued] },
    site: issued,
    way: {
      nkey: way,
      jwt: await encodeUser(
        `site-${name}`,
        way.pair,
        account,
        { ...rights, ...wayRights(name) },
        {
          signer: centre.signer.pair,
        },
      ),
    },
    system: {
      nkey: system,
      jwt: await encodeUser(`site-${name}`, system.pair, trust.system.pair, {
        ...rights,
        ...systemRights(base.account.publicKey),
      }),
    },
  };
}
