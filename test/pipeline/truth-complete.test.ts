import { expect } from 'vitest';
import { completeGroups, meanTightness, playGroups } from './truth-seeds.ts';

playGroups(completeGroups, figures => {
  const { lower, upper } = meanTightness(figures.get('PostgreSQL')!);
  expect(lower).toBeGreaterThan(0.9);
  expect(upper).toBeGreaterThan(0.95);
});
