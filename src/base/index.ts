export * from './effects.ts';
export * from './errors.ts';
export * from './group.ts';
export * from './i18n.ts';
export * from './ids.ts';
export * from './paths.ts';
export * from './text.ts';
export * from './time.ts';
