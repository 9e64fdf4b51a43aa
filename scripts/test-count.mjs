// `node scripts/test-count.mjs REPORT`: prints `N passed, N failed, N skipped` from Vitest's JSON report; exit code 1
// when something failed or nothing ran.

import { readFileSync } from "node:fs";

const counts = { passed: 0, failed: 0, skipped: 0 };
try {
  const { testResults } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
  for (const file of testResults) {
    for (const { status } of file.assertionResults) {
      counts[status === "passed" || status === "failed" ? status : "skipped"] += 1;
    }
    // a file that does not even load has no tests to fail
    if (file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"))
      counts.failed += 1;
  }
} catch (error) {
  process.stderr.write(`There is no report of the tests: ${error.message}\n`);
}
const { passed, failed, skipped } = counts;
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
if (failed > 0 || passed === 0) process.exitCode = 1;
