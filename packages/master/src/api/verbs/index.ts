import type { Verb } from "@boma/protocol";

import type { AnyVerb } from "../verb.ts";
import { auditCopies, auditHeads, auditNext, auditOther, auditOthers, auditStatus } from "./audit.ts";
import { catalogDiff, catalogList, catalogShow, planList, planStore } from "./catalogs.ts";
import { driftList } from "./drift.ts";
import { enrollAllow, enrollApprove, enrollDeny, enrollList } from "./enroll.ts";
import { eventsNext, subscriberDone, subscriberList, subscriberRemove } from "./events.ts";
import { jobStart } from "./job-start.ts";
import { jobAttach, jobCancel, jobList, jobShow } from "./jobs.ts";
import { joinKeyList, joinKeyNew, joinKeyRetire } from "./join-keys.ts";
import { leaseEnd, leaseList } from "./leases.ts";
import { feedKeep, masterRotate, masterStatus } from "./master.ts";
import {
  netbootBoot,
  netbootClose,
  netbootOpen,
  netbootStatus,
  netbootTell,
  netbootTrust,
} from "./netboot.ts";
import {
  nodesAssign,
  nodesForget,
  nodesGrains,
  nodesList,
  nodesRekey,
  nodesRevoke,
  targetResolve,
} from "./nodes.ts";
import { notifyDead, notifyList, notifyRetry, notifyTest } from "./notify.ts";
import { operatorAdd, operatorList, operatorRemove, operatorRenew } from "./operators.ts";
import { permitSign } from "./permits.ts";
import { reactorAllow, reactorList, reactorResume, reactorStop, reactorTell } from "./reactors.ts";
import { secretCheck, secretForget, secretList } from "./secrets.ts";
import { profileExplain, profileList, profileSet, siteCheck, sitePillar } from "./site.ts";
import {
  terraformApprove,
  terraformList,
  terraformPlans,
  terraformShow,
  terraformStore,
} from "./terraform.ts";
import { tokenCreate, tokenList, tokenRevoke } from "./tokens.ts";

/** Everything that an operator can ask. A verb of the protocol without an entry here does not compile. */
export const verbs: Readonly<Record<Verb, AnyVerb>> = {
  "master.status": masterStatus,
  "master.rotate": masterRotate,
  "nodes.list": nodesList,
  "nodes.grains": nodesGrains,
  "nodes.assign": nodesAssign,
  "nodes.revoke": nodesRevoke,
  "nodes.rekey": nodesRekey,
  "nodes.forget": nodesForget,
  "target.resolve": targetResolve,
  "job.start": jobStart,
  "job.list": jobList,
  "job.show": jobShow,
  "job.attach": jobAttach,
  "job.cancel": jobCancel,
  "lease.list": leaseList,
  "lease.end": leaseEnd,
  "permit.sign": permitSign,
  "plan.store": planStore,
  "plan.list": planList,
  "catalog.list": catalogList,
  "catalog.show": catalogShow,
  "catalog.diff": catalogDiff,
  "enroll.list": enrollList,
  "enroll.approve": enrollApprove,
  "enroll.deny": enrollDeny,
  "enroll.allow": enrollAllow,
  "token.create": tokenCreate,
  "token.list": tokenList,
  "token.revoke": tokenRevoke,
  "join-key.list": joinKeyList,
  "join-key.new": joinKeyNew,
  "join-key.retire": joinKeyRetire,
  "netboot.open": netbootOpen,
  "netboot.close": netbootClose,
  "netboot.status": netbootStatus,
  "netboot.trust": netbootTrust,
  "netboot.boot": netbootBoot,
  "netboot.tell": netbootTell,
  "operator.list": operatorList,
  "operator.add": operatorAdd,
  "operator.remove": operatorRemove,
  "operator.renew": operatorRenew,
  "secret.check": secretCheck,
  "secret.list": secretList,
  "secret.forget": secretForget,
  "events.next": eventsNext,
  "subscriber.list": subscriberList,
  "subscriber.done": subscriberDone,
  "subscriber.remove": subscriberRemove,
  "notify.list": notifyList,
  "notify.dead": notifyDead,
  "notify.retry": notifyRetry,
  "notify.test": notifyTest,
  "drift.list": driftList,
  "terraform.list": terraformList,
  "terraform.plans": terraformPlans,
  "terraform.show": terraformShow,
  "terraform.store": terraformStore,
  "terraform.approve": terraformApprove,
  "site.check": siteCheck,
  "site.pillar": sitePillar,
  "profile.list": profileList,
  "profile.explain": profileExplain,
  "profile.set": profileSet,
  "reactor.list": reactorList,
  "reactor.allow": reactorAllow,
  "reactor.stop": reactorStop,
  "reactor.resume": reactorResume,
  "reactor.tell": reactorTell,
  "audit.next": auditNext,
  "audit.copies": auditCopies,
  "audit.heads": auditHeads,
  "audit.status": auditStatus,
  "audit.others": auditOthers,
  "audit.other": auditOther,
  "feed.keep": feedKeep,
};
