import fc from 'fast-check';

/** Property tests try the same cases in every run, so that a failure says something of the change; `SEED=n` tries others. */
fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 1) });
