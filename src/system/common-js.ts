import { createRequire } from 'node:module';

/**
 * Loads a CommonJS package as what it is. To `import` one, Node first searches its text for what it might export:
 * that makes Fastify half as slow again, and it is most of what starts.
 */
export const require = createRequire(import.meta.url);
