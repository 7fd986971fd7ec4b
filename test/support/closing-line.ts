import type { Reporter, TestModule, TestResult } from "vitest/node";

/** Prints each failure in a line, and `N passed, N failed, N skipped` as the last one, which is what CI reads. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    const failures = errors.map((error) => `failed: outside of a test: ${firstLine(error)}`);
    for (const module of modules) {
      if (module.children.size === 0 || module.errors().length > 0) count.failed += module.errors().length;
      for (const error of module.errors())
        failures.push(`failed: ${module.relativeModuleId}: ${firstLine(error)}`);
      for (const test of module.children.allTests()) {
        const result = test.result();
        count[result.state]++;
        if (result.state === "failed")
          failures.push(`failed: ${module.relativeModuleId} > ${test.fullName}: ${why(result)}`);
      }
    }
    const { passed, failed, skipped, pending } = count;
    process.on("exit", () => {
      for (const line of failures) console.log(line);
      console.log(`${passed} passed, ${failed} failed, ${skipped + pending} skipped`);
    });
  }
}

const why = ({ errors }: TestResult): string => firstLine(errors?.[0]);

const firstLine = (error: unknown): string =>
  String((error as { message?: string } | undefined)?.message ?? error).split("\n", 1)[0]!;
