/** Bundles ashlar: each entry (command line, library, process in namespaces, worker thread) becomes one file in dist/. */
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: {
    ashlar: 'src/cli/main.ts',
    index: 'src/index.ts',
    inside: 'src/engine/inside.ts',
    'layer-worker': 'src/layers/worker.ts',
    'network-worker': 'src/sandbox/network-worker.ts',
  },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minifySyntax: true,
  minifyWhitespace: true,
  // It has a native part, which finds itself beside its own files.
  external: ['koffi'],
  // Some libraries are CommonJS and ask for Node's modules by require().
  banner: {
    js: "import { createRequire as ashlarRequire } from 'node:module'; const require = ashlarRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
