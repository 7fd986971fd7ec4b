/** What is wrong with what a site wrote, in one line. Of a choice it is the part that the writer meant. */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;

export function faultText(error: z.ZodError): string {
  const issue = meant(error.issues[0]!);
  const at = issue.path.length === 0 ? "" : `${issue.path.join(".")} `;
  return `${at}${issue.message}`;
}

function meant(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.flat().map(meant);
  // A value of the right type with the wrong contents was meant so; the other choices are of another type.
  const best = inner.find(({ code }) => code === "custom" || code === "invalid_format") ?? inner[0];
  return best ? { ...best, path: [...issue.path, ...best.path] } : issue;
}
