import fc from 'fast-check';

// The same cases in every run, so that a red run is about the change. FAST_CHECK_SEED=N looks at others.
fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20_261_121) });
