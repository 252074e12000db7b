/** The pages in the order of the navigation; `key` after `g` goes there. */
export const pages = [
  { to: '/', key: 'o', name: 'overview' },
  { to: '/timeline', key: 't', name: 'timeline' },
  { to: '/exposure', key: 'x', name: 'exposure' },
  { to: '/evidence', key: 'e', name: 'evidence' },
  { to: '/problems', key: 'p', name: 'problems' },
  { to: '/decisions', key: 'd', name: 'decisions' },
  { to: '/revisions', key: 'r', name: 'revisions' },
] as const;
