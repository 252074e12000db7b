import { expect } from 'vitest';
import { meanTightness, playGroups, poorGroups } from './truth-seeds.ts';

playGroups(poorGroups, figures => {
  // What is lost costs certainty, never soundness; a hundredth of the lines costs little of either.
  expect(meanTightness(figures.get('one line in a hundred lost')!).lower).toBeGreaterThan(0.85);
});
