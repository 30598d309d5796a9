import type { Reporter, TestCase } from 'vitest/node';

/** Says why tests failed that passed when they were tried again: the list of results does not. */
export const retries: Reporter = {
  onTestCaseResult(test: TestCase) {
    if (!test.diagnostic()?.retryCount) return;
    const errors = test.result().errors ?? [];
    for (const { stack, message } of errors)
      console.log(`a first try of "${test.fullName}" failed: ${stack ?? message}`);
  },
};
