// The floors of the house (docs/architecture.md): a module imports from its own floor or from below, never upwards.
const floors = [
  ['src/linux', 'src/support'],
  ['src/oci', 'src/layers', 'src/stacking', 'src/sandbox', 'src/disk', 'src/setup', 'src/packages'],
  ['src/plan', 'src/engine'],
  ['src/recipes'],
  ['src/cli'],
];
const folders = list => `^(${list.join('|')})/`;
const upwards = floors.slice(0, -1).map((floor, i) => ({
  name: `floor-${i + 1}-imports-upwards`,
  severity: 'error',
  from: { path: folders(floor) },
  to: { path: folders(floors.slice(i + 1).flat()) },
}));

module.exports = {
  forbidden: [
    ...upwards,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'recipes-know-only-the-plan',
      severity: 'error',
      from: { path: '^src/recipes/' },
      to: { path: '^src/(engine|layers|stacking|sandbox|disk|setup|packages|linux)/' },
    },
    {
      name: 'plan-is-plain-data',
      severity: 'error',
      from: { path: '^src/plan/' },
      to: { path: '^src/(engine|layers|sandbox|linux)/' },
    },
    {
      name: 'only-linux-calls-ffi',
      severity: 'error',
      from: { pathNot: '^src/linux/' },
      to: { path: 'node_modules/koffi/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
